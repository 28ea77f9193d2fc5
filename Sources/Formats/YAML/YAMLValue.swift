import Bedrock
import Model

/// A node with the reader that notes what is wrong with it.
public struct YAMLValue {
    public let node: YAMLNode
    public let reader: YAMLReader

    public init(_ node: YAMLNode, _ reader: YAMLReader) {
        self.node = node
        self.reader = reader
    }

    public func note(_ reason: String) { reader.note(reason, at: node.position) }

    public var isNull: Bool { node.isNull }

    /// Any scalar's text.
    public var string: String? { scalar("text") }

    /// `true` or `false`, as in YAML 1.2, and YAML 1.1's `yes`, `no`, `on` and `off`.
    public var bool: Bool? {
        guard let text = scalar("true or false") else { return nil }
        switch text {
        case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": return true
        case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": return false
        default: return refuse("expected true or false, not \"\(text)\"")
        }
    }

    /// A whole number.
    public var int: Int? { int(in: .min ... .max) }

    public func int(in range: ClosedRange<Int>) -> Int? {
        guard let text = scalar("a whole number") else { return nil }
        guard let value = NumberText.parseInteger(text) else {
            return refuse("expected a whole number, not \"\(text)\"")
        }
        guard range.contains(Int(value)) else {
            if range.upperBound == .max {
                return refuse("\(value) is too small; it must be at least \(range.lowerBound)")
            }
            return refuse("\(value) is out of range; it must be \(range.lowerBound) to \(range.upperBound)")
        }
        return Int(value)
    }

    public var double: Double? {
        guard let text = scalar("a number") else { return nil }
        // YAML's own spelling of what is no finite number.
        let spelled = [".inf", "+.inf", "-.inf", ".nan"].contains(text.lowercased()) ? text.filter { $0 != "." } : text
        guard let value = NumberText.parseFloat(spelled) else { return refuse("expected a number, not \"\(text)\"") }
        return value
    }

    /// A Prometheus duration such as `1h30m`, in milliseconds.
    public var duration: Int64? {
        guard let text = scalar("a duration") else { return nil }
        do throws(PrometheusDuration.ParseError) { return try PrometheusDuration.parse(text) } catch {
            return refuse("expected a duration such as 15s or 1h30m, not \"\(text)\"")
        }
    }

    /// A size in bytes, such as `64MiB`, `10MB`, `512` or `0`. Without the `i` the units are powers of 1000.
    public var size: Int? {
        guard let text = scalar("a size") else { return nil }
        return Self.bytes(text) ?? refuse("expected a size such as 64MiB, not \"\(text)\"")
    }

    /// One of `allowed`.
    public func choice(of allowed: [String]) -> String? {
        guard let text = scalar("text") else { return nil }
        if allowed.contains(text) { return text }
        let list = allowed.map { "\"\($0)\"" }.joined(separator: ", ")
        return refuse("\"\(text)\" is none of \(list)\(Suggestion.hint(text, in: allowed))")
    }

    /// The elements of a sequence.
    public var list: [YAMLValue]? {
        if node.isNull { return nil }
        guard let nodes = node.sequence else { return refuse("expected a list, not \(kind)") }
        return nodes.map { YAMLValue($0, reader) }
    }

    /// A list of texts.
    public var strings: [String]? { list?.compactMap(\.string) }

    /// A mapping from text to text, in order, such as labels.
    public var stringPairs: [(key: String, value: String)]? {
        entries?.compactMap { entry in entry.value.string.map { (key: entry.key, value: $0) } }
    }

    /// A mapping with keys of the user's own, in order.
    public var entries: [(key: String, keyPosition: TextPosition, value: YAMLValue)]? {
        if node.isNull { return nil }
        guard let entries = node.mapping else { return refuse("expected a mapping, not \(kind)") }
        return entries.map { ($0.key, $0.keyPosition, YAMLValue($0.value, reader)) }
    }

    /// A mapping with known keys: `body` asks for them, and whatever it didn't ask for is noted as unknown.
    /// Null stands for the empty mapping.
    /// - Parameter place: what the mapping is, such as `scrape_configs[0]`, for the message about an unknown key.
    public func mapping<T>(_ place: String = "", _ body: (YAMLMapping) -> T) -> T? {
        guard let entries = node.isNull ? [] : node.mapping else { return refuse("expected a mapping, not \(kind)") }
        let mapping = YAMLMapping(entries, at: node.position, place: place, reader)
        let result = body(mapping)
        mapping.noteUnknownKeys()
        return result
    }

    private func scalar(_ wanted: String) -> String? {
        if node.isNull { return nil }
        guard let text = node.scalar else { return refuse("expected \(wanted), not \(kind)") }
        return text
    }

    private var kind: String {
        switch node.content {
        case .scalar(let text, _): "\"\(text.prefix(40))\""
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    private func refuse<T>(_ reason: String) -> T? {
        note(reason)
        return nil
    }

    private static let units: [(name: String, bytes: Int)] = [
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("KB", 1000), ("MB", 1_000_000),
        ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("B", 1), ("", 1),
    ]

    private static func bytes(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }
        guard let count = Int(digits), let factor = units.first(where: { $0.name == unit })?.bytes else { return nil }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: factor)
        return overflow ? nil : bytes
    }
}
