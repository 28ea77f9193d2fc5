import Bedrock
import Model

/// Where the parts of a block lie.
struct LineBlockLayout {
    var rowCount = 0
    var entryCount = 0
    var hasArena = false
    /// Values of word slots stand in a part of their own.
    var hasWords = false
    var entries = ByteReader(UnsafeRawBufferPointer(start: nil, count: 0))
    var symbols = ByteReader(UnsafeRawBufferPointer(start: nil, count: 0))
    var columns = ByteReader(UnsafeRawBufferPointer(start: nil, count: 0))
    var words = ByteReader(UnsafeRawBufferPointer(start: nil, count: 0))
    var texts = ByteReader(UnsafeRawBufferPointer(start: nil, count: 0))

    mutating func read(_ reader: inout ByteReader) throws(DecodeError) {
        rowCount = try reader.length(limit: LineLimits.rowsMax)
        entryCount = try reader.length(limit: rowCount)
        switch try reader.u8() {
        case 0: hasArena = false
        case 1: hasArena = true
        case let tag: throw DecodeError("arena mark \(tag)", at: reader.offset - 1)
        }
        guard rowCount == 0 || entryCount > 0 || hasArena else { throw DecodeError("rows of nothing", at: 0) }
        entries = ByteReader(try reader.prefixed())
        symbols = ByteReader(try reader.prefixed())
        columns = ByteReader(try reader.prefixed())
        if hasWords { words = ByteReader(try reader.prefixed()) }
        texts = reader
    }
}

/// The decoded parts of a block. Numbers in them are checked: symbols lie below the entries (the arena included), values exist.
struct LineBlockColumns {
    private(set) var hasEntries = false
    private(set) var hasSymbols = false
    private(set) var hasRanks = false
    private(set) var hasValues = false
    /// The dictionary's entry of each symbol.
    private(set) var ids: ContiguousArray<Int32> = []
    private(set) var symbols: ContiguousArray<UInt16> = []
    /// How many rows before it have the same symbol.
    private(set) var ranks: ContiguousArray<UInt16> = []
    /// Rows of each symbol.
    private(set) var counts: ContiguousArray<Int32> = []
    private(set) var arenaRows = 0
    /// Per symbol, into `bases`.
    private(set) var slotStarts: ContiguousArray<Int32> = []
    /// Per slot of a pattern, where its values begin.
    private(set) var bases: ContiguousArray<Int32> = []
    private(set) var values: ContiguousArray<UInt64> = []
    /// What the values of word slots number; all of those are below its count.
    let words = LineArena(capacity: 64)

    /// The value of a slot of a pattern row.
    @inline(__always) func value(_ row: Int, _ symbol: Int, _ slot: Int) -> UInt64 {
        values[Int(bases[Int(slotStarts[symbol]) + slot]) + Int(ranks[row])]
    }

    mutating func readEntries(_ layout: LineBlockLayout, _ dictionary: LineDictionary) throws(ColumnError) {
        var numbers = [Int64](repeating: 0, count: layout.entryCount)
        var reader = layout.entries
        do throws(DecodeError) {
            try TimeColumn.decode(&reader, count: layout.entryCount, into: &numbers)
        } catch {
            throw ColumnError("entries of a line block: \(error)")
        }
        var last: Int64 = -1
        for i in 0..<numbers.count {
            let id = numbers[i] &+ Int64(i)
            guard id > last, id < Int64(dictionary.entries.count) else {
                throw ColumnError("entry \(id) in a line block")
            }
            ids.append(Int32(truncatingIfNeeded: id))
            last = id
        }
        hasEntries = true
    }

    mutating func readSymbols(_ layout: LineBlockLayout, _ dictionary: LineDictionary) throws(ColumnError) {
        let symbolCount = layout.entryCount + (layout.hasArena ? 1 : 0)
        symbols = .init(repeating: 0, count: layout.rowCount)
        var reader = layout.symbols
        var failure: DecodeError?
        symbols.withUnsafeMutableBufferPointer {
            guard let base = $0.baseAddress else { return }
            do throws(DecodeError) {
                try SymbolCode.decode(&reader, count: $0.count, symbolCount: symbolCount, into: base)
            } catch {
                failure = error
            }
        }
        if let failure { throw ColumnError("symbols of a line block: \(failure)") }
        hasSymbols = true
    }

    /// Numbers the rows of each symbol.
    mutating func countRows(_ layout: LineBlockLayout) {
        guard !hasRanks else { return }
        counts = .init(repeating: 0, count: layout.entryCount + (layout.hasArena ? 1 : 0))
        ranks = .init(repeating: 0, count: layout.rowCount)
        counts.withUnsafeMutableBufferPointer { counts in
            ranks.withUnsafeMutableBufferPointer { ranks in
                symbols.withUnsafeBufferPointer { symbols in
                    for row in 0..<symbols.count {
                        let symbol = Int(symbols[row])
                        ranks[row] = UInt16(truncatingIfNeeded: counts[symbol])
                        counts[symbol] &+= 1
                    }
                }
            }
        }
        arenaRows = layout.hasArena ? Int(counts[layout.entryCount]) : 0
        hasRanks = true
    }

    mutating func readValues(_ layout: LineBlockLayout, _ dictionary: LineDictionary) throws(ColumnError) {
        guard !hasValues else { return }
        countRows(layout)
        do {
            try readColumns(layout, dictionary)
        } catch {
            throw ColumnError("values of a line block: \(error)")
        }
        hasValues = true
    }

    private mutating func readColumns(_ layout: LineBlockLayout, _ dictionary: LineDictionary) throws {
        var total = 0
        slotStarts.removeAll()
        bases.removeAll()
        for symbol in 0..<ids.count {
            slotStarts.append(Int32(bases.count))
            let slots = dictionary.entries[Int(ids[symbol])].rowValueCount
            total += slots * Int(counts[symbol])
            guard total <= LineLimits.valuesMax else { throw ColumnError("\(total) values") }
            for _ in 0..<slots { bases.append(-1) }
        }
        values = .init(repeating: 0, count: total)
        let wordsEnd = try readWords(layout, dictionary)
        var reader = layout.columns
        let at = try readOwn(&reader, dictionary, from: wordsEnd)
        try readClasses(&reader, dictionary, from: at)
    }

    /// Values of word slots; returns where the rest goes.
    private mutating func readWords(_ layout: LineBlockLayout, _ dictionary: LineDictionary) throws -> Int {
        let slots = ids.reduce(0) { $0 + dictionary.entries[Int($1)].wordCount }
        guard layout.hasWords else {
            guard slots == 0 else { throw ColumnError("words are missing") }
            return 0
        }
        var at = 0
        var decoder = try WordColumnDecoder(layout.words, into: words)
        for symbol in 0..<ids.count {
            let entry = dictionary.entries[Int(ids[symbol])]
            guard entry.wordCount > 0 else { continue }
            for slot in 0..<entry.rowValueCount where dictionary.slots[entry.slotStart + slot].code == SlotCode.word {
                bases[Int(slotStarts[symbol]) + slot] = Int32(at)
                for index in try decoder.next(count: Int(counts[symbol])) {
                    values[at] = UInt64(index)
                    at += 1
                }
            }
        }
        return at
    }

    /// Columns of single slots; returns where the rest of the values go.
    private mutating func readOwn(
        _ reader: inout ByteReader, _ dictionary: LineDictionary, from start: Int
    ) throws -> Int {
        var own: [(base: Int, count: Int)] = []
        var symbol = 0
        var at = start
        for _ in 0..<(try reader.length(limit: bases.count)) {
            symbol += try reader.length(limit: max(ids.count - symbol - 1, 0))
            let slot = try reader.length(limit: LineLimits.slotsMax)
            guard symbol < ids.count, slot < dictionary.entries[Int(ids[symbol])].rowValueCount,
                bases[Int(slotStarts[symbol]) + slot] < 0
            else { throw ColumnError("a column of entry \(symbol), slot \(slot)") }
            bases[Int(slotStarts[symbol]) + slot] = Int32(at)
            own.append((at, Int(counts[symbol])))
            at += Int(counts[symbol])
        }
        for column in own where column.count > 0 {
            try values.withUnsafeMutableBufferPointer {
                guard let base = $0.baseAddress else { return }
                try PackedValues.decodeOwn(&reader, count: column.count, into: base + column.base)
            }
        }
        return at
    }

    private mutating func readClasses(
        _ reader: inout ByteReader, _ dictionary: LineDictionary, from start: Int
    ) throws {
        var sizes = [Int](repeating: 0, count: SlotCode.end)
        for symbol in 0..<ids.count {
            let entry = dictionary.entries[Int(ids[symbol])]
            for slot in 0..<entry.rowValueCount where bases[Int(slotStarts[symbol]) + slot] < 0 {
                sizes[Int(dictionary.slots[entry.slotStart + slot].code)] += Int(counts[symbol])
            }
        }
        var next = [Int](repeating: 0, count: SlotCode.end)
        var at = start
        for code in 0..<SlotCode.end where sizes[code] > 0 {
            guard try reader.u8() == UInt8(code) else { throw ColumnError("values of class \(code) are missing") }
            try values.withUnsafeMutableBufferPointer {
                guard let base = $0.baseAddress else { return }
                try PackedValues.decode(&reader, count: sizes[code], into: base + at)
            }
            next[code] = at
            at += sizes[code]
        }
        for symbol in 0..<ids.count {
            let entry = dictionary.entries[Int(ids[symbol])]
            for slot in 0..<entry.rowValueCount where bases[Int(slotStarts[symbol]) + slot] < 0 {
                let code = Int(dictionary.slots[entry.slotStart + slot].code)
                bases[Int(slotStarts[symbol]) + slot] = Int32(next[code])
                next[code] += Int(counts[symbol])
            }
        }
    }
}
