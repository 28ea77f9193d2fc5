import Bedrock
import Columns
import Model
import Testing

@Suite struct LineSearchTests {
    static let expressions = [
        "port [0-9]+1 ssh2", "blk_-?\\d{3,}", "(?i)error|went UP", "^the same", "numbers$", "^$", "[a-f0-9]{8}-",
        "0\\.\\d+ s$",
        "a.b", "Gr.*e", "tick [0-6]", "4001", "(foo|port) \\d", "(?s)failed.*line", "failed.*line", "[^ ]+=[^ ]+ n=",
        "007", "\\w+ went (?:up|down)", "x*", "1[2-4]?[5-9]*6", "☃", "2{2}", "(4|5)0(0|1)?[0-9]", "(?:port|user(s)?) ",
        "((a|b)1|x)", "(ab)+", "\\.1:", "from 10\\.0\\.[0-9]\\.", "0{3}", "user [a-z]+ opened", "opened /home/.*\\.txt",
        "^pod [bk].*d$", "\"user\":\"[^\"]*ba", "node-1 (?:restarted|evicted)$", "^user .* from", "user .*keba.* from",
        "[^ ]*@[^ ]* took",
        "of x* ?f", "^[^ ]+$", "Ro é", "^.*$", "^raw ", "end (ba|ke)+$",
    ]

    static func verify(_ segment: LineCodecTests.Segment, _ filters: [LineFilter]) throws {
        let dictionary = try segment.dictionary.withUnsafeBytes { try LineDictionary($0) }
        let verdicts = dictionary.compile(filters)
        for (number, (bytes, lines)) in zip(segment.blocks, segment.lines).enumerated() {
            let expected = lines.map { line in
                line.withUnsafeBytes { bytes in filters.allSatisfy { $0.passes(bytes) } }
            }
            if !verdicts.mayMatch(block: number) {
                #expect(!expected.contains(true), "block \(number) is pruned by \(describe(filters))")
                continue
            }
            let block = try LineCodecTests.open(bytes, dictionary)
            var rows = RowSet(rowCount: lines.count, all: true)
            try block.filter(verdicts, rows: &rows)
            for row in lines.indices where rows.contains(row) != expected[row] {
                Issue.record(
                    "\(describe(filters)) says \(!expected[row]) on \(String(decoding: lines[row], as: UTF8.self))")
                break
            }
        }
        #expect(
            !verdicts.isNever
                || segment.lines.allSatisfy {
                    $0.allSatisfy { line in
                        !line.withUnsafeBytes { bytes in filters.allSatisfy { $0.passes(bytes) } }
                    }
                })
    }

    static func describe(_ filters: [LineFilter]) -> String {
        filters.map { filter in
            (filter.isNegated ? "not " : "")
                + filter.alternatives.map { match in
                    switch match {
                    case .literal(let bytes): "\"\(String(decoding: bytes, as: UTF8.self))\""
                    case .regex(let regex): "/\(regex.pattern)/"
                    }
                }.joined(separator: " or ")
        }.joined(separator: " and ")
    }

    static func literal(_ bytes: [UInt8]) -> LineFilter.Match { .literal(bytes) }
    static func regex(_ text: String) throws -> LineFilter.Match {
        .regex(try RegularExpression(text, anchored: false))
    }

    /// Cut out of lines, so that they cross the borders of slots.
    @Test(arguments: 0..<6) func literalsFindWhatASearchFinds(_ seed: Int) throws {
        let segment = LineCodecTests.segment(seed: UInt64(seed), blocks: 3, rows: [40, 300, 800][seed % 3])
        var random = SeededGenerator(seed: UInt64(seed))
        let lines = segment.lines.flatMap { $0 }
        guard !lines.isEmpty else { return }
        for _ in 0..<60 {
            var pieces: [[UInt8]] = []
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                let line = lines[Int.random(in: 0..<lines.count, using: &random)]
                let start = Int.random(in: 0...line.count, using: &random)
                let end = min(line.count, start + Int.random(in: 0...[4, 12, 90][seed % 3], using: &random))
                var piece = Array(line[start..<end])
                if Int.random(in: 0..<5, using: &random) == 0, !piece.isEmpty { piece[piece.count / 2] ^= 1 }
                pieces.append(piece)
            }
            try Self.verify(
                segment,
                [LineFilter(pieces.map { .literal($0) }, isNegated: Int.random(in: 0..<4, using: &random) == 0)])
        }
    }

    @Test(arguments: 0..<4) func expressionsFindWhatRE2Finds(_ seed: Int) throws {
        let segment = LineCodecTests.segment(seed: UInt64(100 + seed), blocks: 2, rows: [60, 500][seed % 2])
        for (i, text) in Self.expressions.enumerated() {
            try Self.verify(segment, [LineFilter([try Self.regex(text)], isNegated: i % 5 == seed)])
        }
        try Self.verify(
            segment,
            [
                LineFilter([try Self.regex("port [0-9]+"), .literal(Array("tick".utf8))]),
                LineFilter([.literal(Array("9".utf8))], isNegated: true),
            ])
        try Self.verify(segment, [])
    }

    /// Programs made at random from the syntax they know agree with RE2 on lines made at random.
    @Test func programsAgreeWithRE2() throws {
        var random = SeededGenerator(seed: 77)
        let atoms = [
            "a", "b", "1", ".", "[ab]", "[^a]", "\\d", "\\W", "[0-5x-z]", "\\.", "\\S", "(a|1)", "(?:b|\\d2)", "(ab|)",
        ]
        let signs = ["", "", "", "*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "+?"]
        let encoder = LineEncoder()
        let lines = LineArena()
        for _ in 0..<400 {
            let line = (0..<Int.random(in: 0...9, using: &random)).map { _ in
                ["a", "b", "1", "234", ".", " ", "x", "A", "\n", "é", "5678"].randomElement(using: &random) ?? ""
            }
            Array(line.joined().utf8).withUnsafeBytes { lines.append($0) }
        }
        var block = ByteBuffer()
        encoder.encodeBlock(lines, into: &block)
        var dictionary = ByteBuffer()
        encoder.finishDictionary(into: &dictionary)
        let segment = LineCodecTests.Segment(
            dictionary: dictionary.array(), blocks: [block.array()], lines: [lines.all])
        for _ in 0..<150 {
            var text = ["", "(?i)", "(?s)", "(?is)"].randomElement(using: &random) ?? ""
            for alternative in 0..<Int.random(in: 1...2, using: &random) {
                if alternative > 0 { text += "|" }
                if Int.random(in: 0..<6, using: &random) == 0 { text += "^" }
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    text += (atoms.randomElement(using: &random) ?? "") + (signs.randomElement(using: &random) ?? "")
                }
                if Int.random(in: 0..<6, using: &random) == 0 { text += "$" }
            }
            try Self.verify(segment, [LineFilter([try Self.regex(text)])])
        }
    }

    @Test func rareWordsPruneBlocks() throws {
        let encoder = LineEncoder()
        var buffer = ByteBuffer()
        for block in 0..<6 {
            for row in 0..<500 {
                let text =
                    row == 77 && block == 4 ? "session 7f3ac0de-needle-4d1e exhausted" : "user \(row * 7919) logged in"
                Array(text.utf8).withUnsafeBytes { encoder.append($0) }
            }
            encoder.encodePending(into: &buffer)
        }
        buffer.clear()
        encoder.finishDictionary(into: &buffer)
        let dictionary = try LineDictionary(buffer.bytes)
        for text in ["7f3ac0de-needle-4d1e", "3ac0de-needle-4d"] {
            let verdicts = dictionary.compile([LineFilter([.literal(Array(text.utf8))])])
            #expect((0..<6).filter { verdicts.mayMatch(block: $0) } == [4])
        }
        #expect(dictionary.compile([LineFilter([.literal(Array("absent".utf8))])]).isNever)
        #expect((0..<dictionary.patternCount).contains { dictionary.patternText($0) == "user <_> logged in" })
    }
}
