import Bedrock

/// A shell pattern for paths, as promtail's `__path__` takes it: `*`, `?`, `[…]`, `{a,b}` within one part of a path, `**` for any number
/// of parts. Immutable and thread-safe.
public struct GlobPattern: Equatable, Sendable {
    public let text: String
    /// One list of parts for each alternative of the braces.
    let alternatives: [[Part]]

    enum Part: Equatable, Sendable {
        case literal(String)
        case wild([UInt8])
        /// `**`
        case anyDepth
    }

    /// Alternatives that braces may spell out.
    private static let alternativesMax = 256

    /// - Throws: what is wrong with it, in a person's words.
    public init(_ text: String) throws(Invalid) {
        self.text = text
        guard text.hasPrefix("/") else { throw Invalid("a path begins with /") }
        alternatives = try Self.expand(Array(text.utf8)).map { (bytes) throws(Invalid) in try Self.parts(bytes) }
    }

    /// Why a pattern makes no sense.
    public struct Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        public let description: String

        init(_ description: String) { self.description = description }
    }

    private static func parts(_ bytes: [UInt8]) throws(Invalid) -> [Part] {
        var parts: [Part] = []
        for part in bytes.split(separator: UInt8(ascii: "/")) {
            let text = String(decoding: part, as: UTF8.self)
            if text == "**" {
                if parts.last != .anyDepth { parts.append(.anyDepth) }
            } else if part.contains(where: { "*?[".utf8.contains($0) }) {
                guard closes(part) else { throw Invalid("a [ has no ]") }
                parts.append(.wild(Array(part)))
            } else {
                parts.append(.literal(text))
            }
        }
        guard let last = parts.last else { throw Invalid("a path names a file") }
        if last == .anyDepth { parts.append(.wild([UInt8(ascii: "*")])) }
        return parts
    }

    private static func closes(_ part: ArraySlice<UInt8>) -> Bool {
        var rest = part
        while let open = rest.firstIndex(of: UInt8(ascii: "[")) {
            guard let close = rest[(open + 1)...].dropFirst().firstIndex(of: UInt8(ascii: "]")) else { return false }
            rest = rest[(close + 1)...]
        }
        return true
    }

    private static func expand(_ bytes: [UInt8]) throws(Invalid) -> [[UInt8]] {
        guard let open = bytes.firstIndex(of: UInt8(ascii: "{")) else { return [bytes] }
        var depth = 0
        var close: Int?
        var cuts: [Int] = [open]
        for i in open..<bytes.count {
            switch bytes[i] {
            case UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "}"):
                depth -= 1
                if depth == 0 && close == nil { close = i }
            case UInt8(ascii: ",") where depth == 1 && close == nil: cuts.append(i)
            default: break
            }
            if close != nil { break }
        }
        guard let close else { throw Invalid("a { has no }") }
        cuts.append(close)
        var result: [[UInt8]] = []
        for (from, to) in zip(cuts, cuts.dropFirst()) {
            result += try expand(Array(bytes[..<open] + bytes[(from + 1)..<to] + bytes[(close + 1)...]))
            guard result.count <= alternativesMax else { throw Invalid("braces spell out too many paths") }
        }
        return result
    }

    /// Whether `path` fits.
    public func matches(_ path: String) -> Bool {
        let names = path.utf8.split(separator: UInt8(ascii: "/")).map { Array($0) }
        return alternatives.contains { Self.matches(names[...], $0[...]) }
    }

    private static func matches(_ names: ArraySlice<[UInt8]>, _ parts: ArraySlice<Part>) -> Bool {
        guard let part = parts.first else { return names.isEmpty }
        if part == .anyDepth {
            return (names.startIndex...names.endIndex).contains { matches(names[$0...], parts.dropFirst()) }
        }
        guard let name = names.first, matches(name: name, part) else { return false }
        return matches(names.dropFirst(), parts.dropFirst())
    }

    static func matches(name: [UInt8], _ part: Part) -> Bool {
        switch part {
        case .literal(let text): name.elementsEqual(text.utf8)
        case .wild(let pattern): WildcardText.matches(name[...], pattern[...])
        case .anyDepth: true
        }
    }
}

/// Shell wildcards in one name.
enum WildcardText {
    /// `*` stands for any text, `?` for a byte, `[a-z]` and `[!a-z]` for one of a set.
    static func matches(_ name: ArraySlice<UInt8>, _ pattern: ArraySlice<UInt8>) -> Bool {
        var name = name
        var pattern = pattern
        // Where to go on when what follows the last star doesn't fit: one byte more for the star.
        var retry: (name: ArraySlice<UInt8>, pattern: ArraySlice<UInt8>)?
        while true {
            if pattern.first == UInt8(ascii: "*") {
                pattern.removeFirst()
                retry = (name, pattern)
            } else if let byte = name.first, let rest = one(byte, pattern) {
                pattern = rest
                name.removeFirst()
            } else if pattern.isEmpty && name.isEmpty {
                return true
            } else if let again = retry, !again.name.isEmpty {
                name = again.name.dropFirst()
                pattern = again.pattern
                retry = (name, pattern)
            } else {
                return false
            }
        }
    }

    /// What of the pattern is left once its first element took `byte`; nil when it doesn't.
    private static func one(_ byte: UInt8, _ pattern: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let first = pattern.first else { return nil }
        if first == UInt8(ascii: "?") { return pattern.dropFirst() }
        guard first == UInt8(ascii: "["),
            let close = pattern.dropFirst(2).firstIndex(of: UInt8(ascii: "]"))
        else { return first == byte ? pattern.dropFirst() : nil }
        var set = pattern[(pattern.startIndex + 1)..<close]
        let isNegated = set.first == UInt8(ascii: "!") || set.first == UInt8(ascii: "^")
        if isNegated { set.removeFirst() }
        var isIn = false
        while let low = set.first {
            if set.count >= 3, set[set.startIndex + 1] == UInt8(ascii: "-") {
                isIn = isIn || (low <= byte && byte <= set[set.startIndex + 2])
                set.removeFirst(3)
            } else {
                isIn = isIn || low == byte
                set.removeFirst()
            }
        }
        return isIn != isNegated ? pattern[(close + 1)...] : nil
    }
}
