/// Numbers as Go prints them, which PromQL's text forms follow. Shortest digits that read back as the same value.
public enum GoNumber {
    /// `%v`: exponent form below 1e-4 and from 1e6 on (`1e+06`).
    public static func shortest(_ value: Double) -> String {
        guard let parts = Parts(value) else { return special(value) }
        let exponent = parts.point - 1
        if exponent >= -4 && exponent < 6 { return parts.decimal }
        let first = parts.digits.prefix(1)
        let rest = parts.digits.dropFirst()
        let magnitude = String(exponent.magnitude)
        let padded = magnitude.utf8.count < 2 ? "0" + magnitude : magnitude
        return parts.sign + first + (rest.isEmpty ? "" : "." + rest) + "e" + (exponent < 0 ? "-" : "+") + padded
    }

    /// `%f` with as many digits as needed: never an exponent.
    public static func decimal(_ value: Double) -> String { Parts(value)?.decimal ?? special(value) }

    private static func special(_ value: Double) -> String {
        value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf"
    }

    /// Sign, significant digits, and the place of the decimal point relative to their start.
    private struct Parts {
        var sign: String
        var digits: String
        var point: Int

        init?(_ value: Double) {
            guard value.isFinite else { return nil }
            sign = value.sign == .minus ? "-" : ""
            let text = "\(value.magnitude)"
            let halves = text.split(separator: "e")
            let mantissa = halves[0].split(separator: ".")
            let whole = String(mantissa[0])
            let fraction = mantissa.count > 1 ? String(mantissa[1]) : ""
            let exponent = halves.count > 1 ? Int(halves[1]) ?? 0 : 0
            let all = whole + fraction
            let leading = all.prefix { $0 == "0" }.count
            digits = String(all.dropFirst(leading))
            while digits.hasSuffix("0") { digits.removeLast() }
            point = whole.utf8.count + exponent - leading
            if digits.isEmpty { (digits, point) = ("0", 1) }
        }

        var decimal: String {
            let count = digits.utf8.count
            if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
            if point >= count { return sign + digits + String(repeating: "0", count: point - count) }
            return sign + digits.prefix(point) + "." + digits.dropFirst(point)
        }
    }
}
