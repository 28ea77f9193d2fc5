import Bedrock
import LSM
import Model

/// The postings of one tenant in a memtable, as one reader sees them: series that came later are left out.
struct MemtableLabelIndex: LabelIndex {
    let table: TenantTable
    /// Series at the time the reader began.
    let seriesCount: Int

    init(_ table: TenantTable) {
        self.table = table
        seriesCount = table.heads.count
    }

    func everySeries() -> OrdinalSet { OrdinalSet(0..<seriesCount) }

    func remembered(_ matcher: Matcher, _ make: () throws -> OrdinalSet) throws -> OrdinalSet { try make() }

    func add(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, to set: OrdinalSet) {
        guard let name = table.index.findName(name), let pair = table.index.findPair(name: name, value: value) else {
            return
        }
        add(pair, to: set)
    }

    func add(
        name: UnsafeRawBufferPointer, prefix: UnsafeRawBufferPointer, to set: OrdinalSet,
        where passes: (UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        try forEachValue(of: name) { value, pair in
            guard value.count >= prefix.count,
                compareMemory(UnsafeRawBufferPointer(rebasing: value[..<prefix.count]), prefix) == 0,
                try passes(value)
            else { return }
            add(pair, to: set)
        }
    }

    /// Calls `body` for every value of a label name, in no order, with the id of the pair.
    func forEachValue(of name: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer, Int) throws -> Void) rethrows {
        guard let name = table.index.findName(name) else { return }
        try table.index.names.pointer(name).pointee.pairs.withIds { ids in
            for id in ids { try body(table.index.pairs.pointer(Int(id)).pointee.value, Int(id)) }
        }
    }

    /// Series of a pair that this reader sees.
    func add(_ pair: Int, to set: OrdinalSet) {
        table.index.pairs.pointer(pair).pointee.series.withIds { ids in
            // Ids ascend: what came later is at the end.
            var count = ids.count
            while count > 0, ids[count - 1] >= UInt32(seriesCount) { count -= 1 }
            set.add(UnsafeBufferPointer(rebasing: ids[..<count]))
        }
    }
}
