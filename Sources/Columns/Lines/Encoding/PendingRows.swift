import Bedrock
import Model

/// The rows of the next block: what pattern each has, and the values of its slots.
struct PendingRows: ~Copyable {
    /// An entry of the dictionary; `-1 - i`: candidate `i`; `arena`: a text of its own.
    var ids: ContiguousArray<Int32> = []
    /// Into `values`; of an arena row, its text.
    var valueStarts: ContiguousArray<Int32> = []
    var values: ContiguousArray<UInt64> = []
    /// What the values of word slots number.
    let words = LineArena(capacity: 256)

    static let arena = Int32.min

    var count: Int { ids.count }
    var memoryBytes: Int { ids.capacity * 8 + values.capacity * 8 + words.bytes.allocatedBytes + words.count * 8 }

    mutating func append(_ id: Int32, values newValues: UnsafePointer<UInt64>, count: Int) {
        ids.append(id)
        valueStarts.append(Int32(truncatingIfNeeded: values.count))
        for i in 0..<count { values.append(newValues[i]) }
    }

    /// Adds a row of another block under the number that its entry has here.
    mutating func append(
        _ id: Int32, _ columns: LineBlockColumns, _ row: Int, _ symbol: Int, _ entry: LineDictionary.Entry,
        _ dictionary: LineDictionary
    ) {
        ids.append(id)
        valueStarts.append(Int32(truncatingIfNeeded: values.count))
        for slot in 0..<entry.rowValueCount {
            let value = columns.value(row, symbol, slot)
            if entry.wordCount > 0, dictionary.slots[entry.slotStart + slot].code == SlotCode.word {
                append(word: columns.words[Int(value)])
            } else {
                values.append(value)
            }
        }
    }

    /// Adds a word as the next value.
    mutating func append(word: UnsafeRawBufferPointer) {
        values.append(UInt64(words.count))
        words.append(word)
    }

    mutating func append(_ id: Int32, text: Int = 0) {
        ids.append(id)
        valueStarts.append(Int32(truncatingIfNeeded: text))
    }

    mutating func clear() {
        ids.removeAll(keepingCapacity: true)
        valueStarts.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        words.clear()
    }
}
