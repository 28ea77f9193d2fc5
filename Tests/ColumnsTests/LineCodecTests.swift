import Bedrock
import Columns
import Model
import Testing

@Suite struct LineCodecTests {
    /// A segment in memory.
    struct Segment {
        var dictionary: [UInt8]
        var blocks: [[UInt8]]
        var lines: [[[UInt8]]]
    }

    static func segment(seed: UInt64, blocks count: Int, rows: Int) -> Segment {
        var corpus = LineCorpus(seed: seed)
        let encoder = LineEncoder()
        var result = Segment(dictionary: [], blocks: [], lines: [])
        for _ in 0..<count {
            let lines = corpus.lines(Int.random(in: 0...rows, using: &corpus.random))
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

    /// Opens a block whose bytes live as long as it does.
    static func open(_ bytes: [UInt8], _ dictionary: LineDictionary) throws -> LineBlock {
        let kept = KeptBytes(bytes)
        return try LineBlock(kept.bytes, owner: kept, dictionary: dictionary)
    }

    final class KeptBytes {
        let bytes: UnsafeRawBufferPointer
        init(_ array: [UInt8]) {
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: array.count, alignment: 1)
            copy.copyBytes(from: array)
            bytes = UnsafeRawBufferPointer(copy)
        }
        deinit { bytes.deallocate() }
    }

    static func read(_ block: LineBlock, _ rows: [Int32]) throws -> [[UInt8]] {
        let lines = LineArena(capacity: 64)
        try rows.withUnsafeBufferPointer { try block.read($0, into: lines) }
        return lines.all
    }

    static func check(_ bytes: [UInt8], _ dictionary: LineDictionary, _ expected: [[UInt8]]) throws {
        let block = try open(bytes, dictionary)
        #expect(block.rowCount == expected.count)
        let all = try read(block, (0..<expected.count).map { Int32($0) })
        #expect(all == expected)
        let some = stride(from: expected.count % 3, to: expected.count, by: 3).map { Int32($0) }
        #expect(try read(open(bytes, dictionary), some) == some.map { expected[Int($0)] })
        var lengths = [Int32](repeating: 0, count: expected.count)
        try block.readLengths(into: &lengths)
        #expect(lengths == expected.map { Int32($0.count) })
        let counted = try block.patternCounts().reduce(0) { $0 + $1.rows }
        var seen = 0
        try block.forEachPattern { row, pattern in
            seen += 1
            #expect(pattern < dictionary.patternCount)
        }
        #expect(seen == counted)
    }

    @Test(arguments: 0..<12) func linesComeBack(_ seed: Int) throws {
        let segment = Self.segment(seed: UInt64(seed), blocks: 4, rows: [5, 60, 400, 1500][seed % 4])
        let dictionary = try segment.dictionary.withUnsafeBytes { try LineDictionary($0) }
        #expect(dictionary.blockCount == 4)
        for (bytes, lines) in zip(segment.blocks, segment.lines) { try Self.check(bytes, dictionary, lines) }
    }

    @Test func longAndManyDistinctLinesComeBack() throws {
        let encoder = LineEncoder()
        let lines = LineArena()
        lines.append(bytesMax: 1 << 20) { room in
            for i in 0..<room.count { room[i] = UInt8(truncatingIfNeeded: i &* 7919 >> 3) }
            return room.count
        }
        var random = SeededGenerator(seed: 9)
        for i in 0..<3000 {
            let words = (0..<6).map { _ in String(UInt32.random(in: 0...UInt32.max, using: &random), radix: 36) }
            Array("\(words.joined(separator: " ")) \(i)".utf8).withUnsafeBytes { lines.append($0) }
        }
        var block = ByteBuffer()
        encoder.encodeBlock(lines, into: &block)
        var dictionary = ByteBuffer()
        encoder.finishDictionary(into: &dictionary)
        try Self.check(block.array(), try LineDictionary(dictionary.bytes), lines.all)
    }

    @Test(arguments: 0..<6) func mergedRowsAreTheSameLines(_ seed: Int) throws {
        let parts = (0..<3).map { Self.segment(seed: UInt64(seed * 10 + $0), blocks: 3, rows: 300) }
        var random = SeededGenerator(seed: UInt64(seed))
        let encoder = LineEncoder()
        var expected: [[[UInt8]]] = []
        var blocks: [[UInt8]] = []
        let dictionaries = try parts.map { part in try part.dictionary.withUnsafeBytes { try LineDictionary($0) } }
        for at in 0..<3 {
            var lines: [[UInt8]] = []
            for (part, dictionary) in zip(parts, dictionaries) {
                let block = try Self.open(part.blocks[at], dictionary)
                let rows = (0..<block.rowCount).filter { _ in Int.random(in: 0..<4, using: &random) > 0 }
                try rows.map { Int32($0) }.withUnsafeBufferPointer { try encoder.append(block: block, rows: $0) }
                lines += rows.map { part.lines[at][$0] }
                // A line that comes as text, among them.
                Array("late line \(at)".utf8).withUnsafeBytes { encoder.append($0) }
                lines.append(Array("late line \(at)".utf8))
            }
            #expect(encoder.pendingRows == lines.count)
            #expect(encoder.pendingLineBytes == lines.reduce(0) { $0 + $1.count })
            var buffer = ByteBuffer()
            encoder.encodePending(into: &buffer)
            blocks.append(buffer.array())
            expected.append(lines)
        }
        var buffer = ByteBuffer()
        encoder.finishDictionary(into: &buffer)
        let dictionary = try LineDictionary(buffer.bytes)
        for (bytes, lines) in zip(blocks, expected) { try Self.check(bytes, dictionary, lines) }
    }

    @Test(arguments: 0..<4) func damageNeverTraps(_ seed: Int) throws {
        let segment = Self.segment(seed: UInt64(seed), blocks: 2, rows: 300)
        let dictionary = try segment.dictionary.withUnsafeBytes { try LineDictionary($0) }
        var random = SeededGenerator(seed: UInt64(seed))
        let filters = [LineFilter([.literal(Array("port".utf8))]), LineFilter([.literal(Array("12".utf8))])]
        for (bytes, lines) in zip(segment.blocks, segment.lines) {
            for _ in 0..<12 {
                damaged(bytes, &random) {
                    let block = try LineBlock($0, owner: dictionary, dictionary: dictionary)
                    _ = try Self.read(block, (0..<block.rowCount).map { Int32($0) })
                }
                damaged(bytes, &random) {
                    let block = try LineBlock($0, owner: dictionary, dictionary: dictionary)
                    var rows = RowSet(rowCount: block.rowCount, all: true)
                    try block.filter(dictionary.compile(filters), rows: &rows)
                    _ = try block.patternCounts()
                }
                damaged(segment.dictionary, &random) {
                    let other = try LineDictionary($0)
                    _ = (0..<other.patternCount).map { other.patternText($0) }
                    let block = try Self.open(bytes, other)
                    var rows = RowSet(rowCount: block.rowCount, all: true)
                    try block.filter(other.compile(filters), rows: &rows)
                    _ = try Self.read(block, (0..<min(block.rowCount, lines.count)).map { Int32($0) })
                }
            }
        }
    }
}
