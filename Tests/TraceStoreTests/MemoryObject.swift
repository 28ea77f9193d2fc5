import Bedrock
import LSM

/// An object in memory. Ranges are copied, so that reading outside of one shows.
final class MemoryObject: ObjectReader, @unchecked Sendable {
    let name = "traces/0/test"
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var size: Int { bytes.count }

    func bytes(_ range: Range<Int>) throws -> ObjectBytes {
        guard range.lowerBound >= 0, range.upperBound <= bytes.count else {
            throw DecodeError("range \(range) of \(bytes.count)", at: 0)
        }
        var copy = ByteBuffer(capacity: range.count + 1)
        bytes[range].withUnsafeBytes { copy.append($0) }
        let kept = BlockBytes(copy)
        return ObjectBytes(kept.bytes, owner: kept)
    }
}

final class MemoryWriter: ObjectWriter {
    private(set) var bytes: [UInt8] = []
    var count: Int { bytes.count }
    func append(_ more: UnsafeRawBufferPointer) { bytes.append(contentsOf: more) }
    func finish() {}
}
