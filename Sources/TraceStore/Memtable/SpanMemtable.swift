import Bedrock
import LSM
import Model
import Synchronization

/// A shard's spans that are only in memory and in the write queue.
///
/// One thread applies, checkpoints and restores. Readers pin the table (`pin`), which is one atomic load, and see exactly the records
/// applied before, however long they look:
/// - A record's payload is copied once, as it is; rows say where in it their bytes stand.
/// - Rows, traces, resources and scopes only append, and each is published by one atomic store after it is complete.
/// - Every row carries its record's number (*tick*): a reader skips rows above its own.
public final class SpanMemtable: Memtable, @unchecked Sendable {
    /// A span of the record being applied, before any of it becomes visible.
    private struct NewRow {
        var traceID: TraceID
        var start: Int64
        var offset: Int
        var length: Int
        var resource: Int32
        var scope: Int32
    }

    private let arena = SlabArena()
    private let directory = Mutex<[Tenant: SpanTable]>([:])

    // The writer's own state.
    private var tables: [Tenant: SpanTable] = [:]
    private var rows: ContiguousArray<NewRow> = []
    private var resources: ContiguousArray<Range<Int>> = []
    private var scopes: ContiguousArray<Range<Int>> = []
    /// Queue offset that tick 1 stands for.
    private var firstOffset: UInt64?
    private var tick: UInt32 = 0
    /// Payloads that no checkpoint has yet.
    private var uncheckpointed: [(tenant: Tenant, offset: UInt64, payload: UnsafeRawBufferPointer)] = []
    private var restoredOwners: [AnyObject] = []
    private var tableBytes = 0
    /// Restored payloads stay in the checkpoint's own mapping, which counts like the arena does.
    private var mappedBytes = 0

    private let published = Atomic<UInt32>(0)
    private let bytes = Atomic<Int>(0)
    private let publishedRows = Atomic<Int>(0)
    private let minTime = Atomic<Int64>(.max)
    private let maxTime = Atomic<Int64>(.min)

    public init() {}

    // MARK: Memtable

    public func apply(_ payload: UnsafeRawBufferPointer, tenant: Tenant, offset: UInt64) throws {
        try read(payload)
        let kept = arena.copy(payload)
        try insert(kept, tenant: tenant, offset: offset)
        uncheckpointed.append((tenant, offset, kept))
    }

    public var byteCount: Int { bytes.load(ordering: .relaxed) }
    public var rowCount: Int { publishedRows.load(ordering: .relaxed) }
    public var tenants: [Tenant] { directory.withLock { $0.keys.sorted() } }

    public var timeRange: TimeRange? {
        let first = minTime.load(ordering: .relaxed)
        let last = maxTime.load(ordering: .relaxed)
        return first > last ? nil : NanosecondTime.milliseconds(first, through: last)
    }

    public func checkpoint(into block: inout ByteBuffer) {
        guard !uncheckpointed.isEmpty else { return }
        PayloadCheckpoint.write(uncheckpointed, into: &block)
        uncheckpointed.removeAll()
    }

    public func restore(_ block: UnsafeRawBufferPointer, owner: AnyObject) throws {
        // Nothing is taken before all of it is known to be sound.
        let records = try PayloadCheckpoint.read(block)
        for record in records { try read(record.payload) }
        restoredOwners.append(owner)
        for record in records {
            try read(record.payload)
            mappedBytes += record.payload.count
            try insert(record.payload, tenant: record.tenant, offset: record.offset)
        }
    }

    // MARK: Reading

    /// A consistent view of everything applied so far. Thread-safe.
    func pin() -> SpanMemtablePin { SpanMemtablePin(self, tick: published.load(ordering: .acquiring)) }

    /// One tenant's part; nil when nothing came from it. Thread-safe.
    func table(_ tenant: Tenant) -> SpanTable? { directory.withLock { $0[tenant] } }

    // MARK: Writing

    /// Goes through a payload and notes its spans. Throws before anything has changed.
    private func read(_ payload: UnsafeRawBufferPointer) throws(DecodeError) {
        rows.removeAll(keepingCapacity: true)
        guard payload.count < Int(Int32.max) else { throw DecodeError("a record of \(payload.count) bytes", at: 0) }
        var reader = try SpanRecordReader(payload)
        resources = Self.places(reader.resources, in: payload)
        scopes = Self.places(reader.scopes, in: payload)
        while let (span, place) = try reader.next() {
            rows.append(
                NewRow(
                    traceID: span.traceID, start: span.start, offset: place.lowerBound, length: place.count,
                    resource: span.resource, scope: span.scope))
        }
    }

    private static func places(
        _ parts: ContiguousArray<UnsafeRawBufferPointer>, in payload: UnsafeRawBufferPointer
    ) -> ContiguousArray<Range<Int>> {
        ContiguousArray(
            parts.map { part in
                guard let start = part.baseAddress, let base = payload.baseAddress else { return 0..<0 }
                return start - base..<start - base + part.count
            })
    }

    /// Brings in what `read` noted of a payload, whose bytes stay at `kept`.
    private func insert(_ kept: UnsafeRawBufferPointer, tenant: Tenant, offset: UInt64) throws(DecodeError) {
        let first = firstOffset ?? offset
        guard offset >= first, let distance = UInt32(exactly: offset - first), distance < .max else {
            throw DecodeError("record offset \(offset) is out of order behind \(first)", at: 0)
        }
        firstOffset = first
        tick = max(tick, distance + 1)
        guard !rows.isEmpty else { return }
        let table = self.table(of: tenant)
        let before = table.byteCount
        let base = UInt(bitPattern: kept.baseAddress)
        let resourceNumbers = resources.map { table.resource(UnsafeRawBufferPointer(rebasing: kept[$0]), tick: tick) }
        let scopeNumbers = scopes.map { table.scope(UnsafeRawBufferPointer(rebasing: kept[$0]), tick: tick) }
        var low = minTime.load(ordering: .relaxed)
        var high = maxTime.load(ordering: .relaxed)
        for row in rows {
            table.append(
                row.traceID, address: base &+ UInt(row.offset), length: row.length, start: row.start,
                resource: resourceNumbers[Int(row.resource)], scope: scopeNumbers[Int(row.scope)], tick: tick)
            low = min(low, row.start)
            high = max(high, row.start)
        }
        minTime.store(low, ordering: .relaxed)
        maxTime.store(high, ordering: .relaxed)
        tableBytes += table.byteCount - before
        publishedRows.add(rows.count, ordering: .relaxed)
        bytes.store(arena.byteCount + tableBytes + mappedBytes, ordering: .relaxed)
        published.store(tick, ordering: .releasing)
    }

    private func table(of tenant: Tenant) -> SpanTable {
        if let known = tables[tenant] { return known }
        let table = SpanTable(tenant)
        tables[tenant] = table
        directory.withLock { $0[tenant] = table }
        return table
    }
}

/// A consistent view of a memtable: the records applied when it was taken. Thread-safe.
struct SpanMemtablePin: Sendable {
    let memtable: SpanMemtable
    let tick: UInt32

    init(_ memtable: SpanMemtable, tick: UInt32) {
        self.memtable = memtable
        self.tick = tick
    }

    /// Whether any row of a trace passes.
    func hasRow(of trace: Int, _ table: SpanTable, where passes: (SpanTable.Row) throws -> Bool) rethrows -> Bool {
        var next = table.traces.pointer(trace).pointee.newestRow.load(ordering: .acquiring)
        while next >= 0 {
            let row = table.rows.pointer(Int(next)).pointee
            if row.tick <= tick, try passes(row) { return true }
            next = row.previous
        }
        return false
    }

    /// Appends the numbers of a trace's visible rows: by start, span id and kind, of equal ones only the latest.
    func appendRows(of trace: Int, _ table: SpanTable, to rows: inout ContiguousArray<Int32>) {
        var next = table.traces.pointer(trace).pointee.newestRow.load(ordering: .acquiring)
        let first = rows.count
        while next >= 0 {
            let row = table.rows.pointer(Int(next))
            if row.pointee.tick <= tick { rows.append(next) }
            next = row.pointee.previous
        }
        if rows.count - first > 1 { Self.sort(&rows, from: first, table) }
    }

    private static func sort(_ rows: inout ContiguousArray<Int32>, from first: Int, _ table: SpanTable) {
        // Newest first so far: a stable order by key leaves the latest of equal ones in front.
        var keyed = rows[first...].map { number in
            let row = table.rows.pointer(Int(number)).pointee
            return (key: SpanKey(row.bytes, start: row.start), number: number)
        }
        keyed.sort { $0.key != $1.key ? $0.key < $1.key : $0.number > $1.number }
        rows.removeSubrange(first...)
        for at in keyed.indices where at == 0 || keyed[at - 1].key != keyed[at].key { rows.append(keyed[at].number) }
    }
}

/// What orders the spans of a trace, and tells which are the same: of those the latest counts.
struct SpanKey: Comparable {
    var start: Int64
    var spanID: UInt64
    var kind: UInt8

    init(start: Int64, spanID: UInt64, kind: UInt8) {
        self.start = start
        self.spanID = spanID
        self.kind = kind
    }

    /// From bytes of a span found sound before.
    init(_ bytes: UnsafeRawBufferPointer, start: Int64) {
        self.start = start
        spanID = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        kind = bytes[48] & 15
    }

    static func < (a: SpanKey, b: SpanKey) -> Bool {
        if a.start != b.start { return a.start < b.start }
        if a.spanID != b.spanID { return a.spanID < b.spanID }
        return a.kind < b.kind
    }
}
