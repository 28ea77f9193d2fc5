import Bedrock
import Model

/// Writes the rows of one block. Working memory is kept from block to block.
///
/// ```
/// ┌──────┬──────┬───────────┬─────────────────────┬─────────────────┬──────────────────────┬───────┬────────────┐
/// │ 1, 2 │ rows │ entries,  │ ids − place of the  │ symbols: which  │ columns of slots, a  │ of 2: │ arena rows │
/// │ u8   │      │ arena 0/1 │ entries: TimeColumn │ entry a row has │ length in front      │ words │ TextArena  │
/// └──────┴──────┴───────────┴─────────────────────┴─────────────────┴──────────────────────┴───────┴────────────┘
/// ```
/// Form 2 has patterns with words (`WordColumnWriter`), form 1 none.
/// Counts are varints, and every part has its length in front. Values stand by entry, slot, row: those of slots with a column of their own
/// first, then one column for each code in the order of codes.
struct LineBlockWriter: ~Copyable {
    /// Fewer rows of an entry never make a column of their own.
    static let ownRowsMin = 24

    private let scratch = ColumnScratch()
    /// Rows by entry, then the entry's number in the block.
    private var counts: ContiguousArray<Int32> = []
    private(set) var present: ContiguousArray<Int32> = []
    private(set) var presentCounts: ContiguousArray<Int32> = []
    private var symbols: ContiguousArray<UInt16> = []
    private var starts: ContiguousArray<Int32> = []
    private var order: ContiguousArray<Int32> = []
    private var column: ContiguousArray<UInt64> = []
    private var classes: [ContiguousArray<UInt64>] = .init(repeating: [], count: SlotCode.end)
    private var part = ByteBuffer()
    private var own = ByteBuffer()
    /// The words of the block, once it is written.
    private(set) var words = WordColumnWriter()

    init() {}

    var memoryBytes: Int { counts.capacity * 4 + order.capacity * 16 + part.allocatedBytes }

    /// Appends a block; rows of `arena` have their texts in `texts`, by `valueStarts`, in the order of the rows.
    mutating func encode(
        _ rows: borrowing PendingRows, _ table: borrowing EntryTable, texts: LineArena, into target: inout ByteBuffer
    ) {
        number(rows, entryCount: table.count)
        words.clear()
        target.append(UInt8(rows.words.count > 0 ? 2 : 1))
        target.append(varint: rows.count)
        target.append(varint: present.count)
        target.append(UInt8(texts.count > 0 ? 1 : 0))
        scratch.reserve(max(rows.count, 1))
        part.clear()
        withUnsafeTemporaryAllocation(of: Int64.self, capacity: max(present.count, 1)) { ids in
            guard let base = ids.baseAddress else { return }
            for i in 0..<present.count { base[i] = Int64(present[i]) - Int64(i) }
            TimeColumn.encode(base, count: present.count, scratch: scratch, into: &part)
        }
        target.append(prefixed: part.bytes)
        part.clear()
        symbols.withUnsafeBufferPointer { symbols in
            presentCounts.withUnsafeBufferPointer { counts in
                guard let symbols = symbols.baseAddress else { return }
                SymbolCode.encode(symbols, count: rows.count, counts: counts, scratch: scratch, into: &part)
            }
        }
        target.append(prefixed: part.bytes)
        part.clear()
        encodeColumns(rows, table)
        target.append(prefixed: part.bytes)
        if rows.words.count > 0 {
            part.clear()
            words.finish(into: &part)
            target.append(prefixed: part.bytes)
        }
        if texts.count > 0 { TextArena.encode(texts, level: 6, scratch: scratch, into: &target) }
    }

    /// Numbers the entries of the block by their ids; arena rows come last.
    private mutating func number(_ rows: borrowing PendingRows, entryCount: Int) {
        counts.removeAll(keepingCapacity: true)
        counts.append(contentsOf: repeatElement(0, count: entryCount))
        present.removeAll(keepingCapacity: true)
        presentCounts.removeAll(keepingCapacity: true)
        symbols.removeAll(keepingCapacity: true)
        var arenaRows: Int32 = 0
        for id in rows.ids {
            if id >= 0 { counts[Int(id)] &+= 1 } else { arenaRows += 1 }
        }
        for id in 0..<entryCount where counts[id] > 0 {
            presentCounts.append(counts[id])
            counts[id] = Int32(present.count)
            present.append(Int32(id))
        }
        let arena = UInt16(truncatingIfNeeded: present.count)
        if arenaRows > 0 { presentCounts.append(arenaRows) }
        for id in rows.ids { symbols.append(id >= 0 ? UInt16(truncatingIfNeeded: counts[Int(id)]) : arena) }
    }

    /// Sorts the rows by entry, keeping their order within.
    private mutating func sortRows() {
        starts.removeAll(keepingCapacity: true)
        var at: Int32 = 0
        for count in presentCounts {
            starts.append(at)
            at += count
        }
        order.removeAll(keepingCapacity: true)
        order.append(contentsOf: repeatElement(0, count: symbols.count))
        for row in 0..<symbols.count {
            let symbol = Int(symbols[row])
            order[Int(starts[symbol])] = Int32(row)
            starts[symbol] += 1
        }
    }

    private mutating func encodeColumns(_ rows: borrowing PendingRows, _ table: borrowing EntryTable) {
        sortRows()
        for code in 0..<SlotCode.end { classes[code].removeAll(keepingCapacity: true) }
        own.clear()
        var ownCount = 0
        var last = 0
        for symbol in 0..<present.count {
            let entry = table.entries[Int(present[symbol])]
            guard entry.slotCount > 0, entry.valueStart < 0 else { continue }
            let rowCount = Int(presentCounts[symbol])
            let first = Int(starts[symbol]) - rowCount
            for slot in 0..<entry.slotCount {
                let code = Int(table.codes[entry.slotStart + slot])
                guard code != Int(SlotCode.word) else {
                    for i in first..<first + rowCount {
                        words.append(rows.words[Int(rows.values[Int(rows.valueStarts[Int(order[i])]) + slot])])
                    }
                    words.endColumn()
                    continue
                }
                let from = classes[code].count
                for i in first..<first + rowCount {
                    classes[code].append(rows.values[Int(rows.valueStarts[Int(order[i])]) + slot])
                }
                guard rowCount >= Self.ownRowsMin, encodeOwn(code, from: from) else { continue }
                classes[code].removeLast(rowCount)
                part.append(varint: symbol - last)
                part.append(varint: slot)
                last = symbol
                ownCount += 1
            }
        }
        let head = ByteBuffer.copy(part)
        part.clear()
        part.append(varint: ownCount)
        part.append(head.bytes)
        part.append(own.bytes)
        for code in 0..<SlotCode.end where !classes[code].isEmpty {
            part.append(UInt8(code))
            classes[code].withUnsafeBufferPointer { PackedValues.encode($0, scratch: scratch, into: &part) }
        }
    }

    /// Writes the values of class `code` from `from` on as a column of their own, if that takes less than packed with the others.
    private mutating func encodeOwn(_ code: Int, from: Int) -> Bool {
        let count = classes[code].count - from
        let shared = BitPacking.byteCount(count: count, width: SlotCode.bitWidth(UInt8(code)))
        return classes[code].withUnsafeBufferPointer { all in
            guard let base = all.baseAddress, PackedValues.mayShrink(base + from, count: count, bytes: shared)
            else { return false }
            scratch.reserve(count)
            let start = own.count
            PackedValues.encodeOwn(base + from, count: count, scratch: scratch, into: &own)
            if own.count - start + 4 < shared { return true }
            own.truncate(to: start)
            return false
        }
    }
}

extension ByteBuffer {
    /// A copy of the bytes of `other`.
    fileprivate static func copy(_ other: borrowing ByteBuffer) -> ByteBuffer {
        var result = ByteBuffer(capacity: other.count)
        result.append(other.bytes)
        return result
    }
}
