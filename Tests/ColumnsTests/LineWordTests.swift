import Bedrock
import Columns
import Model
import Testing

/// Lines that differ in words.
@Suite struct LineWordTests {
    private static func arena(_ texts: [String]) -> LineArena {
        let lines = LineArena(capacity: 1 << 16)
        for text in texts { Array(text.utf8).withUnsafeBytes { lines.append($0) } }
        return lines
    }

    private static func segment(_ blocks: [LineArena]) -> LineCodecTests.Segment {
        let encoder = LineEncoder()
        var result = LineCodecTests.Segment(dictionary: [], blocks: [], lines: [])
        for lines in blocks {
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

    private static func wordSegment(seed: UInt64, blocks: Int, rows: Int) -> LineCodecTests.Segment {
        var corpus = LineCorpus(seed: seed)
        return segment(
            (0..<blocks).map { _ in
                let lines = LineArena(capacity: 1 << 16)
                for _ in 0..<rows { corpus.wordLine().withUnsafeBytes { lines.append($0) } }
                return lines
            })
    }

    private static func patterns(_ segment: LineCodecTests.Segment) throws -> [String] {
        let dictionary = try segment.dictionary.withUnsafeBytes { try LineDictionary($0) }
        return (0..<dictionary.patternCount).filter { dictionary.rowCount(ofPattern: $0) > 0 }.map {
            dictionary.patternText($0)
        }
    }

    /// Letters that no hexadecimal digit has.
    private static func name(_ random: inout SeededGenerator, _ length: Int = 9) -> String {
        String((0..<length).map { _ in "ghijklmnopqrstuvwxyz".randomElement(using: &random) ?? "g" })
    }

    @Test func linesThatDifferInWordsShareAPattern() throws {
        var random = SeededGenerator(seed: 3)
        let segment = Self.segment(
            (0..<3).map { _ in
                Self.arena(
                    (0..<600).map { row in
                        switch row % 4 {
                        case 0: "user \(Self.name(&random)) logged in from \(Self.name(&random))"
                        case 1: "user \(Self.name(&random)) logged out after \(row) seconds"
                        case 2:
                            "{\"level\":\"info\",\"user\":\"\(Self.name(&random))\",\"path\":\"/home/\(Self.name(&random))\",\"ms\":\(row)}"
                        default: "session of \(Self.name(&random)) has ended"
                        }
                    })
            })
        #expect(
            try Set(Self.patterns(segment)) == [
                "user <_> logged in from <_>", "user <_> logged out after <_> seconds",
                "{\"level\":\"info\",\"user\":\"<_>\",\"path\":\"<_>\",\"ms\":<_>}", "session of <_> has ended",
            ])
        let dictionary = try segment.dictionary.withUnsafeBytes { try LineDictionary($0) }
        for (bytes, lines) in zip(segment.blocks, segment.lines) { try LineCodecTests.check(bytes, dictionary, lines) }
    }

    /// The forms of columns: each takes not much more than its entropy.
    @Test(arguments: [
        ("uuid", 16.1), ("hex", 8.6), ("pod", 8.5), ("few", 2.0), ("number", 4.5), ("mail", 8.0),
    ]) func columnsAreSmall(_ kind: String, _ bytesMax: Double) throws {
        var random = SeededGenerator(seed: 5)
        func hex(_ count: Int) -> String {
            String((0..<count).map { _ in "0123456789abcdef".randomElement(using: &random) ?? "0" })
        }
        let names = (0..<40).map { _ in Self.name(&random, 30) }
        func value() -> String {
            switch kind {
            case "uuid": "\(hex(8))-\(hex(4))-\(hex(4))-\(hex(4))-\(hex(12))"
            case "hex": "x\(hex(3))/\(hex(14))"
            case "pod": "\(names[Int.random(in: 0..<4, using: &random)])-\(hex(10))-\(Self.name(&random, 5))"
            case "few": names[Int.random(in: 0..<40, using: &random)] + " \(Self.name(&random, 1))"
            case "number": "/\(names[0])/\(Int.random(in: 0..<1_000_000, using: &random))/\(Self.name(&random, 3))"
            default: "\(Self.name(&random, 12))@\(names[Int.random(in: 0..<9, using: &random)]).example"
            }
        }
        let rows = 4000
        let segment = Self.segment([Self.arena((0..<rows).map { _ in "the value is \(value()) here" })])
        let size = segment.blocks[0].count
        #expect(Double(size) < Double(rows) * bytesMax + 400, "\(Double(size) / Double(rows)) bytes a row")
        let dictionary = try segment.dictionary.withUnsafeBytes { try LineDictionary($0) }
        try LineCodecTests.check(segment.blocks[0], dictionary, segment.lines[0])
    }

    @Test(arguments: 0..<4) func literalsFindWhatASearchFinds(_ seed: Int) throws {
        let segment = Self.wordSegment(seed: UInt64(seed), blocks: 3, rows: [100, 300, 700, 1500][seed])
        var random = SeededGenerator(seed: UInt64(seed))
        let lines = segment.lines.flatMap { $0 }
        for _ in 0..<80 {
            let line = lines[Int.random(in: 0..<lines.count, using: &random)]
            let start = Int.random(in: 0..<line.count, using: &random)
            let end = min(line.count, start + Int.random(in: 1...40, using: &random))
            var piece = Array(line[start..<end])
            if Int.random(in: 0..<5, using: &random) == 0 { piece[piece.count / 2] ^= 1 }
            try LineSearchTests.verify(
                segment, [LineFilter([.literal(piece)], isNegated: Int.random(in: 0..<4, using: &random) == 0)])
        }
    }

    @Test(arguments: 0..<2) func expressionsFindWhatRE2Finds(_ seed: Int) throws {
        let segment = Self.wordSegment(seed: UInt64(40 + seed), blocks: 2, rows: [150, 800][seed])
        for (i, text) in LineSearchTests.expressions.enumerated() {
            try LineSearchTests.verify(
                segment, [LineFilter([try LineSearchTests.regex(text)], isNegated: i % 4 == seed)])
        }
    }

    /// A block without the word is not fetched, whether its patterns have words or not.
    @Test func rareWordsPruneBlocks() throws {
        var random = SeededGenerator(seed: 8)
        let segment = Self.segment(
            (0..<5).map { block in
                Self.arena(
                    (0..<400).map { row in
                        let user = block == 3 && row == 99 ? "needle-of-\(Self.name(&random))-kind" : Self.name(&random)
                        return "user \(user) asked for /\(Self.name(&random))/\(Self.name(&random)) and got \(row * 7)"
                    })
            })
        let dictionary = try segment.dictionary.withUnsafeBytes { try LineDictionary($0) }
        #expect(!(try Self.patterns(segment)).contains { $0.contains("needle") })
        for (text, expected) in [
            ("-of-", [3]), (" needle-of-", [3]), ("user needle-", [3]), ("and nothing", []), ("/absent/", []),
        ] {
            let verdicts = dictionary.compile([LineFilter([.literal(Array(text.utf8))])])
            #expect((0..<5).filter { verdicts.mayMatch(block: $0) } == expected, "\(text)")
        }
        #expect(dictionary.compile([LineFilter([.literal(Array("asked for /".utf8))])]).mayMatch(block: 0))
    }

    /// The same by a UUID, of which filters have the middle only.
    @Test func identifiersPruneBlocks() throws {
        var corpus = LineCorpus(seed: 12)
        var identifiers: [String] = []
        let segment = Self.segment(
            (0..<4).map { block in
                Self.arena(
                    (0..<300).map { row in
                        identifiers.append(corpus.uuid())
                        return row % 2 == 0
                            ? "request \(identifiers[identifiers.count - 1]) done"
                            : "{\"id\":\"\(identifiers[identifiers.count - 1])\",\"ms\":\(row)}"
                    })
            })
        let dictionary = try segment.dictionary.withUnsafeBytes { try LineDictionary($0) }
        var kept = 0
        for number in stride(from: 0, to: identifiers.count, by: 13) {
            let identifier = Array(identifiers[number].utf8)
            let verdicts = dictionary.compile([LineFilter([.literal(identifier)])])
            #expect(verdicts.mayMatch(block: number / 300))
            kept += (0..<4).filter { verdicts.mayMatch(block: $0) }.count
            let start = Int.random(in: 0..<20, using: &corpus.random)
            let end = Int.random(in: start + 1...36, using: &corpus.random)
            for literal in [
                identifier, Array(identifier[start..<end]), Array("\"".utf8) + identifier[0..<end],
                identifier[start...] + Array(" done".utf8),
            ] {
                try LineSearchTests.verify(segment, [LineFilter([.literal(literal)])])
            }
        }
        #expect(kept < identifiers.count / 13 * 5 / 4)
    }

    /// Merged twice, with rows left out, they are still the same lines; no pattern is lost.
    @Test(arguments: 0..<4) func mergesOfMergesKeepWords(_ seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        func merge(_ parts: [LineCodecTests.Segment]) throws -> LineCodecTests.Segment {
            let encoder = LineEncoder()
            var result = LineCodecTests.Segment(dictionary: [], blocks: [], lines: [])
            let dictionaries = try parts.map { part in try part.dictionary.withUnsafeBytes { try LineDictionary($0) } }
            for at in 0..<2 {
                var lines: [[UInt8]] = []
                for (part, dictionary) in zip(parts, dictionaries) {
                    let block = try LineCodecTests.open(part.blocks[at], dictionary)
                    let rows = (0..<block.rowCount).filter { _ in Int.random(in: 0..<5, using: &random) > 0 }
                    try rows.map { Int32($0) }.withUnsafeBufferPointer { try encoder.append(block: block, rows: $0) }
                    lines += rows.map { part.lines[at][$0] }
                }
                #expect(encoder.pendingLineBytes == lines.reduce(0) { $0 + $1.count })
                var buffer = ByteBuffer()
                encoder.encodePending(into: &buffer)
                result.blocks.append(buffer.array())
                result.lines.append(lines)
            }
            var buffer = ByteBuffer()
            encoder.finishDictionary(into: &buffer)
            result.dictionary = buffer.array()
            return result
        }
        let parts = (0..<4).map { Self.wordSegment(seed: UInt64(seed * 10 + $0), blocks: 2, rows: 400) }
        let merged = try merge([merge(Array(parts[..<2])), merge(Array(parts[2...]))])
        let dictionary = try merged.dictionary.withUnsafeBytes { try LineDictionary($0) }
        for (bytes, lines) in zip(merged.blocks, merged.lines) { try LineCodecTests.check(bytes, dictionary, lines) }
        for text in ["lo", "/home/", "\"status\":201", "ke-", "ssh2"] {
            try LineSearchTests.verify(merged, [LineFilter([.literal(Array(text.utf8))])])
        }
        #expect(
            try Self.patterns(merged).contains {
                $0.hasPrefix("user <_> opened <_> from 10.0.") || $0.hasPrefix("user <_> opened <_> from <_>")
            })
    }

    @Test(arguments: 0..<4) func damageNeverTraps(_ seed: Int) throws {
        let segment = Self.wordSegment(seed: UInt64(70 + seed), blocks: 1, rows: 600)
        let dictionary = try segment.dictionary.withUnsafeBytes { try LineDictionary($0) }
        var random = SeededGenerator(seed: UInt64(seed))
        let filters = [LineFilter([.literal(Array("lo".utf8))])]
        for _ in 0..<150 {
            damaged(segment.blocks[0], &random) {
                let block = try LineBlock($0, owner: dictionary, dictionary: dictionary)
                _ = try LineCodecTests.read(block, (0..<block.rowCount).map { Int32($0) })
                var lengths = [Int32](repeating: 0, count: block.rowCount)
                try block.readLengths(into: &lengths)
            }
            damaged(segment.blocks[0], &random) {
                let block = try LineBlock($0, owner: dictionary, dictionary: dictionary)
                var rows = RowSet(rowCount: block.rowCount, all: true)
                try block.filter(dictionary.compile(filters), rows: &rows)
            }
            damaged(segment.dictionary, &random) {
                let other = try LineDictionary($0)
                let block = try LineCodecTests.open(segment.blocks[0], other)
                var rows = RowSet(rowCount: block.rowCount, all: true)
                try block.filter(other.compile(filters), rows: &rows)
                let encoder = LineEncoder()
                try encoder.append(block: block, rows: UnsafeBufferPointer(start: nil, count: 0))
                _ = try LineCodecTests.read(block, (0..<block.rowCount).map { Int32($0) })
            }
        }
    }
}
