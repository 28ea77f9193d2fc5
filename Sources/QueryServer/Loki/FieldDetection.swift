import Bedrock
import Formats
import Model

/// What fields a sample of entries has: structured metadata, what stages made, and what a JSON or logfmt parser would find in the lines.
struct FieldDetection {
    /// What all values of a field can be read as.
    enum Kind: String {
        case boolean, int, float, duration, bytes, string
    }

    struct Field {
        var kind: Kind
        var values: Set<String> = []
        /// Parsers that would find it; none where it is there without.
        var parsers: Set<String> = []
        /// Where JSON has it.
        var path: [String] = []
    }

    private(set) var fields: [String: Field] = [:]

    func sorted() -> [(name: String, field: Field)] {
        fields.map { (name: $0.key, field: $0.value) }.sorted { utf8Precedes($0.name, $1.name) }
    }

    mutating func add(_ entry: LogEntryView) {
        for bytes in [entry.metadata, entry.parsed] {
            var cursor = LabelCursor(bytes)
            while cursor.next() {
                note(String(decoding: cursor.name, as: UTF8.self), String(decoding: cursor.value, as: UTF8.self))
            }
        }
        let line = String(decoding: entry.line, as: UTF8.self)
        if entry.line.first == UInt8(ascii: "{"), let object = try? JSONValue(parsing: line).object {
            add(object, path: [])
        } else {
            addLogfmt(line)
        }
    }

    private mutating func add(_ object: JSONObject, path: [String]) {
        for (key, value) in object.members {
            let place = path + [key]
            switch value {
            case .object(let inner): add(inner, path: place)
            case .string(let text): note(Self.name(place), text, parser: "json", path: place)
            case .number, .bool: note(Self.name(place), value.text, parser: "json", path: place)
            case .null, .array: break
            }
        }
    }

    /// Pairs `key=value` and `key="value"`; a line without any, or that is mostly something else, has none.
    private mutating func addLogfmt(_ line: String) {
        var pairs: [(String, String)] = []
        var words = 0
        var rest = line.utf8[...]
        while !rest.isEmpty {
            rest = rest.drop { $0 <= 0x20 }
            guard !rest.isEmpty else { break }
            words += 1
            let key = rest.prefix { $0 > 0x20 && $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: "\"") }
            rest = rest.dropFirst(key.count)
            guard rest.first == UInt8(ascii: "="), !key.isEmpty else {
                rest = rest.drop { $0 > 0x20 }
                continue
            }
            rest = rest.dropFirst()
            let value: Substring.UTF8View.SubSequence
            if rest.first == UInt8(ascii: "\"") {
                rest = rest.dropFirst()
                value = rest.prefix { $0 != UInt8(ascii: "\"") }
                rest = rest.dropFirst(value.count + 1)
            } else {
                value = rest.prefix { $0 > 0x20 }
                rest = rest.dropFirst(value.count)
            }
            pairs.append((String(decoding: key, as: UTF8.self), String(decoding: value, as: UTF8.self)))
        }
        guard pairs.count * 2 > words else { return }
        for (key, value) in pairs where !value.isEmpty { note(Self.name([key]), value, parser: "logfmt") }
    }

    private mutating func note(_ name: String, _ value: String, parser: String? = nil, path: [String] = []) {
        let kind = Self.kind(value)
        var field = fields[name] ?? Field(kind: kind)
        if field.kind != kind { field.kind = Self.common(field.kind, kind) }
        field.values.insert(value)
        if let parser { field.parsers.insert(parser) }
        if field.path.isEmpty { field.path = path }
        fields[name] = field
    }

    private static func common(_ a: Kind, _ b: Kind) -> Kind {
        [.int, .float].contains(a) && [.int, .float].contains(b) ? .float : .string
    }

    static func kind(_ value: String) -> Kind {
        if value == "true" || value == "false" { return .boolean }
        if NumberText.parseInteger(value) != nil { return .int }
        if NumberText.parseFloat(value) != nil { return .float }
        guard value.utf8.first.map({ $0 >= 48 && $0 <= 57 }) ?? false else { return .string }
        let unit = value.utf8.drop { ($0 >= 48 && $0 <= 57) || $0 == UInt8(ascii: ".") }
        switch String(decoding: unit, as: UTF8.self).lowercased() {
        case "ns", "us", "µs", "ms", "s", "m", "h": return .duration
        case "b", "kb", "kib", "mb", "mib", "gb", "gib", "tb", "tib": return .bytes
        default: return (try? PrometheusDuration.parse(value)) != nil ? .duration : .string
        }
    }

    /// A label name for a path, as the JSON stage makes it.
    private static func name(_ path: [String]) -> String {
        var name: [UInt8] = []
        for byte in path.joined(separator: "_").utf8 {
            switch byte {
            case 48...57:
                if name.isEmpty { name.append(UInt8(ascii: "_")) }
                name.append(byte)
            case 65...90, 95, 97...122: name.append(byte)
            default: if byte & 0xC0 != 0x80 { name.append(UInt8(ascii: "_")) }
            }
        }
        return String(decoding: name, as: UTF8.self)
    }
}
