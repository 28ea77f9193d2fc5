import Bedrock
import LSM
import Model
import Synchronization

/// A shard's log rows that are only in memory and in the write queue.
///
/// One thread applies, checkpoints and restores. Readers pin the table (`pin`), which is one atomic load, and see exactly the records
/// applied before, however long they look. How that works:
/// - A record's payload is copied once, as it is; rows say where in it their line and metadata stand, so nothing is taken apart.
/// - Rows and streams only append, and each is published by one atomic store after it is complete. Nothing is replaced or freed.
/// - Every row carries its record's number (*tick*): a reader skips rows above its own.
///
/// Rows of a stream keep their order of arrival; whoever reads sorts them by time. Equal rows are all kept.
public final class LogMemtable: Memtable, @unchecked Sendable {
    /// A row of the record being applied, before any of it becomes visible.
    private struct Row {
        var time: Int64
        var lineOffset: Int
        var lineLength: Int
        var metadataOffset: Int
    }

    let arena = SlabArena()
    private let directory = Mutex<[Tenant: LogStreamTable]>([:])

    // The writer's own state.
    private var tables: [Tenant: LogStreamTable] = [:]
    private var rows: ContiguousArray<Row> = []
    private var entries: ContiguousArray<(labels: UnsafeRawBufferPointer, rowEnd: Int)> = []
    /// Queue offset that tick 1 stands for.
    private var firstOffset: UInt64?
    private var tick: UInt32 = 0
    /// Payloads that no checkpoint has yet.
    private var uncheckpointed: [(tenant: Tenant, offset: UInt64, payload: UnsafeRawBufferPointer)] = []
    private var restoredOwners: [AnyObject] = []
    private var tableBytes = 0

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
        try insert(kept, of: payload, tenant: tenant, offset: offset)
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
            try insert(record.payload, of: record.payload, tenant: record.tenant, offset: record.offset)
        }
    }

    // MARK: Reading

    /// A consistent view of everything applied so far. Thread-safe.
    func pin() -> LogMemtablePin { LogMemtablePin(self, tick: published.load(ordering: .acquiring)) }

    /// One tenant's part; nil when nothing came from it. Thread-safe.
    func streamTable(_ tenant: Tenant) -> LogStreamTable? { directory.withLock { $0[tenant] } }

    // MARK: Writing

    /// Goes through a payload and notes its rows. Throws before anything has changed.
    private func read(_ payload: UnsafeRawBufferPointer) throws(DecodeError) {
        rows.removeAll(keepingCapacity: true)
        entries.removeAll(keepingCapacity: true)
        guard payload.count < Int(Int32.max) else { throw DecodeError("a record of \(payload.count) bytes", at: 0) }
        var reader = try LogRecordReader(payload)
        while try reader.nextStream() {
            for _ in 0..<reader.rowCount {
                let row = try reader.nextRow()
                let metadata = reader.metadataOffset.map { $0 - row.lineOffset } ?? 0
                rows.append(
                    Row(
                        time: row.time, lineOffset: row.lineOffset, lineLength: row.lineLength, metadataOffset: metadata
                    ))
            }
            entries.append((reader.labels, rows.count))
        }
    }

    /// Brings in what `read` noted of `payload`, whose bytes stay at `kept`.
    private func insert(
        _ kept: UnsafeRawBufferPointer, of payload: UnsafeRawBufferPointer, tenant: Tenant, offset: UInt64
    ) throws(DecodeError) {
        let first = firstOffset ?? offset
        guard offset >= first, let distance = UInt32(exactly: offset - first), distance < .max else {
            throw DecodeError("record offset \(offset) is out of order behind \(first)", at: 0)
        }
        firstOffset = first
        tick = max(tick, distance + 1)
        guard !rows.isEmpty else { return }
        let table = self.table(tenant)
        let before = table.byteCount
        let base = UInt(bitPattern: kept.baseAddress)
        var row = 0
        var low = minTime.load(ordering: .relaxed)
        var high = maxTime.load(ordering: .relaxed)
        for entry in entries where entry.rowEnd > row {
            let stream = table.streams.pointer(table.findOrAdd(entry.labels, arena: arena))
            while row < entry.rowEnd {
                let page = self.page(stream)
                for _ in 0..<min(page.capacity - page.count, entry.rowEnd - row) {
                    let new = rows[row]
                    page.append(
                        time: new.time, line: base &+ UInt(new.lineOffset), lineBytes: new.lineLength,
                        metadata: Int32(truncatingIfNeeded: new.metadataOffset), tick: tick)
                    low = min(low, new.time)
                    high = max(high, new.time)
                    row += 1
                }
            }
        }
        minTime.store(low, ordering: .relaxed)
        maxTime.store(high, ordering: .relaxed)
        tableBytes += table.byteCount - before
        publishedRows.add(rows.count, ordering: .relaxed)
        bytes.store(arena.byteCount + tableBytes + restoredBytes(kept, payload), ordering: .relaxed)
        published.store(tick, ordering: .releasing)
    }

    /// Restored payloads stay in the checkpoint's own mapping, which counts like the arena does.
    private var mappedBytes = 0
    private func restoredBytes(_ kept: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer) -> Int {
        if kept.baseAddress == payload.baseAddress { mappedBytes += payload.count }
        return mappedBytes
    }

    /// The page that takes the stream's next row.
    private func page(_ stream: UnsafeMutablePointer<LogStreamTable.Stream>) -> LogRowPage {
        let newest = stream.pointee.newestPage
        if let newest, newest.count < newest.capacity { return newest }
        let capacity = newest.map { min($0.capacity * 2, LogRowPage.capacityMax) } ?? LogRowPage.capacityMin
        let page = LogRowPage(
            arena.allocate(LogRowPage.byteCount(capacity: capacity)), capacity: capacity,
            previous: newest?.address ?? 0)
        stream.pointee.rows.store(page.address, ordering: .releasing)
        return page
    }

    private func table(_ tenant: Tenant) -> LogStreamTable {
        if let known = tables[tenant] { return known }
        let table = LogStreamTable(tenant)
        tables[tenant] = table
        directory.withLock { $0[tenant] = table }
        return table
    }
}
