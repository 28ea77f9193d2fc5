import Bedrock

/// A double in as few bytes as a small whole number needs: an even varint is a zigzag integer, the single byte 1 announces eight raw bytes.
extension ByteBuffer {
    mutating func append(compact value: Double) {
        if let whole = DecimalScaling.scaled(value, 1) {
            append(varint: ZigZag.encode(whole) << 1)
        } else {
            append(1 as UInt8)
            append(value)
        }
    }
}

extension ByteReader {
    mutating func compactDouble() throws(DecodeError) -> Double {
        let raw = try varint()
        if raw & 1 == 0 { return Double(ZigZag.decode(raw >> 1)) }
        guard raw == 1 else { throw DecodeError("unknown form of a number", at: offset) }
        return try double()
    }
}
