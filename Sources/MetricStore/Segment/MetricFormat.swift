import Bedrock
import LSM
import Model

/// How metrics plug into the engine. Stateless but for the cache that all segments opened through it share; thread-safe.
public struct MetricFormat: SegmentFormat {
    /// Decoded blocks of open segments.
    public let cache: BlockCache

    public init(cache: BlockCache = BlockCache()) { self.cache = cache }

    public var signal: String { "metrics" }
    public var version: Int { SegmentLayout.version }

    public func makeMemtable(after previous: MetricMemtable?) -> MetricMemtable { MetricMemtable(after: previous) }

    public func mayHold(_ segment: MetricSegment, _ tombstone: Tombstone) -> Bool {
        // What can't be read can't be ruled out.
        let found = try? MatcherPlan(tombstone.matchers).evaluate(segment, cancellation: Cancellation())
        return found.map { !$0.isEmpty } ?? true
    }

    public func open(_ object: any ObjectReader) throws -> MetricSegment { try MetricSegment(object, cache: cache) }

    public func flush(_ table: MetricMemtable, tenant: Tenant, into writer: any ObjectWriter) throws -> SegmentSummary?
    {
        let pin = table.pin()
        guard let part = table.tenantTable(tenant) else { return nil }
        let ids = (0..<part.heads.count).filter { part.heads.pointer($0).pointee.hasRows }
        let sorted = ids.sorted {
            compareLabels(part.index.series.pointer($0).pointee.labels, part.index.series.pointer($1).pointee.labels)
                < 0
        }
        let output = try MetricSegmentWriter(writer, tier: 0)
        let rows = SeriesRows()
        for id in sorted {
            let head = part.heads.pointer(id)
            rows.clear()
            try pin.appendRows(head, in: .everything, to: rows.floats)
            rows.endRun(try pin.histograms(head, in: .everything))
            rows.finish()
            var exemplars = ExemplarSet()
            pin.addExemplars(head, in: .everything, to: &exemplars)
            try output.add(
                part.index.series.pointer(id).pointee.labels, rows: rows.floats, histograms: rows.histograms,
                exemplars: exemplars.kept())
        }
        return try output.finish(metadata: part.metadata.withLock { Array($0.values) })
    }

    public func merge(
        _ inputs: [MetricSegment], clip: TimeRange, tombstones: [Tombstone], tier: Int, into writer: any ObjectWriter,
        damage: (SegmentDamage) -> Void, yield: () throws -> Void
    ) throws -> SegmentSummary? {
        let output = try MetricSegmentWriter(writer, tier: tier)
        try withoutActuallyEscaping(damage) { damage in
            var merge = SegmentMerge(inputs, damage: damage)
            try merge.run(clip: clip, tombstones: tombstones, into: output, yield: yield)
        }
        var families: [String: MetricMetadata] = [:]
        for input in inputs {
            do {
                for item in try input.metadata() { families[item.family] = item }
            } catch let error as SegmentDamage {
                damage(error)
            }
        }
        return try output.finish(metadata: Array(families.values))
    }
}
