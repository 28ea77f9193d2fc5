import Bedrock
import LSM
import Model

extension MetricRun {
    /// Adds the label names of the series `ordinals` of this run.
    func addNames(_ ordinals: [UInt32], damage: DamageFilter, to found: inout Set<[UInt8]>) throws {
        switch storage {
        case .memtable(_, let table):
            for ordinal in ordinals {
                var cursor = LabelCursor(table.index.series.pointer(Int(ordinal)).pointee.labels)
                while cursor.next() { found.insert(Array(cursor.name)) }
            }
        case .segment(let segment):
            var ids: Set<UInt32> = []
            try forEachPair(segment, ordinals, damage) { ids.insert($0.name) }
            try add(ids, of: segment, damage, to: &found)
        }
    }

    /// Adds the values that label `name` has in the series `ordinals` of this run.
    func addValues(of name: String, _ ordinals: [UInt32], damage: DamageFilter, to found: inout Set<[UInt8]>) throws {
        let name = Array(name.utf8)
        switch storage {
        case .memtable(_, let table):
            name.withUnsafeBytes { name in
                for ordinal in ordinals {
                    var cursor = LabelCursor(table.index.series.pointer(Int(ordinal)).pointee.labels)
                    while cursor.next() {
                        if compareMemory(cursor.name, name) == 0 { found.insert(Array(cursor.value)) }
                    }
                }
            }
        case .segment(let segment):
            var ids: Set<UInt32> = []
            do {
                guard let id = try name.withUnsafeBytes({ try segment.findSymbol($0) }) else { return }
                try forEachPair(segment, ordinals, damage) { if $0.name == id { ids.insert($0.value) } }
            } catch let error as SegmentDamage {
                damage.report(error)
            }
            try add(ids, of: segment, damage, to: &found)
        }
    }

    /// Adds all values of label `name` by the run's postings. False when they alone can't tell: deletes hide rows, or a block is damaged.
    func addEveryValue(of name: String, damage: DamageFilter, to found: inout Set<[UInt8]>) throws -> Bool {
        guard tombstones.isEmpty else { return false }
        let name = Array(name.utf8)
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        let nothing = OrdinalSet()
        var values: Set<[UInt8]> = []
        do {
            try name.withUnsafeBytes { name in
                func take(_ value: UnsafeRawBufferPointer) -> Bool {
                    values.insert(Array(value))
                    return false
                }
                switch storage {
                case .memtable(_, let table):
                    try MemtableLabelIndex(table).add(name: name, prefix: none, to: nothing, where: take)
                case .segment(let segment): try segment.add(name: name, prefix: none, to: nothing, where: take)
                }
            }
        } catch let error as SegmentDamage {
            damage.report(error)
            return false
        }
        found.formUnion(values)
        return true
    }

    private func forEachPair(
        _ segment: MetricSegment, _ ordinals: [UInt32], _ damage: DamageFilter, _ body: (SeriesBlock.Pair) -> Void
    ) throws {
        var block: SeriesBlock?
        for ordinal in ordinals.map({ Int($0) }) {
            do {
                if block.map({ ordinal >= $0.firstSeries + $0.count }) ?? true {
                    block = try segment.seriesBlock(try segment.position(.series, holding: ordinal))
                }
                for pair in block?.pairs(ordinal) ?? [] { body(pair) }
            } catch let error as SegmentDamage {
                damage.report(error)
            }
        }
    }

    private func add(
        _ ids: Set<UInt32>, of segment: MetricSegment, _ damage: DamageFilter, to found: inout Set<[UInt8]>
    ) throws {
        for id in ids.map({ Int($0) }) {
            do {
                let block = try segment.symbols(try segment.position(.symbols, holding: id))
                block.withSymbol(id) { _ = found.insert(Array($0)) }
            } catch let error as SegmentDamage {
                damage.report(error)
            }
        }
    }
}
