import Bedrock

/// The rows of the next block: what pattern each has, and the values of its slots.
struct PendingRows: ~Copyable {
    /// An entry of the dictionary; `-1 - i`: candidate `i`; `arena`: a text of its own.
    var ids: ContiguousArray<Int32> = []
    /// Into `values`; of an arena row, its text.
    var valueStarts: ContiguousArray<Int32> = []
    var values: ContiguousArray<UInt64> = []

    static let arena = Int32.min

    var count: Int { ids.count }
    var memoryBytes: Int { ids.capacity * 8 + values.capacity * 8 }

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

    mutating func append(_ id: Int32, text: Int = 0) {
        ids.append(id)
        valueStarts.append(Int32(truncatingIfNeeded: text))
    }

    mutating func clear() {
        ids.removeAll(keepingCapacity: true)
        valueStarts.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
    }
}
