import Bedrock
import Model

/// Looks at rows of patterns whose values decide. A pattern whose lines all have one layout keeps its fixed text standing; only values are written
/// from row to row.
struct RowMatcher {
    private let verdicts: LineVerdicts
    private let dictionary: LineDictionary
    private let renderer: LineRenderer
    private let columns: LineBlockColumns
    private let test: LineTest?
    private let isNegated: Bool
    private let starts: ContiguousArray<Int32>
    /// Per symbol, into `lines`; -1: not prepared.
    private var offsets: ContiguousArray<Int>
    private var lines: ContiguousArray<UInt8> = []
    private let line = LineArena(capacity: 4096)
    /// By word of the block: whether it has the filter's key.
    private var wordHits: ContiguousArray<Bool>?

    init(_ verdicts: LineVerdicts, _ block: LineBlock) {
        self.verdicts = verdicts
        dictionary = block.dictionary
        columns = block.openColumns
        renderer = LineRenderer(dictionary, columns, line)
        test = verdicts.filters.first?.tests.first
        isNegated = verdicts.filters.first?.isNegated ?? false
        starts = verdicts.starts
        offsets = .init(repeating: -1, count: block.entryCount)
    }

    /// Whether the row's line passes.
    mutating func matches(_ row: Int, _ symbol: Int) -> Bool {
        let id = Int(columns.ids[symbol])
        let entry = dictionary.entries[id]
        guard entry.lineLength >= 0 else {
            if entry.wordCount > 0, let key = verdicts.wordKey, !key.isBeside[id] {
                guard hasHit(row, symbol, entry, key) else { return isNegated }
                if key.isWhole { return !isNegated }
            }
            line.clear()
            withUnsafeTemporaryAllocation(of: Int32.self, capacity: 1) {
                $0[0] = Int32(truncatingIfNeeded: row)
                renderer.read(UnsafeBufferPointer($0), into: line)
            }
            return verdicts.matches(line[0])
        }
        if offsets[symbol] < 0 { prepare(symbol, entry) }
        let offset = offsets[symbol]
        let range = verdicts.startRanges[id]
        return lines.withUnsafeMutableBufferPointer { lines in
            guard let base = lines.baseAddress else { return false }
            let text = base + offset
            var shift = 0
            for i in 0..<entry.slotCount {
                let slot = dictionary.slots[entry.slotStart + i]
                let value = columns.value(row, symbol, i)
                shift += SlotCode.write(value, slot.code, to: text + Int(slot.position) + shift) - 1
            }
            let bytes = UnsafeRawBufferPointer(start: text, count: entry.lineLength)
            guard let range, let test else { return verdicts.matches(bytes) }
            return test.matches(bytes, at: starts[range]) != isNegated
        }
    }

    /// Whether a word of the row has the key.
    private mutating func hasHit(_ row: Int, _ symbol: Int, _ entry: LineDictionary.Entry, _ key: WordKey) -> Bool {
        if wordHits == nil { wordHits = key.hits(TextView(columns.words)) }
        guard let wordHits else { return true }
        for slot in 0..<entry.slotCount where dictionary.slots[entry.slotStart + slot].code == SlotCode.word {
            if wordHits[Int(columns.value(row, symbol, slot))] { return true }
        }
        return false
    }

    private mutating func prepare(_ symbol: Int, _ entry: LineDictionary.Entry) {
        offsets[symbol] = lines.count
        // A word may be loaded at the last byte of each line.
        defer { lines.append(contentsOf: repeatElement(0, count: 8)) }
        var slot = entry.slotStart
        let end = slot + entry.slotCount
        for i in 0..<entry.textLength {
            if slot < end, Int(dictionary.slots[slot].position) == i {
                lines.append(contentsOf: repeatElement(48, count: SlotCode.lengthMax(dictionary.slots[slot].code)))
                slot += 1
            } else {
                lines.append(dictionary.texts[entry.textStart + i])
            }
        }
    }
}
