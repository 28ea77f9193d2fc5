/// The tag of "no sample at this step" inside a column of floats.
///
/// Step columns hold one `Double` per step. A step without a sample holds this NaN, whose payload no arithmetic produces; every
/// other bit pattern, other NaNs included, is a value. Kernels test for it explicitly, because IEEE arithmetic doesn't carry payloads
/// reliably. It never leaves the engine: `guarded` keeps stored data from smuggling it in.
public enum Absent {
    @usableFromInline static let bits: UInt64 = 0x7ff8_0000_0b5e_0001

    public static let value = Double(bitPattern: 0x7ff8_0000_0b5e_0001)

    @inlinable @inline(__always) public static func matches(_ value: Double) -> Bool {
        value.bitPattern == 0x7ff8_0000_0b5e_0001
    }

    /// `value`, with the tag's own pattern turned into an ordinary NaN.
    @inlinable @inline(__always) public static func guarded(_ value: Double) -> Double {
        matches(value) ? .nan : value
    }
}
