import Bedrock

/// One file being read: not a path, but what stood there once, wherever it was moved to. Not thread-safe.
final class TailedFile {
    enum Outcome: Equatable {
        /// The budget is used up.
        case more
        /// Nothing more is there now.
        case end
        /// Other bytes stand where it was read: it was truncated, and perhaps written to again.
        case truncated
        case failed(FileError)
    }

    /// Longest line; longer ones are cut into pieces of this size, each marked.
    static let lineBytesMax = 2 << 20
    /// The least that is read at once.
    private static let chunkBytes = 128 << 10
    /// Milliseconds in which a file may change twice with one time of modification.
    private static let tick: Int64 = 20

    let job: TailJob
    var position: TailPosition
    let pipeline: EntryPipeline
    /// Nil while it is closed to save descriptors.
    var file: (any File)?
    let isCompressed: Bool
    /// As of the last time it was read to its end.
    private var seen: (size: UInt64, modified: Int64)?
    /// Since when the file has ended in an unfinished line of so many bytes; monotonic nanoseconds.
    private var unfinished: (since: UInt64, bytes: Int)?
    /// When there was something to read for the last time; monotonic nanoseconds.
    private(set) var lastRead: UInt64

    init(job: TailJob, position: TailPosition, pipeline: EntryPipeline, isCompressed: Bool, now: UInt64) {
        self.job = job
        self.position = position
        self.pipeline = pipeline
        self.isCompressed = isCompressed
        lastRead = now
        pipeline.isInsideKey = position.isInsideKey
    }

    var key: String { position.key(job: job.name) }

    /// Bytes that are there and not consumed, as of the last look.
    private(set) var lag: UInt64 = 0

    /// When an unfinished last line is let go; nil when there is none.
    var unfinishedDue: UInt64? { unfinished.map { $0.since &+ job.unfinishedWait } }

    /// Lines held back by a crash of an earlier run are read again, so that they can be joined as they would have been.
    func resume(into sink: LogAppending) throws(FileError) {
        guard let file, !position.held.isEmpty else { return }
        for range in position.held {
            let bytes = try Self.bytes(file, range)
            bytes.withUnsafeBytes { raw in
                var at = 0
                while at < raw.count {
                    let end = raw[at...].firstIndex(of: 10) ?? raw.count
                    let line = Self.trimmed(UnsafeRawBufferPointer(rebasing: raw[at..<end]))
                    let next = min(end + 1, raw.count)
                    let span = range.lowerBound + UInt64(at)..<range.lowerBound + UInt64(next)
                    pipeline.process(line, part: 0, span: span, into: sink)
                    at = next
                }
            }
        }
    }

    private static func bytes(_ file: any File, _ range: Range<UInt64>) throws(FileError) -> [UInt8] {
        var failure: FileError?
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(range.upperBound - range.lowerBound)) { room, count in
            do throws(FileError) {
                count = try file.read(at: range.lowerBound, into: UnsafeMutableRawBufferPointer(room))
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    // MARK: Reading

    /// Consumes whole lines, about `bytes` of them at most.
    /// - Parameters:
    ///   - rest: `end` when nothing more will be written, so that an unfinished last line is a line.
    ///   - vouch: asked before the first bytes of all are consumed, with them; false: not yet.
    func read(
        into sink: LogAppending, bytes: Int, now: UInt64, buffer: ReadBuffer, rest: LineSplitter.Rest,
        vouch: (UnsafeRawBufferPointer) -> Bool = { _ in true }
    ) -> Outcome {
        guard let file else { return .end }
        do throws(FileError) {
            let status = try file.status()
            if !isCompressed, rest == .wait, let seen, seen.size == status.size, seen.modified == status.modified {
                return waitForRest(into: sink, now: now, buffer: buffer, file)
            }
            if !isCompressed && status.size < position.offset {
                guard try isShrunk(file) else { return .truncated }
                // A power cut takes the end of what was not synced; what comes next is appended here.
                position.offset = status.size
                position.tail = .none
                position.part = 0
            }
            let outcome = try consume(file, into: sink, bytes: bytes, now: now, buffer: buffer, rest: rest, vouch)
            if outcome == .end {
                // A change within the same tick of the file system's clock wouldn't show.
                let age = job.clock.now() &- status.modified
                seen = (0..<Self.tick).contains(age) ? nil : (status.size, status.modified)
                position.modified = max(position.modified, status.modified)
            } else {
                seen = nil
            }
            lag = isCompressed || status.size < position.offset ? 0 : status.size - position.offset
            return outcome
        } catch {
            return .failed(error)
        }
    }

    private func isShrunk(_ file: any File) throws(FileError) -> Bool {
        guard position.head.length == UInt32(ByteSample.headBytesMax) else { return false }
        return try position.head.stands(in: file, at: 0)
    }

    private func waitForRest(into sink: LogAppending, now: UInt64, buffer: ReadBuffer, _ file: any File) -> Outcome {
        guard let due = unfinishedDue, now >= due else { return .end }
        do throws(FileError) {
            return try consume(file, into: sink, bytes: .max, now: now, buffer: buffer, rest: .cut) { _ in true }
        } catch {
            return .failed(error)
        }
    }

    private func consume(
        _ file: any File, into sink: LogAppending, bytes: Int, now: UInt64, buffer: ReadBuffer, rest: LineSplitter.Rest,
        _ vouch: (UnsafeRawBufferPointer) -> Bool
    ) throws(FileError) -> Outcome {
        let start = position.offset
        var chunk = min(Self.chunkBytes, max(bytes, 4096))
        while position.offset - start < UInt64(bytes) {
            let got = try buffer.read(file, at: position.offset, count: chunk)
            guard try isSame(file) else { return .truncated }
            // A file of which nothing was read shows nothing when it is truncated: what was copied away must be looked for.
            if position.offset == 0, !vouch(buffer.bytes(got)) { return .more }
            let isEnd = got < chunk
            let used = split(buffer.bytes(got), into: sink, rest: isEnd ? rest : .wait)
            if used > 0 {
                try move(by: used, buffer.bytes(got), file)
                lastRead = now
                unfinished = nil
                chunk = Self.chunkBytes
                sink.advance(key, positionNow.encode())
            } else if !isEnd {
                chunk = min(chunk * 2, Self.lineBytesMax + Self.chunkBytes)
            }
            guard isEnd else { continue }
            note(unfinishedBytes: got - used, now)
            return .end
        }
        return .more
    }

    private func note(unfinishedBytes: Int, _ now: UInt64) {
        if unfinishedBytes == 0 {
            unfinished = nil
        } else if unfinished?.bytes != unfinishedBytes {
            unfinished = (now, unfinishedBytes)
        }
    }

    /// Whether the bytes before `offset` are still those that were read; asked after a read, so that it vouches for what was read, too.
    private func isSame(_ file: any File) throws(FileError) -> Bool {
        if isCompressed { return true }
        guard try position.head.stands(in: file, at: 0) else { return false }
        return try position.tail.stands(in: file, at: position.offset - UInt64(position.tail.length))
    }

    private func move(by used: Int, _ chunk: UnsafeRawBufferPointer, _ file: any File) throws(FileError) {
        position.offset += UInt64(used)
        position.tail = ByteSample(
            of: UnsafeRawBufferPointer(rebasing: chunk[max(0, used - ByteSample.tailBytesMax)..<used]))
        guard position.head.length < UInt32(ByteSample.headBytesMax) else { return }
        let count = Int(min(UInt64(ByteSample.headBytesMax), position.offset))
        if position.offset == UInt64(used) {
            position.head = ByteSample(of: UnsafeRawBufferPointer(rebasing: chunk[..<count]))
        } else if !isCompressed {
            position.head = try ByteSample.read(file, at: 0, count: count)
        }
    }

    /// The position as it is to be remembered.
    var positionNow: TailPosition {
        var result = position
        result.held = pipeline.heldSpans
        result.isInsideKey = pipeline.isInsideKey
        return result
    }

    /// Lets go of joined lines whose time has come, or of all of them.
    func flush(into sink: LogAppending, now: UInt64, all: Bool) {
        guard pipeline.flush(into: sink, now: now, all: all) else { return }
        sink.advance(key, positionNow.encode())
    }

    // MARK: Lines

    /// Hands the lines of `bytes` on.
    /// - Returns: how many bytes they were.
    private func split(_ bytes: UnsafeRawBufferPointer, into sink: LogAppending, rest: LineSplitter.Rest) -> Int {
        var splitter = LineSplitter(bytes, lineBytesMax: Self.lineBytesMax, part: position.part)
        while let line = splitter.next(rest) {
            let span = position.offset + UInt64(line.range.lowerBound)..<position.offset + UInt64(line.range.upperBound)
            pipeline.process(line.bytes, part: line.part, span: span, into: sink)
        }
        position.part = splitter.part
        return splitter.consumed
    }

    private static func trimmed(_ line: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        line.last == 13 ? UnsafeRawBufferPointer(rebasing: line.dropLast()) : line
    }
}

/// Memory to read into, shared by all files of a thread. Not thread-safe.
final class ReadBuffer {
    private var room = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 64)

    deinit { room.deallocate() }

    /// Reads `count` bytes, or as many as there are.
    func read(_ file: any File, at offset: UInt64, count: Int) throws(FileError) -> Int {
        if room.count < count {
            room.deallocate()
            room = .allocate(byteCount: count, alignment: 64)
        }
        return try file.read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: room[..<count]))
    }

    /// What was read last; valid until the next read.
    func bytes(_ count: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: room[..<count]) }
}
