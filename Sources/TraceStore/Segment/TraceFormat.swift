import Bedrock
import LSM
import Model

/// How traces plug into the engine. Stateless but for the cache that all segments opened through it share; thread-safe.
public struct TraceFormat: SegmentFormat {
    /// Indexes of open segments.
    public let cache: BlockCache

    public init(cache: BlockCache = BlockCache()) { self.cache = cache }

    public var signal: String { "traces" }
    public var version: Int { TraceLayout.version }

    public func makeMemtable(after previous: SpanMemtable?) -> SpanMemtable { SpanMemtable() }

    public func open(_ object: any ObjectReader) throws -> TraceSegment { try TraceSegment(object, cache: cache) }

    public func flush(_ memtable: SpanMemtable, tenant: Tenant, into writer: any ObjectWriter) throws -> SegmentSummary?
    {
        guard let table = memtable.table(tenant) else { return nil }
        let pin = memtable.pin()
        let output = try TraceSegmentWriter(writer, tier: 0)
        var resources = [Int32](repeating: -1, count: table.resources.count)
        var scopes = [Int32](repeating: -1, count: table.scopes.count)
        var rows: ContiguousArray<Int32> = []
        for trace in pin.order(table) {
            rows.removeAll(keepingCapacity: true)
            pin.appendRows(of: trace, table, to: &rows)
            guard !rows.isEmpty else { continue }
            try output.beginTrace(table.traces.pointer(trace).pointee.id)
            for number in rows {
                let row = table.rows.pointer(Int(number)).pointee
                var reader = ByteReader(row.bytes)
                let span = try SpanBytes(&reader)
                if resources[Int(row.resource)] < 0 {
                    let bytes = table.resources.pointer(Int(row.resource)).pointee.bytes
                    resources[Int(row.resource)] = output.block.resources.findOrAdd(bytes)
                }
                if scopes[Int(row.scope)] < 0 {
                    let bytes = table.scopes.pointer(Int(row.scope)).pointee.bytes
                    scopes[Int(row.scope)] = output.block.scopes.findOrAdd(bytes)
                    output.block.noted.note(.instrumentation, attributes: try ScopeBytes(bytes).attributes)
                }
                try output.append(span, resource: resources[Int(row.resource)], scope: scopes[Int(row.scope)])
            }
            output.endTrace()
        }
        return try output.finish()
    }

    public func merge(
        _ inputs: [TraceSegment], clip: TimeRange, tombstones: [Tombstone], tier: Int, into writer: any ObjectWriter,
        damage: (SegmentDamage) -> Void, yield: () throws -> Void
    ) throws -> SegmentSummary? {
        let output = try TraceSegmentWriter(writer, tier: tier)
        try withoutActuallyEscaping(damage) { damage in
            let merge = try TraceMerge(inputs, clip: clip, tombstones: tombstones, damage: damage)
            try merge.run(into: output, yield: yield)
        }
        return try output.finish()
    }

    public func mayHold(_ segment: TraceSegment, _ tombstone: Tombstone) -> Bool {
        let hide = SpanHide(tombstone)
        // What can't be read can't be ruled out.
        guard let index = try? segment.index() else { return true }
        return index.blocks.contains { block in
            hide.overlaps(block.firstStart, through: block.lastStart)
                && block.resources.contains { hide.matches(resource: index.resources[Int($0)]) }
        }
    }
}

extension SpanMemtablePin {
    /// The traces of a table by the start of their first span, then id.
    func order(_ table: SpanTable) -> [Int] {
        let keys = (0..<table.traces.count).map { number in
            let trace = table.traces.pointer(number)
            return (start: trace.pointee.firstStart.load(ordering: .relaxed), id: trace.pointee.id, number: number)
        }
        return keys.sorted { $0.start != $1.start ? $0.start < $1.start : $0.id < $1.id }.map(\.number)
    }
}
