import Bedrock
import Model

/// A type that a setting can have: read from the text of a flag, an environment variable or a YAML scalar, and written back.
public protocol SettingValue: Sendable, Equatable {
    /// - Throws: `SettingError`, saying what is expected.
    static func parse(_ text: String) throws(SettingError) -> Self
    /// Text that `parse` takes.
    var text: String { get }
    /// For `--help`, such as `DURATION`.
    static var placeholder: String { get }
}

/// A value that doesn't fit its setting; the caller adds where it stands.
public struct SettingError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

extension String: SettingValue {
    public static func parse(_ text: String) -> String { text }
    public var text: String { self }
    public static var placeholder: String { "TEXT" }
}

extension Bool: SettingValue {
    public static func parse(_ text: String) throws(SettingError) -> Bool {
        switch text.lowercased() {
        case "true", "yes", "on", "1": true
        case "false", "no", "off", "0": false
        default: throw SettingError("\"\(text)\" is neither true nor false")
        }
    }

    public var text: String { self ? "true" : "false" }
    public static var placeholder: String { "true|false" }
}

extension Int: SettingValue {
    public static func parse(_ text: String) throws(SettingError) -> Int {
        guard let value = Int(text) else { throw SettingError("\"\(text)\" is not a whole number") }
        return value
    }

    public var text: String { String(self) }
    public static var placeholder: String { "NUMBER" }
}

/// A span of time in milliseconds, written as Prometheus does: `15d`, `1h30m`, `500ms`.
public struct Duration: SettingValue, Hashable {
    public let milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    public static func parse(_ text: String) throws(SettingError) -> Duration {
        guard let milliseconds = try? PrometheusDuration.parse(text) else {
            throw SettingError("\"\(text)\" is not a duration such as 30s, 1h30m or 15d")
        }
        return Duration(milliseconds: milliseconds)
    }

    public var text: String { PrometheusDuration.format(milliseconds: milliseconds) }
    public static var placeholder: String { "DURATION" }
}

/// A number of bytes: `64MiB`, `10GB`, `4096`.
public struct ByteSize: SettingValue, Hashable {
    public let bytes: Int

    public init(bytes: Int) { self.bytes = bytes }

    private static let units: [(String, Int)] = [
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("KB", 1000), ("MB", 1_000_000),
        ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("B", 1), ("", 1),
    ]

    public static func parse(_ text: String) throws(SettingError) -> ByteSize {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }
        guard let number = Int(digits), let factor = units.first(where: { $0.0 == unit })?.1 else {
            throw SettingError("\"\(text)\" is not a size such as 64MiB or 10GB")
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
        if overflow { throw SettingError("\"\(text)\" is too large") }
        return ByteSize(bytes: bytes)
    }

    public var text: String {
        for (unit, factor) in Self.units[..<4].reversed() where bytes >= factor && bytes % factor == 0 {
            return "\(bytes / factor)\(unit)"
        }
        return String(bytes)
    }

    public static var placeholder: String { "SIZE" }
}

/// Where to listen or connect: `127.0.0.1:7070`, `[::1]:7070`, `:7070` (loopback), or `off`.
public struct Address: SettingValue, Hashable {
    public let host: String
    public let port: UInt16
    public let isOff: Bool

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
        isOff = false
    }

    private init(off: Void) {
        host = ""
        port = 0
        isOff = true
    }

    public static let off = Address(off: ())

    public static func parse(_ text: String) throws(SettingError) -> Address {
        if text == "off" { return .off }
        let refusal = SettingError("\"\(text)\" is not HOST:PORT, such as 127.0.0.1:7070")
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw refusal
        }
        var host = String(text[..<colon])
        if host.hasPrefix("[") && host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            throw refusal
        }
        return Address(host: host.isEmpty ? "127.0.0.1" : host, port: port)
    }

    public var text: String { isOff ? "off" : host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    public static var placeholder: String { "HOST:PORT" }
}

/// Whole percent, 0 to 100.
public struct Percent: SettingValue, Hashable {
    public let value: Int

    public init(_ value: Int) { self.value = value }

    public static func parse(_ text: String) throws(SettingError) -> Percent {
        let digits = text.hasSuffix("%") ? text.dropLast() : text[...]
        guard let value = Int(digits), (0...100).contains(value) else {
            throw SettingError("\"\(text)\" is not a percentage from 0 to 100")
        }
        return Percent(value)
    }

    public var text: String { "\(value)%" }
    public static var placeholder: String { "PERCENT" }
}

/// When an acknowledged write is on disk.
public enum Durability: String, SettingValue, CaseIterable {
    /// Before it is acknowledged.
    case sync
    /// Within the sync interval.
    case interval

    public static func parse(_ text: String) throws(SettingError) -> Durability {
        guard let value = Durability(rawValue: text) else {
            throw SettingError("\"\(text)\" is neither sync nor interval")
        }
        return value
    }

    public var text: String { rawValue }
    public static var placeholder: String { "sync|interval" }
}
