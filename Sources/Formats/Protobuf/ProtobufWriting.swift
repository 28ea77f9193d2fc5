import Bedrock

/// Protobuf fields appended to a buffer. As proto3 does, callers leave out fields with the default value.
package extension ByteBuffer {
    mutating func append(field number: Int, varint value: UInt64) {
        append(varint: UInt64(number) << 3)
        append(varint: value)
    }

    mutating func append(field number: Int, zigzag value: Int64) {
        append(field: number, varint: UInt64(bitPattern: value << 1) ^ UInt64(bitPattern: value >> 63))
    }

    mutating func append(field number: Int, double value: Double) {
        append(varint: UInt64(number) << 3 | 1)
        append(value)
    }

    mutating func append(field number: Int, bytes value: UnsafeRawBufferPointer) {
        append(field: number, messageLength: value.count)
        append(value)
    }

    mutating func append(field number: Int, string value: String) {
        var value = value
        value.withUTF8 { append(field: number, bytes: UnsafeRawBufferPointer($0)) }
    }

    /// Tag and length of a field whose bytes follow.
    mutating func append(field number: Int, messageLength: Int) {
        append(varint: UInt64(number) << 3 | 2)
        append(varint: messageLength)
    }
}

/// Bytes of `value` as a varint.
@inline(__always)
func varintLength(_ value: UInt64) -> Int { max(1, (70 - value.leadingZeroBitCount) / 7) }
