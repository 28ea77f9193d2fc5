import Bedrock

/// How far a journal was read, and which entries before that wait to be joined with others.
struct JournalPosition: Equatable {
    /// Of the last entry that was read; empty: none.
    var cursor: [UInt8] = []
    /// Hashes of the cursors of entries that are held back, in order.
    var held: [UInt64] = []
    /// Of the entry before the first of them.
    var heldAfter: [UInt8] = []
    /// How many entries there are from the first of them to `cursor`.
    var heldSpan: UInt64 = 0

    private static let version: UInt8 = 1
    private static let heldMax = 1 << 20

    init() {}

    static func hash(_ cursor: [UInt8]) -> UInt64 { cursor.withUnsafeBytes { Hash128(of: $0).low } }

    func encode() -> [UInt8] {
        var buffer = ByteBuffer(capacity: 320 + held.count * 8)
        buffer.append(Self.version)
        buffer.append(varint: cursor.count)
        buffer.append(cursor)
        buffer.append(varint: heldAfter.count)
        buffer.append(heldAfter)
        buffer.append(varint: heldSpan)
        buffer.append(varint: held.count)
        for hash in held { buffer.append(littleEndian: hash) }
        return buffer.array()
    }

    /// - Throws: for anything but what `encode` wrote.
    init(decoding bytes: UnsafeRawBufferPointer) throws(DecodeError) {
        var reader = ByteReader(bytes)
        guard try reader.u8() == Self.version else { throw DecodeError("position of an unknown version", at: 0) }
        cursor = Array(try reader.prefixed())
        heldAfter = Array(try reader.prefixed())
        heldSpan = try reader.varint()
        for _ in 0..<(try reader.length(limit: Self.heldMax)) { held.append(try reader.littleEndian()) }
        guard reader.isAtEnd else { throw DecodeError("bytes behind a position", at: reader.offset) }
    }
}
