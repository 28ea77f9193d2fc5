/// The signed-to-unsigned mapping 0, -1, 1, -2 … → 0, 1, 2, 3 …, which makes small magnitudes small numbers.
public enum ZigZag {
    @inlinable @inline(__always) public static func encode(_ value: Int64) -> UInt64 {
        UInt64(bitPattern: (value << 1) ^ (value >> 63))
    }

    @inlinable @inline(__always) public static func decode(_ value: UInt64) -> Int64 {
        Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }
}

extension UInt64 {
    /// Bits needed to write the number: 0 for 0, 64 at most.
    @inlinable @inline(__always) public var bitLength: Int { 64 - leadingZeroBitCount }
}
