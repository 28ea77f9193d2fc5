import Bedrock
import Model

/// Takes lines, in stream order as a segment has them, through the columns in memory, and says what each step costs and what the rows become.
///
/// For `obsbench`: CPU time of the calling thread, no disk.
public struct LineBenchmark {
    /// One figure.
    public struct Measure: Sendable {
        public var name: String
        public var value: Double
        public var unit: String
    }

    private struct Block {
        var lines: [UInt8]
        var times: [UInt8]
        var rows: Int
    }

    /// Holds nothing: the blocks outlive what reads them.
    private final class Owner {}

    /// In the order of the steps.
    public private(set) var measures: [Measure] = []
    private let encoder = LineEncoder()
    private let scratch = ColumnScratch()
    private var blocks: [Block] = []
    private var rows = 0
    private var lineBytes = 0
    private var encodeSpent = 0.0
    private var timesSpent = 0.0

    public init() {}

    /// Encodes one block.
    public mutating func add(_ lines: LineArena, times: [Int64]) {
        var block = ByteBuffer(capacity: 64 << 10)
        let start = threadCPUNanoseconds()
        encoder.encodeBlock(lines, into: &block)
        let between = threadCPUNanoseconds()
        var column = ByteBuffer(capacity: 64 << 10)
        TimeColumn.encode(times, count: times.count, scratch: scratch, into: &column)
        timesSpent += threadCPUNanoseconds() - between
        encodeSpent += between - start
        blocks.append(Block(lines: block.array(), times: column.array(), rows: lines.count))
        rows += lines.count
        lineBytes += lines.bytes.count
    }

    /// Finishes the segment, then reads, merges and searches it.
    /// - Throws: what the columns throw; their own output doesn't.
    public mutating func run(literals: [String], expressions: [String]) throws {
        var bytes = ByteBuffer(capacity: 1 << 20)
        let start = threadCPUNanoseconds()
        encoder.finishDictionary(into: &bytes)
        encodeSpent += threadCPUNanoseconds() - start
        let count = Double(max(rows, 1))
        add("lines", Double(rows), "")
        add("line bytes as they came", Double(lineBytes) / count, "B/line")
        add("line blocks", Double(blocks.reduce(0) { $0 + $1.lines.count }) / count, "B/line")
        add("line dictionary", Double(bytes.count) / count, "B/line")
        add("times", Double(blocks.reduce(0) { $0 + $1.times.count }) / count, "B/line")
        add("encode lines", encodeSpent / count, "ns/line")
        add("encode times", timesSpent / count, "ns/line")
        let opening = threadCPUNanoseconds()
        let dictionary = try LineDictionary(bytes.bytes)
        add("open dictionary", (threadCPUNanoseconds() - opening) / 1e6, "ms")
        try read(dictionary)
        try merge(dictionary)
        for literal in literals {
            try search(literal, LineFilter([.literal(Array(literal.utf8))]), dictionary)
        }
        for text in expressions {
            try search(text, LineFilter([.regex(try RegularExpression(text, anchored: false))]), dictionary)
        }
    }

    private mutating func read(_ dictionary: LineDictionary) throws {
        let lines = LineArena(capacity: 4 << 20)
        var spent = 0.0
        var timesSpent = 0.0
        for block in blocks {
            lines.clear()
            let numbers = (0..<Int32(block.rows)).map { $0 }
            var times = [Int64](repeating: 0, count: block.rows)
            try block.lines.withUnsafeBytes { bytes in
                let start = threadCPUNanoseconds()
                let opened = try LineBlock(bytes, owner: Owner(), dictionary: dictionary)
                try numbers.withUnsafeBufferPointer { try opened.read($0, into: lines) }
                spent += threadCPUNanoseconds() - start
            }
            try block.times.withUnsafeBytes { bytes in
                let start = threadCPUNanoseconds()
                var reader = ByteReader(bytes)
                try TimeColumn.decode(&reader, count: block.rows, into: &times)
                timesSpent += threadCPUNanoseconds() - start
            }
        }
        add("read lines", Double(lineBytes) / max(spent, 1), "GB/s")
        add("read times", timesSpent / Double(max(rows, 1)), "ns/line")
    }

    private mutating func merge(_ dictionary: LineDictionary) throws {
        let encoder = LineEncoder()
        var target = ByteBuffer(capacity: 1 << 20)
        let start = threadCPUNanoseconds()
        for block in blocks {
            target.clear()
            let numbers = (0..<Int32(block.rows)).map { $0 }
            try block.lines.withUnsafeBytes { bytes in
                let opened = try LineBlock(bytes, owner: Owner(), dictionary: dictionary)
                try numbers.withUnsafeBufferPointer { try encoder.append(block: opened, rows: $0) }
            }
            encoder.encodePending(into: &target)
        }
        encoder.finishDictionary(into: &target)
        add("merge lines", (threadCPUNanoseconds() - start) / Double(max(rows, 1)), "ns/line")
    }

    private mutating func search(_ name: String, _ filter: LineFilter, _ dictionary: LineDictionary) throws {
        let start = threadCPUNanoseconds()
        let verdicts = dictionary.compile([filter])
        var hits = 0
        for (number, block) in blocks.enumerated() where verdicts.mayMatch(block: number) {
            try block.lines.withUnsafeBytes { bytes in
                let opened = try LineBlock(bytes, owner: Owner(), dictionary: dictionary)
                var found = RowSet(rowCount: block.rows, all: true)
                try opened.filter(verdicts, rows: &found)
                hits += found.count
            }
        }
        add("search \(name) (\(hits) lines)", (threadCPUNanoseconds() - start) / 1e6, "ms")
    }

    private mutating func add(_ name: String, _ value: Double, _ unit: String) {
        measures.append(Measure(name: name, value: value, unit: unit))
    }

}
