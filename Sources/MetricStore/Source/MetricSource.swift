import Bedrock
import LSM
import Model

/// Takes note of damage that a read came upon.
typealias DamageReporter = @Sendable (SegmentDamage) -> Void

/// PromQL's view of an engine's metrics. Thread-safe.
public struct MetricSource: SeriesSource {
    private let engine: SignalEngine<MetricFormat>

    public init(_ engine: SignalEngine<MetricFormat>) { self.engine = engine }

    public func snapshot(tenant: Tenant) -> any SeriesSnapshot { metricSnapshot(tenant: tenant) }

    /// As `snapshot`, with what only this store knows: statistics.
    public func metricSnapshot(tenant: Tenant) -> MetricSnapshot {
        let damage = engine.damage
        return MetricSnapshot(engine.snapshot(), tenant: tenant) { damage.report($0) }
    }
}

/// One consistent view of a tenant's series: an engine's snapshot with its memtables pinned. Thread-safe.
public struct MetricSnapshot: SeriesSnapshot {
    /// In the order of precedence.
    let runs: [MetricRun]
    /// Rows before this are not served; milliseconds.
    let retentionStart: Int64
    private let report: DamageReporter

    init(_ runs: [MetricRun], retentionStart: Int64 = .min, report: @escaping DamageReporter = { _ in }) {
        self.runs = runs
        self.retentionStart = retentionStart
        self.report = report
    }

    init(_ snapshot: EngineSnapshot<MetricFormat>, tenant: Tenant, report: @escaping DamageReporter) {
        var runs: [MetricRun] = []
        for shard in snapshot.shards {
            let tombstones = shard.tombstones.filter { $0.tenant == tenant }
            for handle in shard.segments where handle.record.tenant == tenant {
                runs.append(
                    MetricRun(
                        handle.segment, handle: handle,
                        tombstones: tombstones.filter { $0.offset > handle.record.lastOffset }))
            }
            for (table, lastOffset) in zip(shard.memtables, shard.memtableOffsets) {
                let own = tombstones.filter { $0.offset == .max || $0.offset > lastOffset }
                if let run = MetricRun(table.pin(), tenant: tenant, tombstones: own) { runs.append(run) }
            }
        }
        self.init(runs, retentionStart: snapshot.retentionStart, report: report)
    }

    private func clipped(_ range: TimeRange) -> TimeRange { TimeRange(max(range.start, retentionStart), range.end) }

    public func select(_ request: SeriesRequest) throws -> any SeriesSelection {
        let range = clipped(request.range)
        let plan = MatcherPlan(request.matchers)
        let damage = DamageFilter(report)
        var used: [MetricRun] = []
        var selections: [RunSelection] = []
        for run in runs where run.overlaps(range) {
            let ordinals = try run.series(plan, range: range, cancellation: request.cancellation, damage: damage)
            guard !ordinals.isEmpty else { continue }
            used.append(run)
            selections.append(try RunSelection.make(run, ordinals, damage: damage))
        }
        return MetricSelection(used, SeriesUnion(selections), request, range: range, report: report)
    }

    public func labelNames(matching sets: [[Matcher]], range: TimeRange, cancellation: Cancellation) throws -> [String]
    {
        try search(sets, range, cancellation) { try $0.addNames($1, damage: $2, to: &$3) }
    }

    public func labelValues(
        _ name: String, matching sets: [[Matcher]], range: TimeRange, cancellation: Cancellation
    ) throws -> [String] {
        guard sets.isEmpty else {
            return try search(sets, range, cancellation) { try $0.addValues(of: name, $1, damage: $2, to: &$3) }
        }
        // Without a selector the postings' own list of values is the answer, as fine in time as the runs are.
        let range = clipped(range)
        let damage = DamageFilter(report)
        var found: Set<[UInt8]> = []
        for run in runs where run.overlaps(range) {
            try cancellation.check()
            if try run.addEveryValue(of: name, damage: damage, to: &found) { continue }
            let ordinals = try run.series(MatcherPlan([]), range: range, cancellation: cancellation, damage: damage)
            try run.addValues(of: name, ordinals, damage: damage, to: &found)
        }
        return Self.sorted(found)
    }

    /// Goes through the matching series of all runs; sorted texts that `add` gathered.
    private func search(
        _ sets: [[Matcher]], _ range: TimeRange, _ cancellation: Cancellation,
        _ add: (MetricRun, [UInt32], DamageFilter, inout Set<[UInt8]>) throws -> Void
    ) throws -> [String] {
        let range = clipped(range)
        let damage = DamageFilter(report)
        let plans = (sets.isEmpty ? [[]] : sets).map(MatcherPlan.init)
        var found: Set<[UInt8]> = []
        for run in runs where run.overlaps(range) {
            for plan in plans {
                let ordinals = try run.series(plan, range: range, cancellation: cancellation, damage: damage)
                try add(run, ordinals, damage, &found)
            }
        }
        return Self.sorted(found)
    }

    private static func sorted(_ found: Set<[UInt8]>) -> [String] {
        found.sorted { a, b in a.withUnsafeBytes { x in b.withUnsafeBytes { y in compareMemory(x, y) < 0 } } }
            .map { String(decoding: $0, as: UTF8.self) }
    }

    public func exemplars(_ request: ExemplarRequest) throws -> [SeriesExemplars] {
        let range = clipped(request.range)
        guard !range.isEmpty else { return [] }
        let damage = DamageFilter(report)
        // Whole slots, so that what is kept of one doesn't depend on the range.
        let slots = ExemplarSet.slots(around: range)
        var found: [Labels: ExemplarSet] = [:]
        for set in request.sets {
            let plan = MatcherPlan(set)
            var own: [Labels: ExemplarSet] = [:]
            for run in runs where run.overlaps(slots) {
                try run.addExemplars(
                    plan, in: slots, cancellation: request.cancellation, damage: damage, to: &own)
            }
            // A series that two selectors match has the same exemplars for both.
            found.merge(own) { known, _ in known }
        }
        var result: [SeriesExemplars] = []
        for (series, set) in found {
            let kept = set.kept().filter { range.contains($0.timestamp) }
            try request.budget.charge(kept.count)
            if !kept.isEmpty { result.append(SeriesExemplars(series: series, exemplars: kept)) }
        }
        return result.sorted { $0.series < $1.series }
    }

    public func metadata(family: String?) throws -> [MetricMetadata] {
        var families: [String: MetricMetadata] = [:]
        for run in runs {
            switch run.storage {
            case .segment(let segment):
                do {
                    for item in try segment.metadata() { families[item.family] = item }
                } catch let error as SegmentDamage {
                    report(error)
                }
            case .memtable(_, let table):
                for (name, item) in table.metadata.withLock({ $0 }) { families[name] = item }
            }
        }
        if let family { return families[family].map { [$0] } ?? [] }
        return families.values.sorted { utf8Precedes($0.family, $1.family) }
    }
}
