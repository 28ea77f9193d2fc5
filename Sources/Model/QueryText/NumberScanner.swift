import Bedrock

/// Finds the end of a number or duration, and reads numbers.
///
/// Numbers: decimal with fraction and exponent, `0x` integers, octal integers by a leading zero, `_` between digits.
public struct NumberScanner {
    /// What was found.
    public enum Kind { case number, duration }

    private let bytes: [UInt8]
    /// Behind what was looked at: the end of the token, or how far an error reaches.
    public private(set) var position: Int

    /// - Precondition: a digit, or a point before one, stands at `position`.
    public init(_ bytes: [UInt8], _ position: Int) {
        self.bytes = bytes
        self.position = position
    }

    /// `.number`, `.duration`, or nil for neither.
    public mutating func scan() -> Kind? {
        if scanNumber() { return .number }
        return scanRestOfDuration() ? .duration : nil
    }

    private mutating func scanNumber() -> Bool {
        var isHex = false
        if peek() == UInt8(ascii: "0"), let x = peek(1), x | 32 == UInt8(ascii: "x") {
            isHex = true
            position += 2
            if peek() == UInt8(ascii: "_") { position += 1 }
        }
        var seenDot = false
        var seenExponent = false
        var behindDigit = false
        while let c = peek() {
            let isDigit = isHex ? Characters.isHexDigit(c) : Characters.isDigit(c)
            if isDigit {
                position += 1
                behindDigit = true
                continue
            }
            switch c {
            case UInt8(ascii: "."):
                position += 1
                if seenDot || seenExponent { return false }
                seenDot = true
            case UInt8(ascii: "_"):
                position += 1
                guard behindDigit, let next = peek(), isHex ? Characters.isHexDigit(next) : Characters.isDigit(next)
                else {
                    return false
                }
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                position += 1
                if seenExponent { return false }
                seenExponent = true
                if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { position += 1 }
                guard let next = peek(), Characters.isDigit(next) else { return false }
            default:
                return !Characters.isAlphanumeric(c)
            }
            behindDigit = false
        }
        return true
    }

    /// Behind the first digits: a unit, then more digits with units. Whether the units make sense is checked when the duration is read.
    private mutating func scanRestOfDuration() -> Bool {
        guard acceptUnit("smhdwy") else { return false }
        while let c = peek(), Characters.isDigit(c) {
            while let c = peek(), Characters.isDigit(c) { position += 1 }
            guard acceptUnit("smhdw") else { return false }
        }
        guard let c = peek(), Characters.isAlphanumeric(c) else { return true }
        position += 1
        return false
    }

    /// One of the letters, and an `s` behind it for `ms`.
    private mutating func acceptUnit(_ letters: String) -> Bool {
        guard let c = peek(), letters.utf8.contains(c) else { return false }
        position += 1
        if peek() == UInt8(ascii: "s") { position += 1 }
        return true
    }

    private func peek(_ ahead: Int = 0) -> UInt8? { position + ahead < bytes.count ? bytes[position + ahead] : nil }

    /// The value of a number token, `inf` and `nan` included.
    public static func value(of text: String) throws(NumberError) -> Double {
        // Go's ParseInt with base 0 comes first, so that `0x1f` and `010` are integers.
        let digits = text.filter { $0 != "_" }
        if digits.lowercased().hasPrefix("0x"), let whole = Int64(digits.dropFirst(2), radix: 16) {
            return Double(whole)
        }
        if digits.hasPrefix("0"), let octal = Int64(digits, radix: 8) { return Double(octal) }
        if let value = NumberText.parseFloat(text, syntax: .go) { return value }
        let isFloat = Double(digits) != nil
        throw NumberError(text: text, reason: isFloat ? "value out of range" : "invalid syntax")
    }

    /// Why it is no number.
    public struct NumberError: Error {
        let text: String
        let reason: String

        /// As Go puts it.
        public var message: String { "error parsing number: strconv.ParseFloat: parsing \(quoted(text)): \(reason)" }
    }
}
