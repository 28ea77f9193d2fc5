import Bedrock
import LSM
import Model

/// One sorted run of a snapshot: a segment, or one tenant's part of a pinned memtable, with the deletes that apply to it. Thread-safe.
struct MetricRun: Sendable {
    enum Storage: Sendable {
        case segment(MetricSegment)
        case memtable(MemtablePin, TenantTable)
    }

    let storage: Storage
    let tombstones: [Tombstone]
    /// Of all rows; nil when there are none.
    let timeRange: TimeRange?
    /// What keeps a segment's bytes in the engine.
    private let handle: SegmentHandle<MetricFormat>?

    init(_ segment: MetricSegment, handle: SegmentHandle<MetricFormat>? = nil, tombstones: [Tombstone] = []) {
        storage = .segment(segment)
        self.handle = handle
        self.tombstones = tombstones
        timeRange = segment.summary.timeRange
    }

    /// Nil when the tenant has nothing there.
    init?(_ pin: MemtablePin, tenant: Tenant, tombstones: [Tombstone] = []) {
        guard let table = pin.memtable.tenantTable(tenant) else { return nil }
        storage = .memtable(pin, table)
        handle = nil
        self.tombstones = tombstones
        timeRange = pin.memtable.timeRange
    }

    func overlaps(_ range: TimeRange) -> Bool { timeRange.map { $0.overlaps(range) } ?? false }

    // MARK: Finding series

    /// Ordinals of the series that pass all matchers and may have rows in the range that no delete hides.
    func series(_ plan: MatcherPlan, range: TimeRange, cancellation: Cancellation, damage: DamageFilter) throws
        -> [UInt32]
    {
        guard let own = timeRange, own.overlaps(range) else { return [] }
        var set = try evaluate(plan, cancellation, damage)
        let seen = TimeRange(max(own.start, range.start), min(own.end, range.end))
        for tombstone in tombstones where tombstone.range.start <= seen.start && tombstone.range.end >= seen.end {
            set = set.subtracting(try evaluate(MatcherPlan(tombstone.matchers), cancellation, damage))
        }
        return try set.ordinals.filter { ordinal in
            switch storage {
            case .segment(let segment):
                do {
                    return try segment.mayHaveRows(Int(ordinal), in: range)
                } catch let error as SegmentDamage {
                    damage.report(error)
                    return false
                }
            case .memtable(let pin, let table): return pin.mayHaveRows(table.heads.pointer(Int(ordinal)), in: range)
            }
        }
    }

    /// Adds the exemplars of the matching series in the range to the sets of their series.
    func addExemplars(
        _ plan: MatcherPlan, in range: TimeRange, cancellation: Cancellation, damage: DamageFilter,
        to found: inout [Labels: ExemplarSet]
    ) throws {
        func add(_ labels: Labels, _ gather: (inout ExemplarSet) throws -> Void) rethrows {
            var set = ExemplarSet()
            try gather(&set)
            for tombstone in tombstones where tombstone.range.overlaps(range) && labels.match(tombstone.matchers) {
                set.remove(tombstone.range)
            }
            if !set.isEmpty { found[labels, default: ExemplarSet()].formUnion(set) }
        }
        switch storage {
        case .memtable(let pin, let table):
            for ordinal in try evaluate(plan, cancellation, damage).ordinals {
                let head = table.heads.pointer(Int(ordinal))
                guard head.pointee.newestExemplar != nil else { continue }
                try cancellation.check()
                add(Labels(canonical: table.index.series.pointer(Int(ordinal)).pointee.labels)) {
                    pin.addExemplars(head, in: range, to: &$0)
                }
            }
        case .segment(let segment):
            let report = { (found: SegmentDamage) in damage.report(found) }
            let having = segment.hasExemplars ? try segment.seriesWithExemplars(in: range, damage: report) : []
            guard !having.isEmpty else { return }
            let matching = Set(try evaluate(plan, cancellation, damage).ordinals)
            for ordinal in having where matching.contains(ordinal) {
                try cancellation.check()
                do {
                    try add(try segment.labels(Int(ordinal))) {
                        try segment.addExemplars(Int(ordinal), in: range, to: &$0, damage: report)
                    }
                } catch let error as SegmentDamage {
                    damage.report(error)
                }
            }
        }
    }

    private func evaluate(_ plan: MatcherPlan, _ cancellation: Cancellation, _ damage: DamageFilter) throws
        -> OrdinalSet
    {
        switch storage {
        case .memtable(_, let table): return try plan.evaluate(MemtableLabelIndex(table), cancellation: cancellation)
        case .segment(let segment):
            do {
                return try plan.evaluate(segment, cancellation: cancellation)
            } catch let error as SegmentDamage {
                damage.report(error)
                return try scan(segment, plan, cancellation, damage)
            }
        }
    }

    /// Matches label sets one by one, where the postings are damaged.
    private func scan(
        _ segment: MetricSegment, _ plan: MatcherPlan, _ cancellation: Cancellation, _ damage: DamageFilter
    ) throws -> OrdinalSet {
        var found: [UInt32] = []
        for series in 0..<segment.seriesCount {
            if series % 1024 == 0 { try cancellation.check() }
            do {
                if try segment.labels(series).match(plan.matchers) { found.append(UInt32(series)) }
            } catch let error as SegmentDamage {
                damage.report(error)
            }
        }
        return found.withUnsafeBufferPointer { OrdinalSet($0) }
    }

    // MARK: Reading

    /// Appends the rows of a series to `rows` as one run; some may lie outside of the range.
    func append(
        _ series: UInt32, labels: UnsafeRawBufferPointer, range: TimeRange, memo: TimestampMemo, damage: DamageFilter,
        to rows: SeriesRows
    ) throws {
        let start = rows.floats.count
        var histograms: [SeriesBatch.HistogramRow]
        switch storage {
        case .segment(let segment):
            let report = { (found: SegmentDamage) in damage.report(found) }
            try segment.appendRows(Int(series), in: range, memo: memo, to: rows.floats, damage: report)
            histograms = try segment.histograms(Int(series), in: range, damage: report)
        case .memtable(let pin, let table):
            let head = table.heads.pointer(Int(series))
            try pin.appendRows(head, in: range, to: rows.floats)
            histograms = try pin.histograms(head, in: range)
        }
        if !tombstones.isEmpty {
            let set = Labels(canonical: labels)
            for tombstone in tombstones where tombstone.range.overlaps(range) && set.match(tombstone.matchers) {
                rows.floats.removeRows(from: start) { tombstone.range.contains($0) }
                histograms.removeAll { tombstone.range.contains($0.timestamp) }
            }
        }
        rows.endRun(histograms)
    }
}
