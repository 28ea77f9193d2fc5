import Bedrock

/// Messages whose length is known only once they are written, and the fixed-width fields.
package extension ByteBuffer {
    /// Begins a nested message; give what it returns to `endMessage`.
    ///
    /// The length is a varint of always four bytes: not the shortest form, which the wire format lets writers choose.
    mutating func beginMessage(field number: Int) -> Int {
        append(varint: UInt64(number) << 3 | 2)
        append(littleEndian: UInt32(0))
        return count
    }

    /// Ends the message that `beginMessage` began; it must be under 256 MiB.
    mutating func endMessage(_ start: Int) {
        let length = count - start
        precondition(length >= 0 && length < 1 << 28, "a nested message of \(length) bytes")
        let n = UInt32(length)
        let spread = n & 0x7F | (n >> 7 & 0x7F) << 8 | (n >> 14 & 0x7F) << 16 | (n >> 21) << 24
        patch(littleEndian: spread | 0x0080_8080, at: start - 4)
    }

    mutating func append(field number: Int, fixed64 value: UInt64) {
        append(varint: UInt64(number) << 3 | 1)
        append(littleEndian: value)
    }

    mutating func append(field number: Int, fixed32 value: UInt32) {
        append(varint: UInt64(number) << 3 | 5)
        append(littleEndian: value)
    }

    /// An identifier of 16 bytes, big-endian as all identifiers on the wire.
    mutating func append(field number: Int, high: UInt64, low: UInt64) {
        append(field: number, messageLength: 16)
        append(littleEndian: high.bigEndian)
        append(littleEndian: low.bigEndian)
    }

    /// An identifier of 8 bytes.
    mutating func append(field number: Int, identifier value: UInt64) {
        append(field: number, messageLength: 8)
        append(littleEndian: value.bigEndian)
    }
}
