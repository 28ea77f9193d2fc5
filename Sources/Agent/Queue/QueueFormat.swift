import Bedrock

/// Bytes of a queue's files (version 1); the README draws them. All numbers are little-endian.
enum QueueFormat {
    static let version: UInt32 = 1
    static let segmentMagic: UInt64 = 0x3147_4553_5342_4f71  // "qOBSSEG1"
    static let positionMagic: UInt64 = 0x3153_4f50_5342_4f71  // "qOBSPOS1"
    static let segmentHeaderBytes = 24
    static let recordHeaderBytes = 24

    /// What stands in front of a record's payload.
    struct RecordHeader: Equatable {
        var payloadBytes: Int
        /// For counting what is lost without decoding it.
        var samples: Int
        var sequence: UInt64
        var payloadChecksum: UInt32
    }

    /// Name of the segment whose first record has this sequence; names sort as sequences do.
    static func segmentName(_ firstSequence: UInt64) -> String {
        let hex = String(firstSequence, radix: 16)
        return String(repeating: "0", count: 16 - hex.count) + hex + ".queue"
    }

    static func firstSequence(ofSegment name: String) -> UInt64? {
        guard name.hasSuffix(".queue"), name.utf8.count == 22 else { return nil }
        return UInt64(name.dropLast(6), radix: 16)
    }

    static func appendSegmentHeader(_ firstSequence: UInt64, to target: inout ByteBuffer) {
        let start = target.count
        target.append(littleEndian: segmentMagic)
        target.append(littleEndian: version)
        target.append(littleEndian: firstSequence)
        target.append(littleEndian: checksum(target.bytes, from: start))
    }

    /// The first sequence a header says; nil when it is damaged.
    static func readSegmentHeader(_ bytes: UnsafeRawBufferPointer, path: String) throws(QueueFailure) -> UInt64? {
        var reader = ByteReader(bytes)
        guard let magic = try? reader.littleEndian(UInt64.self), magic == segmentMagic,
            let found = try? reader.littleEndian(UInt32.self), let first = try? reader.littleEndian(UInt64.self),
            let sum = try? reader.littleEndian(UInt32.self),
            sum == CRC32C.of(UnsafeRawBufferPointer(rebasing: bytes[..<20]))
        else { return nil }
        guard found <= version else { throw .newerFormat(path: path, version: found) }
        return first
    }

    static func append(_ record: UnsafeRawBufferPointer, sequence: UInt64, samples: Int, to target: inout ByteBuffer) {
        let start = target.count
        target.append(littleEndian: UInt32(record.count))
        target.append(littleEndian: UInt32(clamping: samples))
        target.append(littleEndian: sequence)
        target.append(littleEndian: CRC32C.of(record))
        target.append(littleEndian: checksum(target.bytes, from: start))
        target.append(record)
    }

    /// The header at the front of `bytes`; nil when it is damaged or cut off.
    static func readRecordHeader(_ bytes: UnsafeRawBufferPointer) -> RecordHeader? {
        var reader = ByteReader(bytes)
        guard let length = try? reader.littleEndian(UInt32.self), let samples = try? reader.littleEndian(UInt32.self),
            let sequence = try? reader.littleEndian(UInt64.self), let payload = try? reader.littleEndian(UInt32.self),
            let sum = try? reader.littleEndian(UInt32.self),
            sum == CRC32C.of(UnsafeRawBufferPointer(rebasing: bytes[..<20])),
            Int(length) <= QueueLimits.recordBytesMax
        else { return nil }
        return RecordHeader(
            payloadBytes: Int(length), samples: Int(samples), sequence: sequence, payloadChecksum: payload)
    }

    private static func checksum(_ bytes: UnsafeRawBufferPointer, from start: Int) -> UInt32 {
        CRC32C.of(UnsafeRawBufferPointer(rebasing: bytes[start...]))
    }
}
