import Glibc

/// Numbers as text, without Foundation.
public enum DecimalText {
    /// `value` with exactly `decimals` digits behind the point (0 to 20), rounded half to even on the decimal value.
    public static func fixed(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite else { return special(value) }
        let places = max(0, min(20, decimals))
        let text = printed("%.*f", places, value)
        return isNegativeZero(text) ? String(text.dropFirst()) : text
    }

    /// `1.23e+09` with the given digits behind the point.
    public static func scientific(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite else { return special(value) }
        return printed("%.*e", max(0, min(20, decimals)), value)
    }

    private static func printed(_ format: String, _ places: Int, _ value: Double) -> String {
        // The largest double has 309 digits before the point.
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 352) { buffer in
            let written = withVaList([Int32(places), value]) { vsnprintf(buffer.baseAddress, 352, format, $0) }
            let count = max(0, min(Int(written), 351))
            return String(decoding: UnsafeRawBufferPointer(buffer)[..<count], as: UTF8.self)
        }
    }

    /// Decimals that show about three significant digits; 0 for whole numbers.
    public static func automaticDecimals(_ value: Double) -> Int {
        guard value.isFinite, value != 0, value != value.rounded() else { return 0 }
        // A value that rounds up to the next power of ten (9.996) has one digit more before the point.
        let exponent = Int(Glibc.log10(abs(value) * 1.0005).rounded(.down))
        return max(0, min(12, 2 - exponent))
    }

    /// The shortest text of about three significant digits.
    public static func automatic(_ value: Double) -> String { fixed(value, automaticDecimals(value)) }

    static func special(_ value: Double) -> String { value.isNaN ? "NaN" : value < 0 ? "-∞" : "∞" }

    private static func isNegativeZero(_ text: String) -> Bool {
        text.utf8.first == UInt8(ascii: "-") && text.utf8.dropFirst().allSatisfy { $0 == 48 || $0 == 46 }
    }

    /// `12` → `12`, at least `width` digits with zeros in front.
    public static func padded(_ value: Int, _ width: Int) -> String {
        let digits = String(abs(value))
        return (value < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
