import Bedrock
import Model

/// What a test says about all lines of an entry.
enum LineVerdict: UInt8 {
    case never = 0
    case always = 1
    /// It depends on the values.
    case row = 2

    func or(_ other: LineVerdict) -> LineVerdict {
        if self == .always || other == .always { return .always }
        return self == .never ? other : other == .never ? self : .row
    }

    func and(_ other: LineVerdict) -> LineVerdict {
        if self == .never || other == .never { return .never }
        return self == .always ? other : other == .always ? self : .row
    }

    var negated: LineVerdict { self == .row ? .row : self == .never ? .always : .never }
}

/// One alternative of a filter, prepared.
struct LineTest: Sendable {
    private let literal: [UInt8]?
    private let expression: RegularExpression?
    /// Together as good as the expression, where the text suits them; empty: RE2 must look.
    let programs: [LineProgram]
    /// Texts of which every match has one, one for each program; empty: unknown.
    let required: [[UInt8]]
    private let isASCIIOnly: Bool
    var isLiteral: Bool { literal != nil }
    /// The first eight bytes of a literal as a number, and which bits of it count.
    private let front: (word: UInt64, mask: UInt64)

    init(_ match: LineFilter.Match) {
        switch match {
        case .literal(let bytes):
            literal = bytes
            expression = nil
            programs = [LineProgram(literal: bytes)]
            required = [bytes]
            isASCIIOnly = false
            var word: UInt64 = 0
            for (i, byte) in bytes.prefix(8).enumerated() { word |= UInt64(byte) << UInt64(i * 8) }
            front = (word, bytes.count >= 8 ? .max : (1 << UInt64(bytes.count * 8)) - 1)
        case .regex(let regex):
            literal = nil
            expression = regex
            programs = LineProgramParser.parse(regex.pattern) ?? []
            let texts = programs.map { $0.requiredLiteral() }
            required = texts.contains { $0.isEmpty } ? [] : texts
            isASCIIOnly = programs.contains { $0.isASCIIOnly }
            front = (0, 0)
        }
    }

    func matches(_ line: UnsafeRawBufferPointer) -> Bool {
        if let literal { return literal.withUnsafeBytes { line.firstOffset(of: $0) } != nil }
        guard let expression else { return false }
        if !required.isEmpty,
            !required.contains(where: { text in
                text.withUnsafeBytes { line.firstOffset(of: $0) } != nil
            })
        {
            return false
        }
        if programs.isEmpty || (isASCIIOnly && !ByteHash.isASCII(line)) { return expression.matches(line) }
        return programs.contains { $0.matches(line) }
    }

    /// Whether a match of the only program begins at one of `starts`. Eight bytes lie behind the line.
    func matches(_ line: UnsafeRawBufferPointer, at starts: ArraySlice<Int32>) -> Bool {
        guard let base = line.baseAddress else { return false }
        let program = programs[0]
        return program.masks.withUnsafeBufferPointer { masks in
            guard let masks = masks.baseAddress else { return false }
            for start in starts {
                if literal != nil {
                    let word = base.loadUnaligned(fromByteOffset: Int(start), as: UInt64.self)
                    if (UInt64(littleEndian: word) ^ front.word) & front.mask != 0 { continue }
                }
                if program.matches(line, at: Int(start), masks) { return true }
            }
            return false
        }
    }

    /// Whether programs decide about lines of this fixed text.
    func isDecidable(_ text: UnsafeRawBufferPointer, slots: Int, words: Int) -> Bool {
        if programs.isEmpty { return false }
        guard isASCIIOnly else { return true }
        // Words may have any characters.
        if words > 0 { return false }
        // Slots stand as one byte each beyond ASCII.
        var others = 0
        for byte in text where byte >= 0x80 { others += 1 }
        return others == slots
    }

}

extension ByteHash {
    /// Whether no byte is over 127.
    static func isASCII(_ text: UnsafeRawBufferPointer) -> Bool {
        var at = 0
        var all: UInt64 = 0
        while at + 8 <= text.count {
            all |= text.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            at += 8
        }
        while at < text.count {
            all |= UInt64(text[at])
            at += 1
        }
        return all & 0x8080_8080_8080_8080 == 0
    }
}
