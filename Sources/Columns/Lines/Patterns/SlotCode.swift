import Bedrock

/// What a variable part of a line is made of, in one byte. Every kind writes a number back to exactly the bytes it was read from.
///
/// In a pattern's text a slot is 0xFF and its code; a byte 0xFF of the line itself is 0xFF 0x00. UTF-8 has no such byte.
enum SlotCode {
    static let escape: UInt8 = 0xFF
    static let escapedByte: UInt8 = 0
    /// 1...19: so many decimal digits, leading zeros kept.
    static let digitsMax = 19
    /// 1 to 19 digits without a leading zero.
    static let decimal: UInt8 = 20
    /// A word: a longest run of bytes that are no delimiters (`LineTokens`), not empty. Its value is the number of a text of the block.
    static let word: UInt8 = 24
    /// 33...48: 1 to 16 lower-case hexadecimal digits.
    static let lowerHex: UInt8 = 32
    /// 65...80: the same in upper case.
    static let upperHex: UInt8 = 64
    /// A code is below.
    static let end = 81

    enum Kind {
        case digits(Int)
        case decimal
        case hex(Int, isUpper: Bool)
        case word
    }

    static func kind(_ code: UInt8) -> Kind? {
        switch code {
        case 1...19: .digits(Int(code))
        case decimal: .decimal
        case word: .word
        case 33...48: .hex(Int(code) - 32, isUpper: false)
        case 65...80: .hex(Int(code) - 64, isUpper: true)
        default: nil
        }
    }

    /// Characters that every value has; nil where that differs.
    static func fixedLength(_ code: UInt8) -> Int? {
        switch code {
        case 1...19: Int(code)
        case 33...48: Int(code) - 32
        case 65...80: Int(code) - 64
        default: nil
        }
    }

    /// Characters at most; 0 for words, which any length may have, and for what is no code.
    static func lengthMax(_ code: UInt8) -> Int { code == decimal ? digitsMax : fixedLength(code) ?? 0 }

    /// Bits that a random value takes.
    static func bitWidth(_ code: UInt8) -> Int {
        switch code {
        case 1...19: UInt64(powersOfTen[Int(code)] &- 1).bitLength
        case 33...48: (Int(code) - 32) * 4
        case 65...80: (Int(code) - 64) * 4
        default: 64
        }
    }

    /// Writes `value` and returns how many characters it took. Room for 20 is there; a value too large for its code loses its front.
    @inline(__always)
    static func write(_ value: UInt64, _ code: UInt8, to target: UnsafeMutablePointer<UInt8>) -> Int {
        if code <= UInt8(digitsMax) { return writeDigits(value, Int(code), to: target) }
        if code == decimal { return writeDigits(value, decimalLength(value), to: target) }
        let isUpper = code > upperHex
        let count = Int(code) - (isUpper ? 64 : 32)
        let letters: UInt8 = isUpper ? 55 : 87
        var rest = value
        var at = count - 1
        while at >= 0 {
            let digit = UInt8(truncatingIfNeeded: rest & 15)
            target[at] = digit < 10 ? digit &+ 48 : digit &+ letters
            rest >>= 4
            at -= 1
        }
        return count
    }

    @inline(__always)
    private static func writeDigits(_ value: UInt64, _ count: Int, to target: UnsafeMutablePointer<UInt8>) -> Int {
        var rest = value
        var at = count
        // 32-bit divisions are cheaper.
        while at > 9 {
            let (upper, digit) = rest.quotientAndRemainder(dividingBy: 10)
            at -= 1
            target[at] = UInt8(truncatingIfNeeded: digit) &+ 48
            rest = upper
        }
        var small = UInt32(truncatingIfNeeded: rest % 1_000_000_000)
        while at > 0 {
            let upper = small / 10
            at -= 1
            target[at] = UInt8(truncatingIfNeeded: small &- upper &* 10) &+ 48
            small = upper
        }
        return count
    }

    @inline(__always) static func decimalLength(_ value: UInt64) -> Int {
        var length = 1
        while length < digitsMax, value >= powersOfTen[length] { length += 1 }
        return length
    }

    static let powersOfTen: InlineArray<20, UInt64> = {
        var powers: InlineArray<20, UInt64> = .init(repeating: 1)
        for i in 1..<20 { powers[i] = powers[i - 1] &* 10 }
        return powers
    }()
}
