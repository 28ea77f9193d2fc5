import Bedrock
import Model

/// The lines of one block, opened. Parts are decoded when first asked for. One thread at a time.
public final class LineBlock {
    let dictionary: LineDictionary
    private let owner: AnyObject
    public let rowCount: Int
    /// All lines stand in one arena.
    let isPlain: Bool
    private var layout = LineBlockLayout()
    private var columns = LineBlockColumns()
    /// Of a plain block all lines, else those of arena rows.
    private let texts = LineArena(capacity: 256)
    private var hasTexts = false
    private var isOpen = false
    private var hasValues = false

    /// `owner` keeps `bytes` alive.
    public init(_ bytes: UnsafeRawBufferPointer, owner: AnyObject, dictionary: LineDictionary) throws(ColumnError) {
        self.dictionary = dictionary
        self.owner = owner
        var reader = ByteReader(bytes)
        do throws(DecodeError) {
            switch try reader.u8() {
            case 0:
                isPlain = true
                layout.texts = reader
                var copy = reader
                rowCount = try copy.length(limit: LineLimits.rowsMax)
            case 1:
                isPlain = false
                try layout.read(&reader)
                rowCount = layout.rowCount
            case let tag: throw DecodeError("unknown form \(tag) of a line block", at: 0)
            }
        } catch {
            throw ColumnError("line block: \(error)")
        }
    }

    /// Entries that the block has; symbols from here on are arena rows.
    var entryCount: Int { columns.ids.count }

    /// Which entries the block has, ascending; cheap, rows are not touched.
    func openEntries() throws(ColumnError) {
        guard !isPlain, !columns.hasEntries else { return }
        try columns.readEntries(layout, dictionary)
    }

    /// Makes `symbol` and `rank` answer.
    func openSymbols() throws(ColumnError) {
        guard !isPlain, !columns.hasSymbols else { return }
        try openEntries()
        try columns.readSymbols(layout, dictionary)
        if layout.hasArena { try openTexts() }
    }

    /// Makes everything answer.
    func open() throws(ColumnError) {
        guard !isOpen else { return }
        if isPlain {
            try openTexts()
        } else {
            try openSymbols()
            try columns.readValues(layout, dictionary)
        }
        isOpen = true
    }

    private func openTexts() throws(ColumnError) {
        guard !hasTexts else { return }
        var reader = layout.texts
        try TextArena.decode(&reader, into: texts)
        guard texts.count == (isPlain ? rowCount : columns.arenaRows) else {
            throw ColumnError("\(texts.count) texts in a line block")
        }
        hasTexts = true
    }

    func plainText(_ row: Int) -> UnsafeRawBufferPointer { texts[row] }
    func arenaText(_ row: Int) -> UnsafeRawBufferPointer { texts[Int(columns.ranks[row])] }
    func symbol(_ row: Int) -> Int { Int(columns.symbols[row]) }
    /// The dictionary's entry behind a symbol below `entryCount`.
    func entry(_ symbol: Int) -> Int { Int(columns.ids[symbol]) }

    /// Bytes of the line of a row that has an entry.
    func length(_ row: Int) -> Int {
        let symbol = Int(columns.symbols[row])
        let entry = dictionary.entries[Int(columns.ids[symbol])]
        if entry.lineLength >= 0 { return entry.lineLength }
        var length = entry.textLength
        for slot in 0..<entry.slotCount {
            let code = dictionary.slots[entry.slotStart + slot].code
            length += (SlotCode.fixedLength(code) ?? SlotCode.decimalLength(columns.value(row, symbol, slot))) - 1
        }
        return length
    }

    func copyValues(_ row: Int, _ symbol: Int, into target: inout ContiguousArray<UInt64>) {
        let count = dictionary.entries[Int(columns.ids[symbol])].rowValueCount
        for slot in 0..<count { target.append(columns.value(row, symbol, slot)) }
    }

    /// Appends the line of a row that has an entry.
    func render(_ row: Int, into lines: LineArena) {
        dictionary.texts.withUnsafeBufferPointer { texts in
            dictionary.slots.withUnsafeBufferPointer { slots in
                dictionary.values.withUnsafeBufferPointer { values in
                    guard let texts = texts.baseAddress else { return }
                    render(row, into: lines, texts, slots, values)
                }
            }
        }
    }

    @inline(__always)
    private func render(
        _ row: Int, into lines: LineArena, _ texts: UnsafePointer<UInt8>,
        _ slots: UnsafeBufferPointer<LineDictionary.Slot>, _ values: UnsafeBufferPointer<UInt64>
    ) {
        let symbol = Int(columns.symbols[row])
        let entry = dictionary.entries[Int(columns.ids[symbol])]
        lines.append(bytesMax: entry.lineLengthMax + 24) { room in
            guard let target = room.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return 0 }
            guard let slots = slots.baseAddress else {
                UnsafeMutableRawPointer(target).copyMemory(from: texts + entry.textStart, byteCount: entry.textLength)
                return entry.textLength
            }
            if entry.isExact {
                return dictionary.render(entry, to: target, texts, slots) { values[entry.valueStart + $0] }
            }
            let base = columns.bases[Int(columns.slotStarts[symbol])...]
            let rank = Int(columns.ranks[row])
            return dictionary.render(entry, to: target, texts, slots) {
                columns.values[Int(base[base.startIndex + $0]) + rank]
            }
        }
    }

    /// Keeps the rows whose line passes.
    public func filter(_ verdicts: LineVerdicts, rows: inout RowSet) throws(ColumnError) {
        precondition(rows.rowCount == rowCount, "\(rows.rowCount) rows for a block of \(rowCount)")
        try open()
        let scratch = LineArena()
        if isPlain { return rows.filter { verdicts.matches(texts[$0]) } }
        rows.filter { row in
            guard symbol(row) < entryCount else { return verdicts.matches(arenaText(row)) }
            scratch.clear()
            render(row, into: scratch)
            return verdicts.matches(scratch[0])
        }
    }

    /// Appends the lines of `rows`, ascending, to `lines`.
    public func read(_ rows: UnsafeBufferPointer<Int32>, into lines: LineArena) throws(ColumnError) {
        try open()
        for row in rows { precondition(row >= 0 && Int(row) < rowCount, "row \(row) of \(rowCount)") }
        if isPlain {
            for row in rows { lines.append(texts[Int(row)]) }
            return
        }
        dictionary.texts.withUnsafeBufferPointer { texts in
            dictionary.slots.withUnsafeBufferPointer { slots in
                dictionary.values.withUnsafeBufferPointer { values in
                    guard let texts = texts.baseAddress else { return }
                    for row in rows {
                        if symbol(Int(row)) < entryCount {
                            render(Int(row), into: lines, texts, slots, values)
                        } else {
                            lines.append(arenaText(Int(row)))
                        }
                    }
                }
            }
        }
    }

    /// Bytes of each row's line, into room for `rowCount` numbers.
    public func readLengths(into lengths: UnsafeMutablePointer<Int32>) throws(ColumnError) {
        try open()
        for row in 0..<rowCount {
            let length = isPlain ? texts[row].count : symbol(row) < entryCount ? self.length(row) : arenaText(row).count
            lengths[row] = Int32(truncatingIfNeeded: length)
        }
    }

    /// Rows of each pattern that the block has. Rows without a pattern are not counted.
    public func patternCounts() throws(ColumnError) -> [(pattern: Int, rows: Int)] {
        guard !isPlain else { return [] }
        try openSymbols()
        var counts: [Int: Int] = [:]
        for symbol in 0..<entryCount {
            counts[dictionary.patternOrdinal(entry(symbol)), default: 0] += Int(columns.counts[symbol])
        }
        return counts.map { ($0.key, $0.value) }.sorted { $0.pattern < $1.pattern }
    }

    /// Calls `body` with row and pattern of all rows that have one, ascending.
    public func forEachPattern(_ body: (_ row: Int, _ pattern: Int) -> Void) throws(ColumnError) {
        guard !isPlain else { return }
        try openSymbols()
        let patterns = (0..<entryCount).map { dictionary.patternOrdinal(entry($0)) }
        for row in 0..<rowCount where symbol(row) < entryCount { body(row, patterns[symbol(row)]) }
    }
}
