import Bedrock
import LSM
import Model

/// The smallest format that keeps the engine's promises visible: rows of key, time and value. Matchers look at the label `key`.
public struct RowFormat: SegmentFormat {
    public let signal: String
    public let version = 1

    public init(signal: String = "rows") { self.signal = signal }

    public func makeMemtable(after previous: RowTable?) -> RowTable { RowTable() }

    public func flush(_ table: RowTable, tenant: Tenant, into writer: any ObjectWriter) throws -> SegmentSummary? {
        try RowSegment.write(Self.sorted(table.rows(tenant)), into: writer)
    }

    public func open(_ object: any ObjectReader) throws -> RowSegment { try RowSegment(object) }

    public func merge(
        _ inputs: [RowSegment], clip: TimeRange, tombstones: [Tombstone], tier: Int, into writer: any ObjectWriter,
        damage: (SegmentDamage) -> Void, yield: () throws -> Void
    ) throws -> SegmentSummary? {
        var rows: [Row] = []
        for input in inputs {
            try yield()
            rows += try input.rows(damage: damage).filter { row in
                clip.contains(row.time) && !tombstones.contains { $0.hides(row) }
            }
        }
        return try RowSegment.write(Self.sorted(rows), into: writer)
    }

    /// Stable, so that equal rows stay in arrival order.
    static func sorted(_ rows: [Row]) -> [Row] {
        rows.enumerated().sorted { $0.element < $1.element || (!($1.element < $0.element) && $0.offset < $1.offset) }
            .map(\.element)
    }
}

extension Tombstone {
    /// Whether it matches the row, offsets aside.
    public func hides(_ row: Row) -> Bool {
        range.contains(row.time) && matchers.allSatisfy { $0.matches($0.name == "key" ? row.key : "") }
    }
}

extension ShardSnapshot where Format == RowFormat {
    /// All rows of a tenant in the snapshot's order: by key, time, arrival. What deletes hide is left out.
    public func rows(_ tenant: Tenant, from start: Int64 = .min, damage: (SegmentDamage) -> Void = { _ in }) throws
        -> [Row]
    {
        var rows: [Row] = []
        let tombstones = tombstones.filter { $0.tenant == tenant }
        for handle in segments where handle.record.tenant == tenant {
            let hiding = tombstones.filter { $0.offset > handle.record.lastOffset }
            rows += try handle.segment.rows(damage: damage).filter { row in !hiding.contains { $0.hides(row) } }
        }
        for (table, last) in zip(memtables, memtableOffsets) {
            let hiding = tombstones.filter { $0.offset > last || $0.offset == .max }
            rows += table.rows(tenant).filter { row in !hiding.contains { $0.hides(row) } }
        }
        return RowFormat.sorted(rows.filter { $0.time >= start })
    }
}
