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
            case let tag where tag == 1 || tag == 2:
                layout.hasWords = tag == 2
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

    /// Makes `symbol` answer.
    func openSymbols() throws(ColumnError) {
        guard !isPlain, !columns.hasSymbols else { return }
        try openEntries()
        try columns.readSymbols(layout, dictionary)
    }

    /// Makes everything answer.
    func open() throws(ColumnError) {
        guard !isOpen else { return }
        if isPlain {
            try openTexts()
        } else {
            try openSymbols()
            try columns.readValues(layout, dictionary)
            if layout.hasArena { try openTexts() }
        }
        isOpen = true
    }

    private func openTexts() throws(ColumnError) {
        guard !hasTexts else { return }
        var reader = layout.texts
        try TextArena.decode(&reader, countMax: rowCount, into: texts)
        let expected = isPlain ? rowCount : columns.symbols.reduce(0) { $0 + (Int($1) == entryCount ? 1 : 0) }
        guard texts.count == expected else {
            throw ColumnError("\(texts.count) texts in a line block, not \(expected)")
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
            let value = columns.value(row, symbol, slot)
            length +=
                code == SlotCode.word
                ? columns.words[Int(value)].count - 1
                : (SlotCode.fixedLength(code) ?? SlotCode.decimalLength(value)) - 1
        }
        return length
    }

    /// The decoded columns; everything must be open.
    var openColumns: LineBlockColumns { columns }

    /// Appends the line of a row that has an entry.
    func render(_ row: Int, into lines: LineArena) {
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: 1) {
            $0[0] = Int32(truncatingIfNeeded: row)
            LineRenderer(dictionary, columns, texts).read(UnsafeBufferPointer($0), into: lines)
        }
    }

    /// Keeps the rows whose line passes. Decodes no more than it must.
    public func filter(_ verdicts: LineVerdicts, rows: inout RowSet) throws(ColumnError) {
        precondition(rows.rowCount == rowCount, "\(rows.rowCount) rows for a block of \(rowCount)")
        if verdicts.isAlways { return }
        if isPlain {
            try openTexts()
            return rows.filter { verdicts.matches(texts[$0]) }
        }
        try openEntries()
        var known = columns.ids.map { verdicts.verdicts[Int($0)] }
        if !layout.hasArena {
            if known.allSatisfy({ $0 == .never }) { return rows.removeAll() }
            if known.allSatisfy({ $0 == .always }) { return }
        }
        try openSymbols()
        let mustLook = known.contains(.row)
        // Rows without an entry are looked at, too.
        if layout.hasArena { known.append(.row) }
        keep(known.map { $0 != .never }, &rows)
        if layout.hasArena { try filterTexts(verdicts, &rows) }
        guard mustLook else { return }
        try columns.readValues(layout, dictionary)
        var matcher = RowMatcher(verdicts, self)
        let symbols = columns.symbols
        rows.filter { row in
            let symbol = Int(symbols[row])
            return symbol >= entryCount || known[symbol] == .always || matcher.matches(row, symbol)
        }
    }

    /// Keeps arena rows whose text passes.
    private func filterTexts(_ verdicts: LineVerdicts, _ rows: inout RowSet) throws(ColumnError) {
        try openTexts()
        var next = 0
        for (row, symbol) in columns.symbols.enumerated() where Int(symbol) == entryCount {
            if rows.contains(row), !verdicts.matches(texts[next]) { rows.remove(row) }
            next += 1
        }
    }

    /// Keeps the rows whose symbol is kept.
    private func keep(_ isKept: [Bool], _ rows: inout RowSet) {
        let symbols = columns.symbols
        symbols.withUnsafeBufferPointer { symbols in
            isKept.withUnsafeBufferPointer { isKept in
                rows.formIntersection { isKept[Int(symbols[$0])] }
            }
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
        let renderer = LineRenderer(dictionary, columns, texts)
        renderer.read(rows, into: lines)
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
        columns.countRows(layout)
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
