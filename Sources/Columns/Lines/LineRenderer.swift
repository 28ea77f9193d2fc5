import Bedrock
import Model

/// Makes lines out of the decoded columns of a block. Everything it needs is held as plain arrays, so that rows cost no checks of access.
struct LineRenderer {
    private let dictionary: LineDictionary
    private let columns: LineBlockColumns
    private let texts: LineArena
    private let words: TextView
    /// Bytes written behind a line at most.
    private static let slack = 24
    /// Rows whose room is made at once.
    private static let batch = 512

    init(_ dictionary: LineDictionary, _ columns: LineBlockColumns, _ texts: LineArena) {
        self.dictionary = dictionary
        self.columns = columns
        self.texts = texts
        words = TextView(columns.words)
    }

    /// Appends the lines of `rows`.
    func read(_ rows: UnsafeBufferPointer<Int32>, into lines: LineArena) {
        dictionary.texts.withUnsafeBufferPointer { fixed in
            dictionary.slots.withUnsafeBufferPointer { slots in
                dictionary.values.withUnsafeBufferPointer { exact in
                    columns.values.withUnsafeBufferPointer { values in
                        var at = 0
                        while at < rows.count {
                            let end = min(rows.count, at + Self.batch)
                            read(
                                UnsafeBufferPointer(rebasing: rows[at..<end]), into: lines, fixed, slots, exact, values)
                            at = end
                        }
                    }
                }
            }
        }
    }

    private func read(
        _ rows: UnsafeBufferPointer<Int32>, into lines: LineArena, _ fixed: UnsafeBufferPointer<UInt8>,
        _ slots: UnsafeBufferPointer<LineDictionary.Slot>, _ exact: UnsafeBufferPointer<UInt64>,
        _ values: UnsafeBufferPointer<UInt64>
    ) {
        var most = Self.slack
        for row in rows {
            let symbol = Int(columns.symbols[Int(row)])
            guard symbol < columns.ids.count else {
                most += texts[Int(columns.ranks[Int(row)])].count
                continue
            }
            let entry = dictionary.entries[Int(columns.ids[symbol])]
            most += entry.lineLengthMax
            if entry.wordCount > 0 { most += wordBytes(entry, Int(row), symbol) }
        }
        lines.append(count: rows.count, bytesMax: most) { index, target in
            let row = Int(rows[index])
            let symbol = Int(columns.symbols[row])
            let rank = Int(columns.ranks[row])
            guard symbol < columns.ids.count else {
                let text = texts[rank]
                if let base = text.baseAddress { target.copyMemory(from: base, byteCount: text.count) }
                return text.count
            }
            let entry = dictionary.entries[Int(columns.ids[symbol])]
            let out = target.assumingMemoryBound(to: UInt8.self)
            guard let fixed = fixed.baseAddress else { return 0 }
            guard let slots = slots.baseAddress, entry.slotCount > 0 else {
                target.copyMemory(from: fixed + entry.textStart, byteCount: entry.textLength)
                return entry.textLength
            }
            if entry.isExact {
                return dictionary.render(entry, to: out, fixed, slots) { exact[entry.valueStart + $0] }
            }
            let first = Int(columns.slotStarts[symbol])
            if entry.wordCount > 0 {
                return dictionary.render(entry, to: out, fixed, slots, words: words) {
                    values[Int(columns.bases[first + $0]) + rank]
                }
            }
            return dictionary.render(entry, to: out, fixed, slots) {
                values[Int(columns.bases[first + $0]) + rank]
            }
        }
    }

    /// Bytes of the words of a row.
    private func wordBytes(_ entry: LineDictionary.Entry, _ row: Int, _ symbol: Int) -> Int {
        var count = 0
        for slot in 0..<entry.slotCount where dictionary.slots[entry.slotStart + slot].code == SlotCode.word {
            count += words[Int(columns.value(row, symbol, slot))].count
        }
        return count
    }
}
