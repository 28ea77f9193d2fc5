import Bedrock

/// A durable first-in, first-out queue of records in numbered files. It has one owner at a time, who may hand it on; not thread-safe.
///
/// `append` gathers, `sync` makes what was gathered durable; only durable records are handed out for sending, and each keeps its sequence
/// for good, so that whoever receives a record twice can tell. Records leave by `acknowledge`. Memory: what is not synced yet, and 32 bytes
/// for each record on disk.
final class DiskQueue: @unchecked Sendable {
    /// A record to send.
    struct Record {
        let sequence: UInt64
        let samples: Int
        let payload: [UInt8]
    }

    /// Records that went without having been delivered.
    struct Loss: Equatable {
        enum Reason: String {
            /// The oldest, for lack of room.
            case overflow = "queue_overflow"
            case damage = "queue_corrupt"
        }

        let reason: Reason
        var sequences: ClosedRange<UInt64>
        var samples: Int
    }

    private let directory: String
    private let files: any FileSystem
    private let options: QueueOptions
    private let lock: any File
    private var position: QueuePosition
    private var segments: [QueueSegment] = []
    /// The last of `segments`, unless writing to it failed.
    private var isActiveUsable = false
    private var pending = ByteBuffer(capacity: 64 << 10)
    private var pendingMarks: [QueueSegment.Mark] = []
    private var nextSequence: UInt64
    private var sinceWritten = 0
    private var losses: [Loss] = []
    private let witness: (any DiskQueueWitness)?
    /// Durable records not acknowledged yet.
    private(set) var backlog = (records: 0, samples: 0)

    /// Opens, or makes, the queue in `directory`.
    /// - Parameter witness: sees what is found, and has a say before files of delivered records go.
    init(
        _ directory: String, files: any FileSystem, options: QueueOptions, random: inout some RandomNumberGenerator,
        witness: (any DiskQueueWitness)? = nil
    ) throws(QueueFailure) {
        self.witness = witness
        self.directory = directory
        self.files = files
        self.options = options
        do throws(FileError) {
            try Self.createDurably(directory, files)
            lock = try files.lock(Path.join(directory, "LOCK"))
        } catch {
            throw .file(error)
        }
        let found = try QueuePosition.read(directory, files)
        position =
            found
            ?? QueuePosition(
                identity: UInt64.random(in: 1...UInt64.max, using: &random), acknowledged: 0, nextSequence: 1)
        nextSequence = max(position.nextSequence, position.acknowledged + 1)
        try recover(hasPosition: found != nil)
    }

    /// A directory whose name survives a power cut, and those of its parents, too: an earlier run may have made them without getting to
    /// the sync. A parent that can't be opened is somebody else's, and older.
    private static func createDurably(_ path: String, _ files: any FileSystem) throws(FileError) {
        guard path != "/", path != ".", !path.isEmpty else { return }
        let parent = Path.parent(path)
        try createDurably(parent, files)
        try files.createDirectory(path)
        do throws(FileError) { try files.syncDirectory(parent) } catch {
            if error.reason != .denied { throw error }
        }
    }

    /// Names this queue among all that ever send to a place.
    var identity: UInt64 { position.identity }
    /// Bytes in files and waiting to get there.
    var byteCount: Int { segments.reduce(pending.count) { $0 + Int($1.end) } }
    var acknowledged: UInt64 { position.acknowledged }
    var hasPending: Bool { !pendingMarks.isEmpty }
    /// Takes the losses noted so far.
    func takeLosses() -> [Loss] {
        defer { losses = [] }
        return losses
    }

    // MARK: Writing

    /// Gathers a record under the next sequence. Not durable, and not sent, before `sync`.
    @discardableResult
    func append(_ payload: UnsafeRawBufferPointer, samples: Int) throws(QueueFailure) -> UInt64 {
        guard payload.count <= QueueLimits.recordBytesMax else { throw .tooLarge(bytes: payload.count) }
        let bytes = payload.count + QueueFormat.recordHeaderBytes
        try makeRoom(for: bytes)
        let mark = QueueSegment.Mark(
            sequence: nextSequence, offset: UInt64(pending.count), bytes: bytes, samples: samples)
        QueueFormat.append(payload, sequence: nextSequence, samples: samples, to: &pending)
        pendingMarks.append(mark)
        nextSequence += 1
        return mark.sequence
    }

    /// Makes everything gathered durable. After an error it is still gathered: call again later.
    func sync() throws(QueueFailure) {
        guard !pendingMarks.isEmpty else { return }
        do throws(FileError) { try writePending() } catch {
            // What of the file is durable is unknown now: go on in another one.
            isActiveUsable = false
            guard error.reason == .full, options.overflow == .dropOldest, dropOldest() else { throw .file(error) }
            do throws(FileError) { try writePending() } catch {
                isActiveUsable = false
                throw .file(error)
            }
        }
    }

    private func writePending() throws(FileError) {
        guard let first = pendingMarks.first else { return }
        let needsNew = !isActiveUsable || segments.last.map { $0.end >= options.segmentBytes } ?? true
        if needsNew {
            segments.append(try QueueSegment.create(directory, firstSequence: first.sequence, files))
            isActiveUsable = true
        }
        guard let segment = segments.last else { return }
        try segment.file.write(pending.bytes, at: segment.end)
        try segment.file.sync()
        for mark in pendingMarks {
            var mark = mark
            mark.offset += segment.end
            segment.records.append(mark)
            backlog.records += 1
            backlog.samples += mark.samples
        }
        segment.end += UInt64(pending.count)
        pending.clear()
        pendingMarks.removeAll(keepingCapacity: true)
    }

    private func makeRoom(for bytes: Int) throws(QueueFailure) {
        while byteCount + bytes > options.bytesMax {
            guard options.overflow == .dropOldest, dropOldest() else { throw .full(bytesMax: options.bytesMax) }
        }
    }

    /// Gives up the oldest file; false when there is none.
    private func dropOldest() -> Bool {
        guard let oldest = segments.first else { return false }
        note(.overflow, Array(oldest.records[oldest.firstLive...]))
        if let last = oldest.records.last { advance(to: last.sequence) }
        removeFirst()
        return true
    }

    private func removeFirst() {
        // The last file's name is what keeps the sequences going.
        if segments.count == 1 { try? writePosition() }
        let segment = segments.removeFirst()
        if segments.isEmpty { isActiveUsable = false }
        // A file that can't be removed comes back at the next start, and is recognised as delivered by the position.
        try? files.remove(segment.path)
    }

    private func note(_ reason: Loss.Reason, _ marks: [QueueSegment.Mark]) {
        guard let first = marks.first, let last = marks.last else { return }
        losses.append(
            Loss(
                reason: reason, sequences: first.sequence...last.sequence, samples: marks.reduce(0) { $0 + $1.samples })
        )
    }

    // MARK: Reading

    /// The oldest durable record that isn't acknowledged. Damaged ones are noted as lost and passed over.
    func oldest() throws(QueueFailure) -> Record? {
        for segment in segments {
            while segment.firstLive < segment.records.count {
                let mark = segment.records[segment.firstLive]
                let payload: [UInt8]?
                do throws(FileError) { payload = try segment.payload(mark) } catch { throw .file(error) }
                if let payload { return Record(sequence: mark.sequence, samples: mark.samples, payload: payload) }
                note(.damage, [mark])
                advance(to: mark.sequence)
            }
        }
        return nil
    }

    /// Ends the life of every record up to `sequence`: delivered, or refused for good.
    func acknowledge(_ sequence: UInt64) throws(QueueFailure) {
        advance(to: sequence)
        sinceWritten += 1
        // The last file stays: its name keeps the sequences going.
        while segments.count > 1, segments[0].firstLive == segments[0].records.count, mayRemoveFirst {
            removeFirst()
        }
        if sinceWritten >= options.acknowledgementsPerPosition { try writePosition() }
    }

    private func advance(to sequence: UInt64) {
        position.acknowledged = max(position.acknowledged, sequence)
        for segment in segments {
            while segment.firstLive < segment.records.count, segment.records[segment.firstLive].sequence <= sequence {
                backlog.records -= 1
                backlog.samples -= segment.records[segment.firstLive].samples
                segment.firstLive += 1
            }
            if segment.firstLive < segment.records.count { break }
        }
    }

    /// Remembers how far it got, so that nothing is sent again after a restart.
    func writePosition() throws(QueueFailure) {
        sinceWritten = 0
        position.nextSequence = nextSequence
        try position.write(directory, files)
    }

    // MARK: Recovery

    /// Where the file before this one was cut short by damage, its missing records count as lost, one sample each for want of knowledge.
    private func noteGap(before first: UInt64) {
        guard let last = segments.last?.records.last?.sequence, last + 1 < first else { return }
        let start = max(last, position.acknowledged) + 1
        guard start < first else { return }
        losses.append(Loss(reason: .damage, sequences: start...(first - 1), samples: Int(clamping: first - start)))
    }

    /// Shows the witness what of the files it hasn't accounted for.
    private func show() throws(QueueFailure) {
        guard let witness else { return }
        let known = witness.accountedFor(identity: position.identity)
        for segment in segments {
            for mark in segment.records where mark.sequence > known {
                let payload: [UInt8]?
                do throws(FileError) { payload = try segment.payload(mark) } catch { throw .file(error) }
                if let payload { witness.found(mark.sequence, payload) }
            }
        }
    }

    private var mayRemoveFirst: Bool {
        guard let witness, let last = segments.first?.records.last else { return true }
        return witness.mayRemove(through: last.sequence)
    }

    private func recover(hasPosition: Bool) throws(QueueFailure) {
        let names: [String]
        do throws(FileError) { names = try files.list(directory) } catch { throw .file(error) }
        var highest = nextSequence - 1
        var empty: [String] = []
        for name in names {
            guard let first = QueueFormat.firstSequence(ofSegment: name) else { continue }
            let opened = try QueueSegment.open(Path.join(directory, name), firstSequence: first, files)
            let segment = opened.segment
            noteGap(before: first)
            // After a failed write, a record may stand in two files.
            let known = segments.last?.records.last?.sequence ?? 0
            segment.records.removeAll { $0.sequence <= known }
            highest = max(highest, max(first, 1) - 1, segment.records.last?.sequence ?? 0)
            if segment.records.isEmpty { empty.append(segment.path) } else { segments.append(segment) }
            for mark in segment.records {
                backlog.records += 1
                backlog.samples += mark.samples
            }
            // Records may have been sent from bytes that are damaged now: their sequences must not be used for others.
            highest += UInt64(opened.damagedBytes / QueueFormat.recordHeaderBytes)
        }
        nextSequence = highest + 1
        advance(to: position.acknowledged)
        // Writes never go on behind a tail of doubtful state.
        isActiveUsable = false
        // The identity is durable before any record is; and so is the next sequence, before the files that show it go.
        let isDelivered = backlog.records == 0
        if !hasPosition || isDelivered { try writePosition() }
        for path in empty { try? files.remove(path) }
        try show()
        while let first = segments.first, first.firstLive == first.records.count, mayRemoveFirst {
            removeFirst()
        }
    }
}
