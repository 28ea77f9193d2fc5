import Bedrock

/// Floating-point noise: each value's bits XORed with the previous one's, as in Chimp (Liakos et al., VLDB 2022).
///
/// After the first value's 64 bits, each value has a two-bit code, least significant bit first:
/// `0` equal to the previous; `1` the middle bits, with 3 bits of leading-zero class and 6 bits of their number, where
/// more than six zeros trail; `2` the bits below the last leading-zero class; `3` a new class and the bits below it.
enum XorColumn {
    private static let trailingMin = 6
    /// Leading zeros that a 3-bit class stands for.
    private static let classes: InlineArray<8, Int> = [0, 8, 12, 16, 18, 20, 22, 24]

    @inline(__always) private static func classOf(_ leading: Int) -> Int {
        switch leading {
        case ..<8: 0
        case ..<12: 1
        case ..<16: 2
        case ..<18: 3
        case ..<20: 4
        case ..<22: 5
        case ..<24: 6
        default: 7
        }
    }

    /// Appends `count` (at least one) values. Gives up, with false, once the column is over `limit` bytes.
    static func encode(
        _ values: UnsafePointer<Double>, count: Int, limit: Int, into target: inout ByteBuffer
    ) -> Bool {
        let start = target.count
        var writer = BitWriter()
        var previous = values[0].bitPattern
        var lastClass = -1
        target.append(littleEndian: previous)
        for i in 1..<max(count, 1) {
            let bits = values[i].bitPattern
            let difference = bits ^ previous
            previous = bits
            if difference == 0 {
                writer.write(0, 2, to: &target)
                continue
            }
            let leadingClass = classOf(difference.leadingZeroBitCount)
            let leading = classes[leadingClass]
            let trailing = difference.trailingZeroBitCount
            if trailing > trailingMin {
                let significant = 64 - leading - trailing
                writer.write(1 | UInt64(leadingClass) << 2 | UInt64(significant & 63) << 5, 11, to: &target)
                writer.write(difference >> UInt64(trailing), significant, to: &target)
                lastClass = -1
            } else if leadingClass == lastClass {
                writer.write(2, 2, to: &target)
                writer.write(difference, 64 - leading, to: &target)
            } else {
                writer.write(3 | UInt64(leadingClass) << 2, 5, to: &target)
                writer.write(difference, 64 - leading, to: &target)
                lastClass = leadingClass
            }
            if target.count - start > limit { return false }
        }
        writer.finish(to: &target)
        return target.count - start <= limit
    }

    /// Reads `count` (at least one) values; the column ends where `bytes` does.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, count: Int, into target: UnsafeMutablePointer<Double>
    ) throws(DecodeError) {
        var reader = BitReader(bytes)
        var bits = try reader.read(64)
        var leading = 0
        target[0] = Double(bitPattern: bits)
        for i in 1..<max(count, 1) {
            switch try reader.read(2) {
            case 0: break
            case 1:
                let head = try reader.read(9)
                let zeros = classes[Int(head & 7)]
                let significant = Int(head >> 3)
                let trailing = 64 - zeros - significant
                guard significant > 0, trailing >= 0 else {
                    throw DecodeError("impossible bit counts in an XOR column", at: reader.position >> 3)
                }
                bits ^= try reader.read(significant) << UInt64(trailing)
            case 2: bits ^= try reader.read(64 - leading)
            default:
                leading = classes[Int(try reader.read(3))]
                bits ^= try reader.read(64 - leading)
            }
            target[i] = Double(bitPattern: bits)
        }
    }
}
