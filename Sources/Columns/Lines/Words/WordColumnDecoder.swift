import Bedrock
import Model

/// Reads what a `WordColumnWriter` wrote.
struct WordColumnDecoder {
    /// What split columns may make of little at most.
    static let madeBytesMax = 64 << 20

    private var reader: ByteReader
    private let texts: LineArena
    /// Texts of the arena, and how many of them columns have taken.
    private let stored: Int
    private var taken = 0
    private var madeBytes = 0

    /// Puts texts into `texts`, which is empty.
    init(_ bytes: ByteReader, into texts: LineArena) throws(ColumnError) {
        reader = bytes
        self.texts = texts
        try TextArena.decode(&reader, countMax: LineLimits.valuesMax, into: texts)
        stored = texts.count
    }

    /// The next column of `count` rows, as numbers of texts; none of those is empty.
    mutating func next(count: Int) throws -> ContiguousArray<Int32> {
        let indexes = try column(count: count, depth: 0)
        let known = texts.starts
        for index in indexes {
            let length = known[Int(index) + 1] - known[Int(index)]
            guard length > 0, length <= LineLimits.patternBytesMax else {
                throw ColumnError("a word of \(length) bytes")
            }
        }
        return indexes
    }

    private mutating func column(count: Int, depth: Int) throws -> ContiguousArray<Int32> {
        let form = try reader.u8()
        switch WordPlan.Form(rawValue: form) {
        case .texts:
            let start = try take(count)
            return ContiguousArray(start..<start + Int32(count))
        case .dictionary:
            let size = try reader.length(limit: LineLimits.rowsMax)
            guard size > 0 else { throw ColumnError("a dictionary of no words") }
            let start = try take(size)
            var symbols = ContiguousArray<UInt16>(repeating: 0, count: count)
            try symbols.withUnsafeMutableBufferPointer {
                guard let base = $0.baseAddress else { return }
                try SymbolCode.decode(&reader, count: count, symbolCount: size, into: base)
            }
            return ContiguousArray(symbols.map { start + Int32($0) })
        case .hex:
            let digits = Int(try reader.u8())
            guard digits > 0, digits % 2 == 0 else { throw ColumnError("words of \(digits) digits") }
            let bytes = try reader.take(digits / 2 * count)
            return try make(count, bytesMax: digits * count) { row, target in
                HexText.write(
                    UnsafeRawBufferPointer(rebasing: bytes[row * digits / 2..<(row + 1) * digits / 2]),
                    into: UnsafeMutableRawBufferPointer(start: target, count: digits))
            }
        case .decimals:
            let numbers = try IntegerColumn.decodeArray(&reader, count: count)
            guard numbers.allSatisfy({ $0 >= 0 }) else { throw ColumnError("a word below zero") }
            return try make(count, bytesMax: SlotCode.digitsMax * count) { row, target in
                SlotCode.write(
                    UInt64(bitPattern: numbers[row]), SlotCode.decimal, to: target.assumingMemoryBound(to: UInt8.self))
            }
        case .split:
            guard depth < WordPlanner.depthMax else { throw ColumnError("words are split too often") }
            return try split(count: count, depth: depth)
        case nil: throw ColumnError("unknown form \(form) of words")
        }
    }

    private mutating func split(count: Int, depth: Int) throws -> ContiguousArray<Int32> {
        let separator = try reader.u8()
        let partCount = try reader.length(limit: WordPlanner.partsMax)
        var parts: [ContiguousArray<Int32>] = []
        for _ in 0..<partCount { parts.append(try column(count: count, depth: depth + 1)) }
        let known = TextView(texts)
        var most = partCount * count
        for part in parts { for index in part { most += known[Int(index)].count } }
        return try make(count, bytesMax: most) { row, target in
            let out = target.assumingMemoryBound(to: UInt8.self)
            var used = 0
            for (number, part) in parts.enumerated() {
                if number > 0 {
                    out[used] = separator
                    used += 1
                }
                used += (out + used).copy(known[Int(part[row])])
            }
            return used
        }
    }

    /// Makes texts that do not stand in the arena.
    private mutating func make(
        _ count: Int, bytesMax: Int, _ write: (Int, UnsafeMutableRawPointer) throws -> Int
    ) throws -> ContiguousArray<Int32> {
        madeBytes += bytesMax
        guard madeBytes <= Self.madeBytesMax else { throw ColumnError("\(madeBytes) bytes of words") }
        let start = Int32(truncatingIfNeeded: texts.count)
        let made = LineArena(capacity: bytesMax + 32)
        try made.append(count: count, bytesMax: bytesMax + 24, write)
        texts.append(all: TextView(made))
        return ContiguousArray(start..<start + Int32(count))
    }

    private mutating func take(_ count: Int) throws -> Int32 {
        guard count <= stored - taken else { throw ColumnError("\(count) words, \(stored - taken) left") }
        taken += count
        return Int32(truncatingIfNeeded: taken - count)
    }
}
