import Bedrock

/// The content of a compressed file, read as if it stood there. Reading on is cheap, going back starts again. One thread at a time.
final class DecompressingFile: File, @unchecked Sendable {
    private let base: any File
    private let stream: any DecompressionStream
    private var input: [UInt8] = []
    private var inputAt = 0
    private var baseOffset: UInt64 = 0
    /// Where in the content the stream stands.
    private var offset: UInt64 = 0

    var path: String { base.path }

    init(_ base: any File, _ stream: any DecompressionStream) {
        self.base = base
        self.stream = stream
    }

    /// Of the compressed file; the content's size isn't known before its end.
    func size() throws(FileError) -> UInt64 { try base.size() }
    func status() throws(FileError) -> FileStatus { try base.status() }

    func read(at wanted: UInt64, into target: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        if wanted < offset { rewind() }
        while offset < wanted {
            let skip = Int(min(wanted - offset, 64 << 10))
            var failure: FileError?
            let got = withUnsafeTemporaryAllocation(byteCount: skip, alignment: 16) { room -> Int in
                do throws(FileError) { return try fill(room) } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw failure }
            if got == 0 { return 0 }
        }
        return try fill(target)
    }

    private func rewind() {
        stream.reset()
        input = []
        inputAt = 0
        baseOffset = 0
        offset = 0
    }

    private func fill(_ target: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        var filled = 0
        while filled < target.count {
            var isEnd = false
            if inputAt == input.count { isEnd = try !refill() }
            // The decoder may still have to give what it took.
            if isEnd && stream.isAtBoundary { break }
            let room = UnsafeMutableRawBufferPointer(rebasing: target[filled...])
            let step: (consumed: Int, produced: Int)
            do throws(CompressionError) {
                step = try input.withUnsafeBufferPointer { (raw) throws(CompressionError) in
                    try stream.step(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: raw[inputAt...])), into: room)
                }
            } catch {
                throw damaged(error.description)
            }
            guard step.consumed > 0 || step.produced > 0 else {
                throw damaged(isEnd ? "it ends early" : "it makes no progress")
            }
            inputAt += step.consumed
            filled += step.produced
            offset += UInt64(step.produced)
        }
        return filled
    }

    private func refill() throws(FileError) -> Bool {
        var failure: FileError?
        let chunk = [UInt8](unsafeUninitializedCapacity: 64 << 10) { room, count in
            do throws(FileError) {
                count = try base.read(at: baseOffset, into: UnsafeMutableRawBufferPointer(room))
            } catch { failure = error }
        }
        if let failure { throw failure }
        input = chunk
        inputAt = 0
        baseOffset += UInt64(chunk.count)
        return !chunk.isEmpty
    }

    private func damaged(_ why: String) -> FileError { FileError("decompress", path, .io, text: why) }

    func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError) { throw readOnly("write") }
    func sync() throws(FileError) {}
    func truncate(to size: UInt64) throws(FileError) { throw readOnly("truncate") }
    func map() throws(FileError) -> MappedFile { throw readOnly("map") }

    private func readOnly(_ operation: String) -> FileError {
        FileError(operation, path, .denied, text: "a compressed file is only read")
    }
}
