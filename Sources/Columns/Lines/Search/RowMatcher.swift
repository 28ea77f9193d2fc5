import Bedrock
import Model

/// Looks at rows of patterns whose values decide. A pattern whose lines all have one layout keeps its fixed text standing; only values are written
/// from row to row.
struct RowMatcher {
    private let verdicts: LineVerdicts
    private let dictionary: LineDictionary
    /// Per symbol, into `lines`; -1: not prepared.
    private var offsets: ContiguousArray<Int>
    private var lines: ContiguousArray<UInt8> = []
    private let line = LineArena(capacity: 4096)

    init(_ verdicts: LineVerdicts, _ dictionary: LineDictionary, symbols: Int) {
        self.verdicts = verdicts
        self.dictionary = dictionary
        offsets = .init(repeating: -1, count: symbols)
    }

    /// Whether the row's line passes.
    mutating func matches(_ row: Int, _ symbol: Int, _ block: LineBlock) -> Bool {
        let id = block.entry(symbol)
        let entry = dictionary.entries[id]
        guard entry.lineLength >= 0 else {
            line.clear()
            block.render(row, into: line)
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
                shift +=
                    SlotCode.write(block.value(row, symbol, i), slot.code, to: text + Int(slot.position) + shift) - 1
            }
            let bytes = UnsafeRawBufferPointer(start: text, count: entry.lineLength)
            guard let range else { return verdicts.matches(bytes) }
            return verdicts.programMatches(bytes, range)
        }
    }

    private mutating func prepare(_ symbol: Int, _ entry: LineDictionary.Entry) {
        offsets[symbol] = lines.count
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

extension LineVerdicts {
    /// Whether a line passes the only program, whose matches may begin at `range` of `starts` only.
    func programMatches(_ line: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        let program = filters[0].tests[0].programs[0]
        let found = program.masks.withUnsafeBufferPointer { masks in
            guard let masks = masks.baseAddress else { return false }
            for i in range where program.matches(line, at: Int(starts[i]), masks) { return true }
            return false
        }
        return found != filters[0].isNegated
    }
}
