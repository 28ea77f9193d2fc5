import Bedrock

/// Finds the lines of a block that repeat, and those that repeated before, and makes them entries of the dictionary.
struct ExactLines: ~Copyable {
    /// Bits that an entry of its own costs once, and in every block: below, values are cheaper.
    private static let entryBits = 40.0

    /// Open addressing by hash: first row with it and how many more have come.
    private struct Slot {
        var hash: UInt64 = 0
        var row: Int32 = -1
        var count: Int32 = 0
    }

    private var slots: ContiguousArray<Slot> = []
    private var slotOf: ContiguousArray<Int32> = []
    private var patternRows: ContiguousArray<Int32> = []

    init() {}

    var memoryBytes: Int { slots.capacity * MemoryLayout<Slot>.stride + slotOf.capacity * 4 + patternRows.capacity * 4 }

    /// Gives rows the exact entry that they are, where there is one or one pays.
    mutating func assign(_ rows: inout PendingRows, _ table: inout EntryTable) {
        let size = max(64, 1 << UInt64(rows.count * 2).bitLength)
        slots.removeAll(keepingCapacity: true)
        slots.append(contentsOf: repeatElement(Slot(), count: size))
        slotOf.removeAll(keepingCapacity: true)
        patternRows.removeAll(keepingCapacity: true)
        patternRows.append(contentsOf: repeatElement(0, count: table.count))
        rows.values.withUnsafeBufferPointer { values in
            guard let values = values.baseAddress else { return }
            for row in 0..<rows.count {
                slotOf.append(note(row, &rows, table, values))
            }
            promote(rows.count, rows.ids, rows.valueStarts, values, &table)
        }
        guard slotOf.count == rows.count else { return }
        for row in 0..<rows.count where slotOf[row] >= 0 {
            // After `promote`, a slot's row is the entry it became, or -1.
            let entry = slots[Int(slotOf[row])].row
            if entry >= 0 { rows.ids[row] = entry }
        }
    }

    /// Counts a row that has values and is no known exact line; returns its place, or -1.
    private mutating func note(
        _ row: Int, _ rows: inout PendingRows, _ table: borrowing EntryTable, _ values: UnsafePointer<UInt64>
    ) -> Int32 {
        let id = rows.ids[row]
        guard id >= 0 else { return -1 }
        let entry = table.entries[Int(id)]
        guard entry.slotCount > 0, entry.valueStart < 0, !entry.hasWords else { return -1 }
        let own = values + Int(rows.valueStarts[row])
        let hash = EntryTable.exactHash(pattern: Int(id), own, count: entry.slotCount)
        let known = table.findExact(pattern: Int(id), own, hash: hash)
        if known >= 0 {
            rows.ids[row] = Int32(known)
            return -1
        }
        patternRows[Int(id)] &+= 1
        var at = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while true {
            if slots[at].row < 0 {
                slots[at] = Slot(hash: hash, row: Int32(row), count: 1)
                return Int32(at)
            }
            if slots[at].hash == hash {
                let first = Int(slots[at].row)
                let other = values + Int(rows.valueStarts[first])
                if rows.ids[first] == id, memcmp64(own, other, entry.slotCount) {
                    slots[at].count &+= 1
                    return Int32(at)
                }
            }
            at = (at + 1) & (slots.count - 1)
        }
    }

    private mutating func promote(
        _ rowCount: Int, _ ids: ContiguousArray<Int32>, _ valueStarts: ContiguousArray<Int32>,
        _ values: UnsafePointer<UInt64>, _ table: inout EntryTable
    ) {
        // In the order of the rows, so that neighbours get neighbouring numbers.
        for row in 0..<rowCount where slotOf[row] >= 0 {
            let at = Int(slotOf[row])
            let slot = slots[at]
            guard slot.row == Int32(row), slot.count > 0 else { continue }
            let id = Int(ids[row])
            guard slot.count > 1, !table.isFull, pays(slot.count, id, table) else {
                slots[at].row = -1
                slots[at].count = 0
                continue
            }
            let entry = table.addExact(pattern: id, values + Int(valueStarts[row]), hash: slot.hash)
            slots[at].row = Int32(entry)
            slots[at].count = 0
        }
    }

    /// Whether the digits saved are worth more than the number that tells the line from its pattern, and the entry.
    private func pays(_ count: Int32, _ pattern: Int, _ table: borrowing EntryTable) -> Bool {
        let entry = table.entries[pattern]
        var bits = 0.0
        for i in 0..<entry.slotCount { bits += Double(SlotCode.bitWidth(table.codes[entry.slotStart + i])) }
        let share = UInt64(patternRows[pattern] / count).bitLength
        return Double(count) * (bits - Double(share)) > Self.entryBits
    }
}

@inline(__always)
private func memcmp64(_ a: UnsafePointer<UInt64>, _ b: UnsafePointer<UInt64>, _ count: Int) -> Bool {
    for i in 0..<count where a[i] != b[i] { return false }
    return true
}
