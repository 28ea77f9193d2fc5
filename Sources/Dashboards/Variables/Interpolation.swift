/// Puts the values of variables into texts: `$name`, `${name}`, `${name:format}`, `[[name]]`. Unknown names stay as they are.
public struct Interpolation: Equatable, Sendable {
    /// What a variable stands for at the moment.
    public struct Value: Equatable, Sendable {
        public var options: [Variable.Option]
        /// More than one may be chosen, so that a single one is still used as a pattern.
        public var isPattern: Bool
        /// Used as it is instead of the options: a custom value for All, or a built-in.
        public var verbatim: String?

        public init(_ options: [Variable.Option], isPattern: Bool = false, verbatim: String? = nil) {
            self.options = options
            self.isPattern = isPattern
            self.verbatim = verbatim
        }

        public init(_ value: String) { self.init([Variable.Option(value)]) }
    }

    /// What the text is used as, when the reference says nothing.
    public enum Purpose: Sendable {
        /// PromQL or LogQL, where values mostly stand within quoted patterns.
        case query
        /// Titles.
        case title
    }

    public var values: [String: Value]
    /// Times and steps: `__interval`, `__range`, `__from`, …
    public var builtIns: [String: String]

    public init(values: [String: Value] = [:], builtIns: [String: String] = [:]) {
        self.values = values
        self.builtIns = builtIns
    }

    public func expand(_ text: String, _ purpose: Purpose = .query) -> String {
        let once = expandOnce(text, purpose)
        // A variable's value may itself be a built-in, such as `$__rate_interval`.
        return once != text && once.contains("$__") ? Interpolation(builtIns: builtIns).expandOnce(once, purpose) : once
    }

    private func expandOnce(_ text: String, _ purpose: Purpose) -> String {
        guard text.utf8.contains(UInt8(ascii: "$")) || text.utf8.contains(UInt8(ascii: "[")) else { return text }
        var out = ""
        var references = VariableReferences(text)
        var copied = text.startIndex
        while let reference = references.next() {
            guard let replacement = resolve(reference, purpose) else { continue }
            out += text[copied..<reference.range.lowerBound]
            out += replacement
            copied = reference.range.upperBound
        }
        return out + text[copied...]
    }

    private func resolve(_ reference: VariableReferences.Reference, _ purpose: Purpose) -> String? {
        if let fixed = builtIns[reference.name] {
            return reference.format.hasPrefix("date") ? date(fixed, reference.format) : fixed
        }
        guard let value = values[reference.name] else { return nil }
        if let verbatim = value.verbatim, reference.format != "text" { return verbatim }
        if reference.format == "text" || (purpose == .title && reference.format.isEmpty) {
            return value.options.map(\.text).joined(separator: " + ")
        }
        let list = value.options.map(\.value)
        if reference.format.isEmpty { return value.isPattern ? Self.pattern(list) : list.joined(separator: ",") }
        return Self.format(list, reference.format, name: reference.name)
    }

    /// Patterns stand within quotes, so the backslash of an escape is itself escaped.
    private static func pattern(_ values: [String]) -> String {
        let escaped = values.map(escapedPattern)
        return escaped.count == 1 ? escaped[0] : "(" + escaped.joined(separator: "|") + ")"
    }

    static func escapedPattern(_ value: String) -> String {
        var out = ""
        for character in value {
            if "\\^$*+?.()|{}[]".contains(character) { out += "\\\\" }
            if character == "\"" { out += "\\" }
            out.append(character)
        }
        return out
    }

    private static func format(_ values: [String], _ format: String, name: String) -> String {
        func quoted(_ quote: String, _ escape: String) -> String {
            values.map { quote + $0.replacing(quote, with: escape) + quote }.joined(separator: ",")
        }
        switch format {
        case "regex": return pattern(values)
        case "pipe": return values.joined(separator: "|")
        case "glob": return values.count == 1 ? values[0] : "{" + values.joined(separator: ",") + "}"
        case "json":
            return "["
                + values.map { "\"" + $0.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\"" }.joined(
                    separator: ",") + "]"
        case "doublequote": return quoted("\"", "\\\"")
        case "singlequote": return quoted("'", "\\'")
        case "sqlstring": return quoted("'", "''")
        case "distributed":
            return values.enumerated().map { $0 == 0 ? $1 : name + "=" + $1 }.joined(separator: ",")
        case "lucene":
            let parts = values.map { "\"" + $0.replacing("\"", with: "\\\"") + "\"" }
            return parts.count == 1 ? values[0] : "(" + parts.joined(separator: " OR ") + ")"
        case "percentencode":
            return percentEncoded(
                format == "" ? "" : values.count == 1 ? values[0] : "{" + values.joined(separator: ",") + "}")
        case "queryparam":
            return values.map { "var-" + percentEncoded(name) + "=" + percentEncoded($0) }.joined(separator: "&")
        default: return values.joined(separator: ",")  // csv, raw, and formats of plugins
        }
    }

    private static func percentEncoded(_ text: String) -> String {
        var out = ""
        for byte in text.utf8 {
            let isPlain =
                (byte >= 97 && byte <= 122) || (byte >= 65 && byte <= 90) || (byte >= 48 && byte <= 57)
                || "-_.~".utf8.contains(byte)
            let hex = String(byte, radix: 16, uppercase: true)
            out += isPlain ? String(Character(Unicode.Scalar(byte))) : "%" + (hex.utf8.count == 1 ? "0" : "") + hex
        }
        return out
    }

    private func date(_ value: String, _ format: String) -> String {
        guard let milliseconds = Int64(value) else { return value }
        if format == "date:seconds" { return String(milliseconds / 1000) }
        let civil = CivilTime(milliseconds)
        return civil.dateText + "T" + civil.secondText + "." + DecimalText.padded(civil.millisecond, 3) + "Z"
    }
}

/// Finds the references in a text, in order.
struct VariableReferences {
    struct Reference: Equatable {
        var name: String
        /// Behind the colon; empty for none.
        var format: String
        var range: Range<String.Index>
    }

    private let text: String
    private var at: String.Index

    init(_ text: String) {
        self.text = text
        at = text.startIndex
    }

    mutating func next() -> Reference? {
        while at < text.endIndex {
            let start = at
            let character = text[start]
            at = text.index(after: start)
            if character == "$" {
                if let found = at < text.endIndex && text[at] == "{" ? braced(start, "}", skip: 1) : bare(start) {
                    return found
                }
            } else if character == "[", at < text.endIndex, text[at] == "[" {
                if let found = braced(start, "]]", skip: 1) { return found }
            }
        }
        return nil
    }

    private mutating func bare(_ start: String.Index) -> Reference? {
        var end = at
        while end < text.endIndex, Self.isNamePart(text[end]) { end = text.index(after: end) }
        guard end > at else { return nil }
        let name = String(text[at..<end])
        at = end
        return Reference(name: name, format: "", range: start..<end)
    }

    private mutating func braced(_ start: String.Index, _ closing: String, skip: Int) -> Reference? {
        let inner = text.index(at, offsetBy: skip)
        guard let close = text[inner...].firstRange(of: closing) else { return nil }
        let content = text[inner..<close.lowerBound]
        let parts = content.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let head = parts.first, !head.isEmpty, head.allSatisfy({ Self.isNamePart($0) || $0 == "." || $0 == "-" })
        else { return nil }
        at = close.upperBound
        // A field path (`${v.text}`) reads a part of the variable; `text` is the one that matters here.
        let path = head.split(separator: ".", maxSplits: 1)
        let isText = path.count == 2 && path[1] == "text"
        return Reference(
            name: path.count == 2 && (isText || path[1] == "value") ? String(path[0]) : String(head),
            format: isText ? "text" : parts.count > 1 ? String(parts[1]) : "", range: start..<close.upperBound)
    }

    private static func isNamePart(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || character == "_")
    }

    /// Names a text refers to.
    static func names(in text: String) -> Set<String> {
        var references = VariableReferences(text)
        var result: Set<String> = []
        while let reference = references.next() { result.insert(reference.name) }
        return result
    }
}
