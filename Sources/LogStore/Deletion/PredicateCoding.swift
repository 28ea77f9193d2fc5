import Bedrock
import Model

/// Line filters and metadata matchers as text, for tombstones. Canonical: equal predicates have equal texts.
///
/// ```
/// 1 [" +" | " -"] alternatives, joined by "," …   a line filter: l:TEXT contains, r:TEXT matches; "-" is negated
///   " m:" NAME ":" OPERATION ":" VALUE …          on structured metadata
/// ```
/// In texts everything but letters, digits, `_`, `.` and `-` is written as `%` and two hex digits. No term at all is the empty text.
enum PredicateCoding {
    static let version = "1"
    /// Terms and alternatives of a predicate, so that nobody can make deletes slow.
    static let partsMax = 256

    static func encode(filters: [LineFilter], metadata: [Matcher]) -> String {
        if filters.isEmpty && metadata.isEmpty { return "" }
        var text = version
        for filter in filters {
            let alternatives = filter.alternatives.map { alternative in
                switch alternative {
                case .literal(let bytes): "l:" + escaped(bytes)
                case .regex(let regex): "r:" + escaped(Array(regex.pattern.utf8))
                }
            }
            text += (filter.isNegated ? " -" : " +") + alternatives.joined(separator: ",")
        }
        for matcher in metadata {
            text +=
                " m:" + escaped(Array(matcher.name.utf8)) + ":" + escaped(Array(matcher.operation.rawValue.utf8)) + ":"
                + escaped(Array(matcher.value.utf8))
        }
        return text
    }

    static func decode(_ text: String) throws -> LogPredicate {
        var predicate = LogPredicate()
        if text.isEmpty { return predicate }
        let terms = text.split(separator: " ", omittingEmptySubsequences: false)
        guard terms.first.map({ $0 == version }) ?? false else {
            throw DecodeError("a delete's predicate has a version this program doesn't know: use a newer one", at: 0)
        }
        guard terms.count <= partsMax else { throw DecodeError("\(terms.count) terms, at most \(partsMax)", at: 0) }
        for term in terms.dropFirst() {
            switch term.first {
            case "+", "-": predicate.filters.append(try filter(term.dropFirst(), isNegated: term.first == "-"))
            default: predicate.metadata.append(try matcher(term))
            }
        }
        return predicate
    }

    private static func filter(_ text: Substring, isNegated: Bool) throws -> LineFilter {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count <= partsMax else { throw DecodeError("\(parts.count) alternatives", at: 0) }
        let alternatives = try parts.map { part -> LineFilter.Match in
            let bytes = try unescaped(part.dropFirst(2))
            switch part.prefix(2) {
            case "l:": return .literal(bytes)
            case "r:":
                return .regex(try RegularExpression("(?s)" + String(decoding: bytes, as: UTF8.self), anchored: false))
            default: throw DecodeError("\(part) is no alternative of a line filter", at: 0)
            }
        }
        return LineFilter(alternatives, isNegated: isNegated)
    }

    private static func matcher(_ term: Substring) throws -> Matcher {
        let parts = term.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "m" else { throw DecodeError("\(term) is no term of a predicate", at: 0) }
        let texts = try parts.dropFirst().map { String(decoding: try unescaped($0), as: UTF8.self) }
        guard let operation = Matcher.Operation(rawValue: texts[1]) else {
            throw DecodeError("\(texts[1]) is no matcher operation", at: 0)
        }
        return try Matcher(texts[0], operation, texts[2])
    }

    private static func escaped(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in bytes {
            switch byte {
            case 48...57, 65...90, 97...122, 95, 46, 45: out.append(byte)
            default: out += [37, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func unescaped(_ text: Substring) throws -> [UInt8] {
        var out: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte != 37 {
                out.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
                throw DecodeError("\(text) has a % without two hex digits", at: 0)
            }
            out.append(high << 4 | low)
        }
        return out
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        default: nil
        }
    }
}
