/// Reads the part of RE2's syntax that programs can run: characters, classes, `.`, repetitions of those, anchors at the ends, alternatives and
/// groups of few, and the flags `i` and `s` in front. Nil for all else.
struct LineProgramParser {
    private let text: [UInt8]
    private var at = 0
    private var ignoresCase = false
    private var dotMatchesNewline = false
    private static let repetitionsMax = 63
    private static let programsMax = 16
    private static let depthMax = 8

    static func parse(_ pattern: String) -> [LineProgram]? {
        var parser = LineProgramParser(pattern)
        return parser.alternatives()
    }

    private init(_ pattern: String) { text = Array(pattern.utf8) }

    /// The alternatives up to the end, or to the parenthesis that closes a group.
    private mutating func alternatives(depth: Int = 0) -> [LineProgram]? {
        if depth == 0 { guard readFlags() else { return nil } }
        var programs: [LineProgram] = []
        while true {
            guard let some = sequence(depth: depth), programs.count + some.count <= Self.programsMax else { return nil }
            programs += some
            if at == text.count { return depth == 0 ? programs : nil }
            if text[at] == UInt8(ascii: ")") { return depth > 0 ? programs : nil }
            at += 1
        }
    }

    private mutating func readFlags() -> Bool {
        while at + 1 < text.count, text[at] == UInt8(ascii: "("), text[at + 1] == UInt8(ascii: "?") {
            var end = at + 2
            while end < text.count, text[end] == UInt8(ascii: "i") || text[end] == UInt8(ascii: "s") {
                if text[end] == UInt8(ascii: "i") { ignoresCase = true } else { dotMatchesNewline = true }
                end += 1
            }
            guard end > at + 2, end < text.count, text[end] == UInt8(ascii: ")") else { return false }
            at = end + 1
        }
        return true
    }

    /// One alternative; groups in it multiply what it stands for.
    private mutating func sequence(depth: Int) -> [LineProgram]? {
        var programs = [LineProgram()]
        programs[0].isASCIIOnly = ignoresCase
        if depth == 0, at < text.count, text[at] == UInt8(ascii: "^") {
            programs[0].isAnchoredAtStart = true
            at += 1
        }
        while at < text.count, text[at] != UInt8(ascii: "|"), text[at] != UInt8(ascii: ")") {
            if text[at] == UInt8(ascii: "$") {
                at += 1
                guard depth == 0, at == text.count || text[at] == UInt8(ascii: "|") else { return nil }
                for i in programs.indices { programs[i].isAnchoredAtEnd = true }
                break
            }
            let next: [LineProgram]
            if text[at] == UInt8(ascii: "(") {
                guard let inner = group(depth: depth) else { return nil }
                next = inner
            } else {
                var one = LineProgram()
                guard let bytes = element(&one), repetition(of: bytes, &one) else { return nil }
                next = [one]
            }
            guard let all = Self.product(programs, next) else { return nil }
            programs = all
        }
        return programs
    }

    /// A group, which may be optional; a repeated one is RE2's.
    private mutating func group(depth: Int) -> [LineProgram]? {
        at += 1
        if at + 1 < text.count, text[at] == UInt8(ascii: "?") {
            guard text[at + 1] == UInt8(ascii: ":") else { return nil }
            at += 2
        }
        guard depth < Self.depthMax, var inner = alternatives(depth: depth + 1) else { return nil }
        at += 1
        guard at < text.count, isRepetition(text[at]) else { return inner }
        guard text[at] == UInt8(ascii: "?") else { return nil }
        at += 1
        if at < text.count, text[at] == UInt8(ascii: "?") { at += 1 }
        if at < text.count, isRepetition(text[at]) { return nil }
        inner.append(LineProgram())
        return inner
    }

    /// Every first part followed by every second one; nil when that is too much.
    private static func product(_ first: [LineProgram], _ second: [LineProgram]) -> [LineProgram]? {
        guard first.count * second.count <= programsMax else { return nil }
        var result: [LineProgram] = []
        result.reserveCapacity(first.count * second.count)
        for a in first {
            for b in second {
                var both = a
                guard both.append(b) else { return nil }
                result.append(both)
            }
        }
        return result
    }

    /// The bytes that one element may stand for.
    private mutating func element(_ program: inout LineProgram) -> [UInt8]? {
        let byte = text[at]
        at += 1
        switch byte {
        case UInt8(ascii: "."):
            program.isASCIIOnly = true
            return (0..<128).map { UInt8($0) }.filter { dotMatchesNewline || $0 != 10 }
        case UInt8(ascii: "["): return bracket(&program)
        case UInt8(ascii: "\\"): return escape(&program)
        case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"),
            UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "^"), UInt8(ascii: "]"):
            return nil
        default:
            // One byte of a longer character: it must not be repeated or folded by itself.
            if byte >= 0x80 {
                guard !ignoresCase, at == text.count || !isRepetition(text[at]) else { return nil }
            }
            return folded([byte])
        }
    }

    private func isRepetition(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "*") || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "{")
    }

    private func folded(_ bytes: [UInt8]) -> [UInt8] {
        guard ignoresCase else { return bytes }
        return bytes + bytes.filter { ($0 | 32) &- 97 < 26 }.map { $0 ^ 32 }
    }

    private static let digits = Array(UInt8(48)...57)
    private static let words = digits + Array(UInt8(65)...90) + [95] + Array(UInt8(97)...122)
    private static let spaces: [UInt8] = [9, 10, 12, 13, 32]

    private mutating func escape(_ program: inout LineProgram) -> [UInt8]? {
        guard at < text.count else { return nil }
        let byte = text[at]
        at += 1
        if let set = Self.perlClass(byte | 32) {
            guard byte & 32 == 0 else { return set }
            program.isASCIIOnly = true
            return Self.inverse(set)
        }
        return Self.escapedCharacter(byte).map { folded([$0]) }
    }

    private static func perlClass(_ letter: UInt8) -> [UInt8]? {
        switch letter {
        case UInt8(ascii: "d"): digits
        case UInt8(ascii: "w"): words
        case UInt8(ascii: "s"): spaces
        default: nil
        }
    }

    private static func escapedCharacter(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "n"): return 10
        case UInt8(ascii: "t"): return 9
        case UInt8(ascii: "r"): return 13
        default:
            let isAlphanumeric = byte &- 48 < 10 || (byte | 32) &- 97 < 26
            return byte < 0x80 && !isAlphanumeric ? byte : nil
        }
    }

    private static func inverse(_ set: [UInt8]) -> [UInt8] { (0..<128).map { UInt8($0) }.filter { !set.contains($0) } }

    private mutating func bracket(_ program: inout LineProgram) -> [UInt8]? {
        var set: [UInt8] = []
        var isNegated = false
        if at < text.count, text[at] == UInt8(ascii: "^") {
            isNegated = true
            at += 1
        }
        var isFirst = true
        while at < text.count, text[at] != UInt8(ascii: "]") || isFirst {
            isFirst = false
            guard let low = member(&set) else { return nil }
            // A class such as \d has been put in already.
            guard low != 0xFF else { continue }
            if at + 1 < text.count, text[at] == UInt8(ascii: "-"), text[at + 1] != UInt8(ascii: "]") {
                at += 1
                guard let high = member(&set), high != 0xFF, high >= low else { return nil }
                set += folded(Array(low...high))
            } else {
                set += folded([low])
            }
        }
        guard at < text.count else { return nil }
        at += 1
        guard isNegated else { return set }
        program.isASCIIOnly = true
        return Self.inverse(set)
    }

    /// One character of a bracket, or 0xFF after a whole class was put into `set`.
    private mutating func member(_ set: inout [UInt8]) -> UInt8? {
        guard at < text.count else { return nil }
        let byte = text[at]
        at += 1
        // Named classes and characters beyond ASCII are RE2's.
        guard byte < 0x80, byte != UInt8(ascii: "[") else { return nil }
        guard byte == UInt8(ascii: "\\") else { return byte }
        guard at < text.count else { return nil }
        let escaped = text[at]
        at += 1
        if let whole = Self.perlClass(escaped) {
            set += whole
            return 0xFF
        }
        return Self.escapedCharacter(escaped)
    }

    /// Appends the element as often as what follows says.
    private mutating func repetition(of bytes: [UInt8], _ program: inout LineProgram) -> Bool {
        guard at < text.count, isRepetition(text[at]) else { return program.append(bytes) }
        let sign = text[at]
        var least = 0
        var most: Int? = 1
        if sign == UInt8(ascii: "{") {
            guard let bounds = counts() else { return false }
            (least, most) = bounds
        } else {
            at += 1
            least = sign == UInt8(ascii: "+") ? 1 : 0
            if sign != UInt8(ascii: "?") { most = nil }
        }
        // Laziness doesn't matter to whether there is a match; a second repetition is an error or RE2's.
        if at < text.count, text[at] == UInt8(ascii: "?") { at += 1 }
        if at < text.count, isRepetition(text[at]) { return false }
        for i in 0..<least {
            guard program.append(bytes, isRepeated: most == nil && i == least - 1) else { return false }
        }
        guard let most else {
            return least > 0 || program.append(bytes, isOptional: true, isRepeated: true)
        }
        for _ in least..<max(most, least) {
            guard program.append(bytes, isOptional: true) else { return false }
        }
        return most >= least
    }

    /// `{n}`, `{n,}` or `{n,m}`.
    private mutating func counts() -> (Int, Int?)? {
        guard let end = text[at...].firstIndex(of: UInt8(ascii: "}")) else { return nil }
        let parts = text[at + 1..<end].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        at = end + 1
        guard parts.count <= 2, let least = Int(String(decoding: parts[0], as: UTF8.self)),
            least >= 0, least <= Self.repetitionsMax
        else { return nil }
        guard parts.count == 2 else { return (least, least) }
        if parts[1].isEmpty { return (least, nil) }
        guard let most = Int(String(decoding: parts[1], as: UTF8.self)), most >= least, most <= Self.repetitionsMax
        else { return nil }
        return (least, most)
    }
}
