import Bedrock

/// The outer form of a queue record's payload: a version, then everything else in zstd. Never part of any protocol between machines.
enum RecordPayload {
    /// Appends `plain`, packed.
    static func pack(_ plain: borrowing ByteBuffer, version: UInt8, into target: inout ByteBuffer) {
        target.append(version)
        Zstd.compress(plain.bytes, into: &target, level: 1)
    }

    /// Calls `body` with what `pack` took, within the limit of a batch.
    static func unpack<R>(
        _ record: UnsafeRawBufferPointer, version: UInt8,
        _ body: (inout ByteReader) throws(DecodeError) -> R
    ) throws(DecodeError) -> R {
        guard record.first == version else {
            throw DecodeError("record version \(record.first ?? 0) is not known", at: 0)
        }
        var plain = ByteBuffer(capacity: min(record.count * 4, QueueLimits.batchBytesMax))
        do throws(CompressionError) {
            try Zstd.decompress(
                UnsafeRawBufferPointer(rebasing: record[1...]), into: &plain, limit: QueueLimits.batchBytesMax)
        } catch {
            throw DecodeError(error.description, at: 1)
        }
        var reader = ByteReader(plain.bytes)
        return try body(&reader)
    }
}
