/// Character classes of query languages.
public enum Characters {
    /// Blank, tab, newline, carriage return.
    public static func isSpace(_ c: UInt8) -> Bool { c == 32 || (c >= 9 && c <= 13 && c != 11 && c != 12) }
    /// 0 to 9.
    public static func isDigit(_ c: UInt8) -> Bool { c >= 48 && c <= 57 }
    /// In either case.
    public static func isHexDigit(_ c: UInt8) -> Bool { isDigit(c) || ((c | 32) >= 97 && (c | 32) <= 102) }
    /// Letters and underscore.
    public static func isAlpha(_ c: UInt8) -> Bool { c == 95 || ((c | 32) >= 97 && (c | 32) <= 122) }
    /// Letters, digits and underscore.
    public static func isAlphanumeric(_ c: UInt8) -> Bool { isAlpha(c) || isDigit(c) }
}

/// Go's `%q` of a character.
public func quotedCharacter(_ scalar: Unicode.Scalar) -> String {
    if scalar == "'" { return "'\\''" }
    if scalar == "\"" { return "'\"'" }
    return "'" + quoted(String(scalar)).dropFirst().dropLast() + "'"
}
