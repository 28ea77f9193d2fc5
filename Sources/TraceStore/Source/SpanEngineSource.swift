import Bedrock
import LSM
import Model

/// The trace APIs' view of an engine's spans. Thread-safe.
public struct SpanEngineSource: SpanSource {
    private let engine: SignalEngine<TraceFormat>

    public init(_ engine: SignalEngine<TraceFormat>) { self.engine = engine }

    public func snapshot(tenant: Tenant) throws -> any SpanSnapshot {
        let damage = engine.damage
        return SpanEngineSnapshot(engine.snapshot(), tenant: tenant) { damage.report($0) }
    }
}

/// One consistent view of a tenant's spans: an engine's snapshot with its memtables pinned. Thread-safe.
struct SpanEngineSnapshot: SpanSnapshot {
    /// Older ones first, shard by shard: of the same span the later run counts.
    let runs: [StoredRun]
    /// Spans that begin before this are not served; nanoseconds.
    let retentionStart: Int64
    let report: @Sendable (SegmentDamage) -> Void

    init(
        _ runs: [StoredRun], retentionStart: Int64 = .min,
        report: @escaping @Sendable (SegmentDamage) -> Void = { _ in }
    ) {
        self.runs = runs
        self.retentionStart = retentionStart
        self.report = report
    }

    init(_ snapshot: EngineSnapshot<TraceFormat>, tenant: Tenant, report: @escaping @Sendable (SegmentDamage) -> Void) {
        var runs: [StoredRun] = []
        for shard in snapshot.shards {
            let tombstones = shard.tombstones.filter { $0.tenant == tenant }
            let hides = tombstones.map { (offset: $0.offset, hide: SpanHide($0)) }
            for handle in shard.segments where handle.record.tenant == tenant {
                runs.append(
                    StoredRun(
                        handle.segment, handle: handle,
                        hides: hides.filter { $0.offset > handle.record.lastOffset }.map(\.hide)))
            }
            for (table, lastOffset) in zip(shard.memtables, shard.memtableOffsets) {
                let own = hides.filter { $0.offset == .max || $0.offset > lastOffset }.map(\.hide)
                if let run = StoredRun(table, tenant: tenant, hides: own) { runs.append(run) }
            }
        }
        self.init(runs, retentionStart: NanosecondTime.nanoseconds(snapshot.retentionStart), report: report)
    }

    /// What is left of a range, as first and last nanosecond; nil when nothing is.
    func clipped(_ range: SpanTimeRange) -> (first: Int64, last: Int64)? {
        guard !range.isEmpty else { return nil }
        let first = max(range.start, retentionStart)
        return first <= range.end - 1 ? (first, range.end - 1) : nil
    }

    // MARK: By id

    /// Where a trace is. Damage is reported, and what it hides left out.
    func places(of id: TraceID) throws -> [TracePlace] {
        var places: [TracePlace] = []
        for (number, run) in runs.enumerated() {
            switch run.storage {
            case .memtable(_, let table):
                if let trace = table.find(id) { places.append(TracePlace(run: number, block: nil, trace: trace)) }
            case .segment(let segment, _):
                do {
                    try segment.forEachCandidate(id, try segment.index()) { block, trace in
                        places.append(TracePlace(run: number, block: block, trace: trace))
                    }
                } catch let error as SegmentDamage { report(error) }
            }
        }
        return places
    }

    /// Opens a place; `trace` is the trace's position in its rows. Nil where it turns out to be another trace.
    func open(
        _ place: TracePlace, _ id: TraceID, _ blocks: inout [TracePlace: StoredBlock]
    ) throws -> (rows: any SpanRows, trace: Int)? {
        switch runs[place.run].storage {
        case .memtable(let pin, let table):
            let rows = try MemtableRows(pin, table, traces: CollectionOfOne(place.trace))
            return rows.rowCount > 0 ? (rows, 0) : nil
        case .segment(let segment, _):
            guard let number = place.block else { return nil }
            let key = TracePlace(run: place.run, block: number, trace: 0)
            let block = try blocks[key] ?? StoredBlock(segment, segment.index(), number)
            blocks[key] = block
            return try block.traceIDs()[place.trace] == id ? (block, place.trace) : nil
        }
    }

    func trace(
        _ id: TraceID, range: SpanTimeRange, into batch: SpanBatch, bytesMax: Int, cancellation: Cancellation
    ) throws -> Bool {
        var blocks: [TracePlace: StoredBlock] = [:]
        let found = SpanBatch()
        let places = try places(of: id)
        var isWhole = true
        for place in places {
            try cancellation.check()
            do {
                guard let (rows, trace) = try open(place, id, &blocks) else { continue }
                isWhole = try append(rows, trace, runs[place.run], to: found, bytesMax: bytesMax) && isWhole
            } catch let error as SegmentDamage { report(error) }
        }
        copy(found, to: batch)
        return isWhole
    }

    /// Adds what a place has of a trace. False where it didn't fit.
    private func append(
        _ rows: any SpanRows, _ trace: Int, _ run: StoredRun, to batch: SpanBatch, bytesMax: Int
    ) throws -> Bool {
        let starts = try rows.traceStarts()
        let id = try rows.traceIDs()[trace]
        let hides = run.hides.filter { $0.matches(id) }
        var resources: [Int32: Int32] = [:]
        var scopes: [Int32: Int32] = [:]
        var isWhole = true
        try rows.forEachSpan(Int(starts[trace])..<Int(starts[trace + 1])) { _, span in
            if span.start < retentionStart || batch.byteCount > bytesMax {
                isWhole = isWhole && span.start < retentionStart
                return
            }
            let bytes = rows.resourceBytes(Int(span.resource))
            if hides.contains(where: { $0.contains(span.start) && $0.matches(resource: bytes) }) { return }
            if resources[span.resource] == nil {
                resources[span.resource] = try ResourceBytes(bytes).append(to: batch)
            }
            if scopes[span.scope] == nil {
                scopes[span.scope] = try ScopeBytes(rows.scopeBytes(Int(span.scope))).append(to: batch)
            }
            span.append(to: batch, resource: resources[span.resource] ?? 0, scope: scopes[span.scope] ?? 0)
        }
        return isWhole
    }

    /// Appends what was found, by start and span id, of the same span the latest.
    private func copy(_ found: SpanBatch, to batch: SpanBatch) {
        let rows = found.rows
        let keys = rows.map { SpanKey(start: $0.start, spanID: $0.spanID.value, kind: $0.kind.rawValue) }
        var order = Array(rows.indices)
        order.sort { keys[$0] != keys[$1] ? keys[$0] < keys[$1] : $0 > $1 }
        found.withArena { arena in
            var resources: [Int32] = []
            for resource in found.resources { resources.append(batch.append(copy(resource, arena, batch))) }
            var scopes: [Int32] = []
            for scope in found.scopes { scopes.append(batch.append(copy(scope, arena, batch))) }
            for at in order.indices where at == 0 || keys[order[at - 1]] != keys[order[at]] {
                let row = rows[order[at]]
                SpanBytes(row, arena).append(
                    to: batch, resource: resources[Int(row.resource)], scope: scopes[Int(row.scope)])
            }
        }
    }

    private func copy(
        _ resource: SpanBatch.Resource, _ arena: UnsafeRawBufferPointer, _ batch: SpanBatch
    ) -> SpanBatch.Resource {
        var made = resource
        made.attributes = batch.write(arena[resource.attributes])
        made.schemaURL = batch.write(arena[resource.schemaURL])
        return made
    }

    private func copy(_ scope: SpanBatch.Scope, _ arena: UnsafeRawBufferPointer, _ batch: SpanBatch) -> SpanBatch.Scope
    {
        var made = scope
        made.name = batch.write(arena[scope.name])
        made.version = batch.write(arena[scope.version])
        made.attributes = batch.write(arena[scope.attributes])
        made.schemaURL = batch.write(arena[scope.schemaURL])
        return made
    }

    // MARK: Search

    func select(_ request: SpanRequest) throws -> any SpanSelection {
        try request.cancellation.check()
        precondition(!request.filters.isEmpty && request.filters.count <= 64, "\(request.filters.count) filters")
        return try StoreSelection(self, request)
    }
}
