import Bedrock

/// Floats with a given number of digits, rounded as the exact value asks (ties to even), whatever the process' locale.
enum FloatFormat {
    /// `value` is finite and not negative. Without a precision: 6 digits behind the point for `e` and `f`, as few as it takes for `g`.
    static func append(_ value: Double, _ letter: UInt8, _ precision: Int?, _ out: inout ByteBuffer) {
        let e = letter < UInt8(ascii: "a") ? UInt8(ascii: "E") : UInt8(ascii: "e")
        var decimal = ExactDecimal(value)
        switch letter | 0x20 {
        case UInt8(ascii: "f"):
            let places = precision ?? 6
            decimal.round(toDigits: decimal.pointAt + places)
            positional(decimal, places, &out)
        case UInt8(ascii: "e"):
            let places = precision ?? 6
            decimal.round(toDigits: places + 1)
            scientific(decimal, places, e, &out)
        default:
            guard let precision else { return out.append(float: value, .general) }
            let wanted = max(precision, 1)
            decimal.round(toDigits: wanted)
            let power = decimal.digits.isEmpty ? 0 : decimal.pointAt - 1
            if power < -4 || power >= wanted {
                scientific(decimal, max(decimal.digits.count - 1, 0), e, &out)
            } else {
                positional(decimal, max(decimal.digits.count - decimal.pointAt, 0), &out)
            }
        }
    }

    private static func positional(_ decimal: ExactDecimal, _ places: Int, _ out: inout ByteBuffer) {
        if decimal.pointAt <= 0 { out.append(UInt8(ascii: "0")) }
        for i in 0..<max(decimal.pointAt, 0) { out.append(48 + decimal.digit(i)) }
        guard places > 0 else { return }
        out.append(UInt8(ascii: "."))
        for i in 0..<places { out.append(48 + decimal.digit(decimal.pointAt + i)) }
    }

    private static func scientific(_ decimal: ExactDecimal, _ places: Int, _ e: UInt8, _ out: inout ByteBuffer) {
        out.append(48 + decimal.digit(0))
        if places > 0 {
            out.append(UInt8(ascii: "."))
            for i in 1...places { out.append(48 + decimal.digit(i)) }
        }
        let power = decimal.digits.isEmpty ? 0 : decimal.pointAt - 1
        out.append(e)
        out.append(power < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
        if abs(power) < 10 { out.append(UInt8(ascii: "0")) }
        out.append(decimal: abs(power))
    }
}

/// All digits of a double: 0.d₁d₂d₃… × 10^pointAt, no zeros at either end; zero has none.
private struct ExactDecimal {
    private(set) var digits: [UInt8] = []
    private(set) var pointAt = 0

    init(_ value: Double) {
        guard value > 0 else { return }
        var mantissa = value.significandBitPattern
        var power = Int(value.exponentBitPattern) - 1075
        if value.exponentBitPattern > 0 { mantissa |= 1 << 52 } else { power = -1074 }
        let zeros = mantissa.trailingZeroBitCount
        mantissa >>= UInt64(zeros)
        power += zeros
        // Limbs of nine digits, the lowest first.
        var limbs = [UInt32(mantissa % 1_000_000_000), UInt32(mantissa / 1_000_000_000)]
        // m × 2^-k = m × 5^k × 10^-k
        Self.multiply(&limbs, by: power < 0 ? 5 : 2, times: abs(power))
        for limb in limbs.reversed() {
            var scale: UInt32 = 100_000_000
            while scale > 0 {
                digits.append(UInt8(limb / scale % 10))
                scale /= 10
            }
        }
        pointAt = digits.count - (power < 0 ? -power : 0)
        trim()
    }

    private static func multiply(_ limbs: inout [UInt32], by factor: UInt32, times: Int) {
        let (chunk, count): (UInt32, Int) = factor == 5 ? (1_220_703_125, 13) : (1 << 31, 31)
        for _ in 0..<times / count { multiply(&limbs, by: chunk) }
        for _ in 0..<times % count { multiply(&limbs, by: factor) }
    }

    private static func multiply(_ limbs: inout [UInt32], by factor: UInt32) {
        var carry: UInt64 = 0
        for i in limbs.indices {
            let product = UInt64(limbs[i]) * UInt64(factor) + carry
            limbs[i] = UInt32(product % 1_000_000_000)
            carry = product / 1_000_000_000
        }
        while carry > 0 {
            limbs.append(UInt32(carry % 1_000_000_000))
            carry /= 1_000_000_000
        }
    }

    private mutating func trim() {
        let leading = digits.prefix { $0 == 0 }.count
        digits.removeFirst(leading)
        pointAt -= leading
        while digits.last == 0 { digits.removeLast() }
    }

    /// Digit `index` from the first one on; zeros outside.
    func digit(_ index: Int) -> UInt8 { digits.indices.contains(index) ? digits[index] : 0 }

    /// Keeps so many digits.
    mutating func round(toDigits count: Int) {
        guard count < digits.count else { return }
        guard count >= 0 else {
            digits = []
            pointAt = 0
            return
        }
        let isHalf = digits[count] == 5 && count + 1 == digits.count
        let up = isHalf ? count > 0 && digits[count - 1] % 2 == 1 : digits[count] >= 5
        digits.removeLast(digits.count - count)
        if up {
            var i = count - 1
            while i >= 0, digits[i] == 9 {
                digits[i] = 0
                i -= 1
            }
            if i >= 0 {
                digits[i] += 1
            } else {
                digits.insert(1, at: 0)
                pointAt += 1
            }
        }
        trim()
        if digits.isEmpty { pointAt = 0 }
    }
}
