import LSM

/// What an anchored regular expression comes down to, where that is simpler than running it.
///
/// Only rewrites that keep the meaning exactly; what is not understood is `.regex`, with a prefix all matches must have.
enum RegexReduction: Equatable {
    /// A finite set of texts.
    case literals([String])
    /// Every text, the empty one included.
    case everything
    /// Every text but the empty one.
    case notEmpty
    case prefix(String)
    case suffix(String)
    case contains(String)
    case regex(prefix: String)

    /// More texts than this are not enumerated.
    private static let literalsMax = 512

    init(_ pattern: String) {
        var parser = Parser(pattern)
        guard let alternatives = parser.alternatives(depth: 0), parser.isAtEnd else {
            self = .regex(prefix: Self.commonPrefix(pattern))
            return
        }
        self = Self.reduce(alternatives) ?? .regex(prefix: Self.commonPrefix(pattern))
    }

    private static func reduce(_ alternatives: [[Item]]) -> RegexReduction? {
        if let texts = Parser.enumerate(alternatives) { return .literals(texts) }
        guard alternatives.count == 1 else { return nil }
        // Neighbouring texts become one; a set of several is left to the engine.
        var items: [Item] = []
        for item in alternatives[0] {
            guard case .texts(let texts) = item else {
                items.append(item)
                continue
            }
            guard texts.count == 1 else { return nil }
            if texts[0].isEmpty { continue }
            if case .texts(let before)? = items.last {
                items[items.count - 1] = .texts([before[0] + texts[0]])
            } else {
                items.append(item)
            }
        }
        switch (items.count, items.first, items.dropFirst().first, items.dropFirst(2).first) {
        case (1, .any, _, _): return .everything
        case (1, .some, _, _): return .notEmpty
        case (2, .texts(let text), .any, _): return .prefix(text[0])
        case (2, .any, .texts(let text), _): return .suffix(text[0])
        case (3, .any, .texts(let text), .any): return .contains(text[0])
        case (_, .texts(let text), _, _): return .regex(prefix: text[0])
        default: return nil
        }
    }

    /// The literal text a pattern starts with, where every match must start so; for patterns that are not understood otherwise.
    private static func commonPrefix(_ pattern: String) -> String {
        // An alternation could be anywhere.
        if pattern.unicodeScalars.contains("|") { return "" }
        var prefix = ""
        for scalar in pattern.unicodeScalars {
            switch scalar {
            case "?", "*", "{":
                // What stands before may be missing.
                if !prefix.isEmpty { prefix.unicodeScalars.removeLast() }
                return prefix
            case "+", "\\", "(", ")", "[", "]", ".", "^", "$": return prefix
            default: prefix.unicodeScalars.append(scalar)
            }
        }
        return prefix
    }

    /// A piece of a concatenation.
    fileprivate enum Item {
        case texts([String])
        /// `.*`
        case any
        /// `.+`
        case some
    }

    /// Reads the part of RE2's syntax that stands for literal texts, groups, alternations, `?`, `.*` and `.+`; nil for all else.
    fileprivate struct Parser {
        private let scalars: [Unicode.Scalar]
        private var at = 0
        private static let depthMax = 20

        init(_ pattern: String) { scalars = Array(pattern.unicodeScalars) }

        var isAtEnd: Bool { at == scalars.count }

        mutating func alternatives(depth: Int) -> [[Item]]? {
            guard depth < Self.depthMax else { return nil }
            var result: [[Item]] = []
            while true {
                guard let items = concatenation(depth: depth) else { return nil }
                result.append(items)
                guard at < scalars.count, scalars[at] == "|" else { return result }
                at += 1
            }
        }

        private mutating func concatenation(depth: Int) -> [Item]? {
            var items: [Item] = []
            // The whole is anchored anyhow.
            if depth == 0, at < scalars.count, scalars[at] == "^" { at += 1 }
            while at < scalars.count, scalars[at] != "|", scalars[at] != ")" {
                if depth == 0, scalars[at] == "$", at + 1 == scalars.count || scalars[at + 1] == "|" {
                    at += 1
                    break
                }
                guard let item = atom(depth: depth) else { return nil }
                items.append(item)
            }
            return items
        }

        private mutating func atom(depth: Int) -> Item? {
            let scalar = scalars[at]
            at += 1
            switch scalar {
            case ".":
                guard at < scalars.count, scalars[at] == "*" || scalars[at] == "+" else { return nil }
                let isStar = scalars[at] == "*"
                at += 1
                // Laziness doesn't matter to a match of the whole.
                if at < scalars.count, scalars[at] == "?" { at += 1 }
                return quantified(isStar ? .any : .some)
            case "(":
                if at + 1 < scalars.count, scalars[at] == "?", scalars[at + 1] == ":" { at += 2 }
                guard let inner = alternatives(depth: depth + 1), at < scalars.count, scalars[at] == ")" else {
                    return nil
                }
                at += 1
                guard let texts = Self.enumerate(inner) else { return nil }
                return optional(texts)
            case "\\":
                guard at < scalars.count, scalars[at].isASCII, !scalars[at].properties.isAlphabetic,
                    scalars[at].properties.numericType == nil
                else { return nil }
                at += 1
                return optional([String(Character(scalars[at - 1]))])
            case "[", "]", "{", "}", "*", "+", "?", "^", "$", ")": return nil
            default: return optional([String(Character(scalar))])
            }
        }

        private mutating func optional(_ texts: [String]) -> Item? {
            guard at < scalars.count, scalars[at] == "?" else { return quantified(.texts(texts)) }
            at += 1
            return quantified(.texts(texts.contains("") ? texts : texts + [""]))
        }

        /// The item, unless a repetition follows, which is not understood.
        private func quantified(_ item: Item) -> Item? {
            guard at < scalars.count else { return item }
            switch scalars[at] {
            case "*", "+", "?", "{": return nil
            default: return item
            }
        }

        /// All texts that alternatives stand for, if there are few.
        static func enumerate(_ alternatives: [[Item]]) -> [String]? {
            var all: [String] = []
            for items in alternatives {
                var texts = [""]
                for item in items {
                    guard case .texts(let choices) = item, texts.count * choices.count <= literalsMax else {
                        return nil
                    }
                    texts = texts.flatMap { start in choices.map { start + $0 } }
                }
                all += texts
                guard all.count <= literalsMax else { return nil }
            }
            var seen: Set<[UInt8]> = []
            return all.filter { seen.insert(Array($0.utf8)).inserted }
        }
    }
}
