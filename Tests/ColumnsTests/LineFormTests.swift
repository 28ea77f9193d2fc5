import Bedrock
import Columns
import Model
import Testing

/// Blocks of which half the lines have no pattern.
@Suite struct LineFormTests {
    /// Lines of one pattern between lines of words that nothing else has.
    private static func segment(seed: UInt64, numbers: (inout SeededGenerator, UInt64) -> String)
        -> LineCodecTests.Segment
    {
        var random = SeededGenerator(seed: seed)
        let encoder = LineEncoder()
        var result = LineCodecTests.Segment(dictionary: [], blocks: [], lines: [])
        for _ in 0..<3 {
            let lines = LineArena(capacity: 1 << 16)
            for _ in 0..<500 {
                // No two have their words in the same places.
                let name = (0..<24).map { _ in "ghijklmn ,;:()".randomElement(using: &random) ?? "g" }
                let number = UInt64.random(in: 100_000_000...999_999_999, using: &random)
                Array("\(String(name)) asks for \(number)".utf8).withUnsafeBytes { lines.append($0) }
                Array("answer: \(numbers(&random, number))".utf8).withUnsafeBytes { lines.append($0) }
            }
            var buffer = ByteBuffer()
            encoder.encodeBlock(lines, into: &buffer)
            result.blocks.append(buffer.array())
            result.lines.append(lines.all)
        }
        var buffer = ByteBuffer()
        encoder.finishDictionary(into: &buffer)
        result.dictionary = buffer.array()
        return result
    }

    private static func verify(_ segment: LineCodecTests.Segment) throws {
        let dictionary = try segment.dictionary.withUnsafeBytes { try LineDictionary($0) }
        for (bytes, lines) in zip(segment.blocks, segment.lines) { try LineCodecTests.check(bytes, dictionary, lines) }
        let needle = segment.lines[1][0]
        for text in [needle, Array("answer: 1".utf8), Array("asks".utf8), Array("nothing".utf8), Array("99".utf8)] {
            try LineSearchTests.verify(segment, [LineFilter([.literal(text)])])
        }
        try LineSearchTests.verify(
            segment, [LineFilter([.regex(try RegularExpression("answer: [1-4]+[0-9]*7 ", anchored: false))])])
        // Rows of all blocks, merged into one.
        let encoder = LineEncoder()
        for bytes in segment.blocks {
            let rows = (0..<Int32(1000)).map { $0 }
            try rows.withUnsafeBufferPointer {
                try encoder.append(block: LineCodecTests.open(bytes, dictionary), rows: $0)
            }
        }
        var block = ByteBuffer()
        encoder.encodePending(into: &block)
        var merged = ByteBuffer()
        encoder.finishDictionary(into: &merged)
        try LineCodecTests.check(block.array(), try LineDictionary(merged.bytes), Array(segment.lines.joined()))
    }

    private static func patternRows(_ segment: LineCodecTests.Segment) throws -> [Int] {
        let dictionary = try segment.dictionary.withUnsafeBytes { try LineDictionary($0) }
        return try segment.blocks.map { bytes in
            try LineCodecTests.open(bytes, dictionary).patternCounts().reduce(0) { $0 + $1.rows }
        }
    }

    /// A compressor sees that the numbers were there before; columns don't.
    @Test func plainTextIsTakenWhereItIsSmaller() throws {
        let segment = Self.segment(seed: 1) { _, number in "\(number) \(number) \(number) \(number)" }
        #expect(try Self.patternRows(segment) == [0, 0, 0])
        for bytes in segment.blocks { #expect(bytes.count < 1000 * 14) }
        try Self.verify(segment)
    }

    @Test func patternsStayWherePlainTextIsNoSmaller() throws {
        let segment = Self.segment(seed: 2) { random, _ in
            (0..<4).map { _ in String(UInt64.random(in: 100_000_000...999_999_999, using: &random)) }
                .joined(separator: " ")
        }
        #expect(try Self.patternRows(segment) == [500, 500, 500])
        try Self.verify(segment)
    }
}
