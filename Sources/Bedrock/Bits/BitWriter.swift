/// Appends single bit fields to a `ByteBuffer`, least significant bit first. `finish` pads to a whole byte.
public struct BitWriter {
    @usableFromInline var accumulator: UInt64 = 0
    @usableFromInline var used = 0

    @inlinable public init() {}

    /// Appends the low `count` (0...64) bits of `value`.
    @inlinable @inline(__always)
    public mutating func write(_ value: UInt64, _ count: Int, to target: inout ByteBuffer) {
        guard count > 0 else { return }
        let field = count == 64 ? value : value & ((1 << UInt64(count)) - 1)
        accumulator |= field << UInt64(used)
        used += count
        if used >= 64 {
            target.append(littleEndian: accumulator)
            used -= 64
            accumulator = used == 0 ? 0 : field >> UInt64(count - used)
        }
    }

    /// Writes out what is pending.
    @inlinable public mutating func finish(to target: inout ByteBuffer) {
        while used > 0 {
            target.append(UInt8(truncatingIfNeeded: accumulator))
            accumulator >>= 8
            used -= 8
        }
        accumulator = 0
        used = 0
    }
}
