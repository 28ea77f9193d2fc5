import Bedrock

/// The rows of the next block: what pattern each has, and the values of its slots.
struct PendingRows: ~Copyable {
    /// An entry of the dictionary; `-1 - i`: candidate `i`; `arena`: a text of its own.
    var ids: ContiguousArray<Int32> = []
    /// Into `values`; of an arena row, its text.
    var valueStarts: ContiguousArray<Int32> = []
    var values: ContiguousArray<UInt64> = []
    /// What the values of word slots number.
    var words = TextList()

    static let arena = Int32.min

    var count: Int { ids.count }
    var memoryBytes: Int { ids.capacity * 8 + values.capacity * 8 + words.memoryBytes }

    mutating func append(_ id: Int32, values newValues: UnsafePointer<UInt64>, count: Int) {
        ids.append(id)
        valueStarts.append(Int32(truncatingIfNeeded: values.count))
        for i in 0..<count { values.append(newValues[i]) }
    }

    /// Adds a row of another block under the number that its entry has here.
    mutating func append(_ id: Int32, _ columns: LineBlockColumns, _ row: Int, _ symbol: Int, count: Int) {
        ids.append(id)
        valueStarts.append(Int32(truncatingIfNeeded: values.count))
        for slot in 0..<count { values.append(columns.value(row, symbol, slot)) }
    }

    /// The same of an entry that has words, which are those of `words`.
    mutating func append(
        _ id: Int32, _ columns: LineBlockColumns, _ row: Int, _ symbol: Int,
        slots: ContiguousArray<LineDictionary.Slot>.SubSequence, words: TextView
    ) {
        ids.append(id)
        valueStarts.append(Int32(truncatingIfNeeded: values.count))
        for (number, slot) in slots.enumerated() {
            let value = columns.value(row, symbol, number)
            if slot.code == SlotCode.word { append(word: words[Int(value)]) } else { values.append(value) }
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
