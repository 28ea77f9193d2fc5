import Bedrock
import Columns
import Model

/// How the columns of a block become bytes.
enum ColumnCoding {
    // MARK: Times

    static func encodeTimes(_ times: UnsafeBufferPointer<Int64>, into target: inout ByteBuffer) {
        var raw = ByteBuffer(capacity: times.count * 3 + 16)
        var previous: Int64 = 0
        for time in times {
            raw.append(signedVarint: time &- previous)
            previous = time
        }
        Zstd.compress(raw.bytes, into: &target)
    }

    /// Nanoseconds of all `count` rows.
    static func decodeTimes(
        _ bytes: UnsafeRawBufferPointer, count: Int, into times: UnsafeMutablePointer<Int64>
    ) throws {
        var raw = ByteBuffer(capacity: count * 4 + 16)
        try Zstd.decompress(bytes, into: &raw, limit: count * 10)
        var reader = ByteReader(raw.bytes)
        var time: Int64 = 0
        for row in 0..<count {
            time = time &+ (try reader.signedVarint())
            times[row] = time
        }
        guard reader.isAtEnd else { throw DecodeError("more times than rows", at: reader.offset) }
    }

    // MARK: Texts

    static func encodeTexts(_ texts: LineArena, into target: inout ByteBuffer) {
        var raw = ByteBuffer(capacity: texts.bytes.count + texts.count * 2 + 16)
        for index in 0..<texts.count { raw.append(varint: texts[index].count) }
        raw.append(texts.bytes.bytes)
        Zstd.compress(raw.bytes, into: &target)
    }

    /// All `count` texts.
    static func decodeTexts(_ bytes: UnsafeRawBufferPointer, count: Int, into texts: LineArena) throws {
        var raw = ByteBuffer(capacity: bytes.count * 4 + 16)
        try Zstd.decompress(bytes, into: &raw, limit: LogStoreLimits.sectionBytesMax)
        var lengths = ByteReader(raw.bytes)
        var bodies = ByteReader(raw.bytes)
        for _ in 0..<count { _ = try bodies.length(limit: raw.count) }
        for _ in 0..<count { texts.append(try bodies.take(try lengths.length(limit: raw.count))) }
        guard bodies.isAtEnd else { throw DecodeError("bytes behind the last text", at: bodies.offset) }
    }
}
