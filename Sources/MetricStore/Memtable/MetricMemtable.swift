import Bedrock
import LSM
import Model
import Synchronization

/// A shard's metric rows that are only in memory and in the write queue.
///
/// One thread applies, checkpoints and restores. Readers pin the table (`pin`) and see exactly the records applied before, however long
/// they look; they take no lock but the pin's, and the writer waits for none of them. How that works:
/// - Rows, series, postings and histograms only append, and each is published by one atomic store after it is complete.
/// - Every row carries its record's number (*tick*): a reader skips rows above its own.
/// - Rows are sealed into chunks only when no reader is too old to see all of them, so that chunks need no ticks.
/// - A row page that was replaced is reused once every living reader has pinned after that (`ReaderPins`).
///
/// Rows of one series keep their order of arrival; whoever reads sorts them where they don't ascend, and the last of one timestamp wins. A
/// histogram hides a float of its timestamp; a float that comes after one says so beside the histograms.
public final class MetricMemtable: Memtable, @unchecked Sendable {
    /// Rows of a series that are kept raw before they are sealed into a chunk.
    static let tailRowsMax = 128

    let arena = SlabArena()
    let pins = ReaderPins()
    private let directory = Mutex<[Tenant: TenantTable]>([:])

    // The writer's own state.
    private var tables: [Tenant: TenantTable] = [:]
    private var pool = PagePool()
    private let sealer = ChunkSealer()
    private var record = RecordRows()
    /// Queue offset that tick 1 stands for.
    private var firstOffset: UInt64?
    /// The record that is being applied.
    private(set) var tick: UInt32 = 0
    /// Bytes of series tables: what was taken over, and what has been added to it since, which counts against this memtable.
    private var inheritedBytes = 0
    private var tableBytes = 0
    /// Numbers given to series in checkpoints, and the last record that is in one.
    var checkpoints = CheckpointState()
    private var restoredOwners: [AnyObject] = []

    private let bytes = Atomic<Int>(0)
    private let rows = Atomic<Int>(0)
    private let minTime = Atomic<Int64>(.max)
    private let maxTime = Atomic<Int64>(.min)

    /// - Parameter previous: the memtable sealed just before; its series table is taken over.
    public init(after previous: MetricMemtable? = nil) {
        guard let previous else { return }
        for (tenant, old) in previous.tables where old.hasRows {
            tables[tenant] = TenantTable(after: old)
            inheritedBytes += tables[tenant]?.byteCount ?? 0
        }
        let all = tables
        directory.withLock { $0 = all }
    }

    // MARK: Memtable

    public func apply(_ payload: UnsafeRawBufferPointer, tenant: Tenant, offset: UInt64) throws {
        try record.read(payload, table: tables[tenant])
        let first = firstOffset ?? offset
        guard offset >= first, let distance = UInt32(exactly: offset - first), distance < .max else {
            throw DecodeError("record offset \(offset) is out of order behind \(first)", at: 0)
        }
        firstOffset = first
        beginRecord(tick: max(tick, distance + 1))
        let table = self.table(tenant)
        let tableBytesBefore = table.byteCount
        var added = 0
        var row = 0
        var histogram = 0
        for i in record.entries.indices {
            let entry = record.entries[i]
            let id = entry.series >= 0 ? entry.series : table.findOrAdd(record.labels(entry), hash: entry.hash)
            let head = table.heads.pointer(id)
            if row < entry.rowEnd, let newest = head.pointee.newestHistogram {
                for at in row..<entry.rowEnd { supersede(record.timestamps[at], newest, of: head) }
            }
            while row < entry.rowEnd {
                if append(record.timestamps[row], record.values[row], to: head) { added += 1 }
                row += 1
            }
            while histogram < entry.histogramEnd {
                let item = record.histograms[histogram]
                let bytes = UnsafeRawBufferPointer(rebasing: payload[item.bytes])
                if append(item.timestamp, bytes, to: head) { added += 1 }
                histogram += 1
            }
        }
        for item in record.metadata { table.set(item) }
        for item in record.exemplars {
            let entry = record.entries[item.entry]
            let id = entry.series >= 0 ? entry.series : table.findOrAdd(record.labels(entry), hash: entry.hash)
            let labels = UnsafeRawBufferPointer(rebasing: payload[item.labels])
            if appendExemplar(item.timestamp, item.value, labels, to: table.heads.pointer(id)) { added += 1 }
        }
        tableBytes += table.byteCount - tableBytesBefore
        endRecord(added: added)
    }

    public var byteCount: Int { bytes.load(ordering: .relaxed) }
    public var rowCount: Int { rows.load(ordering: .relaxed) }

    public var tenants: [Tenant] {
        directory.withLock { $0.values.filter(\.hasRows).map(\.tenant).sorted() }
    }

    public var timeRange: TimeRange? {
        let range = TimeRange(minTime.load(ordering: .relaxed), maxTime.load(ordering: .relaxed))
        return range.isEmpty ? nil : range
    }

    public func checkpoint(into block: inout ByteBuffer) {
        MemtableCheckpoint.write(tables, state: &checkpoints, through: tick, into: &block)
    }

    public func restore(_ block: UnsafeRawBufferPointer, owner: AnyObject) throws {
        try MemtableCheckpoint.restore(block, into: self)
        restoredOwners.append(owner)
        tableBytes = tables.values.reduce(0) { $0 + $1.byteCount } - inheritedBytes
        endRecord(added: 0)
    }

    // MARK: Reading

    /// A consistent view of everything applied so far; holds memory until it is released. Thread-safe.
    public func pin() -> MemtablePin { MemtablePin(self) }

    /// One tenant's part; nil when nothing came from it. Thread-safe.
    func tenantTable(_ tenant: Tenant) -> TenantTable? { directory.withLock { $0[tenant] } }

    // MARK: Writing

    /// One tenant's part, made when it is new. For the writer.
    func table(_ tenant: Tenant) -> TenantTable {
        if let known = tables[tenant] { return known }
        let table = TenantTable(tenant)
        tables[tenant] = table
        directory.withLock { $0[tenant] = table }
        return table
    }

    private func beginRecord(tick newTick: UInt32) {
        tick = newTick
        let oldest = pins.oldest()
        pool.reclaim(through: oldest)
        sealer.begin(sealable: oldest, tick: newTick)
    }

    private func endRecord(added: Int) {
        pins.publish(tick)
        rows.add(added, ordering: .relaxed)
        bytes.store(max(0, arena.byteCount - pool.freeBytes + tableBytes), ordering: .relaxed)
    }

    /// Appends a row; false when it repeats the one before.
    @inline(__always)
    func append(_ timestamp: Int64, _ value: Double, to head: UnsafeMutablePointer<SeriesHead>) -> Bool {
        guard var page = RowPage(address: head.pointee.rows.load(ordering: .relaxed)) else {
            let page = pool.make(capacity: RowPage.capacityMin, chunks: nil, arena: arena)
            page.append(timestamp: timestamp, value: value, tick: tick)
            head.pointee.rows.store(page.address, ordering: .releasing)
            note(timestamp)
            return true
        }
        let count = page.count
        if count > 0, page.timestamps[count - 1] == timestamp,
            page.values[count - 1].bitPattern == value.bitPattern
        {
            return false
        }
        if count == page.capacity { page = makeRoom(page, head) }
        page.append(timestamp: timestamp, value: value, tick: tick)
        note(timestamp)
        return true
    }

    @inline(__always) func note(_ timestamp: Int64) {
        if timestamp < minTime.load(ordering: .relaxed) { minTime.store(timestamp, ordering: .relaxed) }
        if timestamp > maxTime.load(ordering: .relaxed) { maxTime.store(timestamp, ordering: .relaxed) }
    }

    /// Replaces a full page: by a larger one, or by a small one behind a sealed chunk.
    private func makeRoom(_ page: RowPage, _ head: UnsafeMutablePointer<SeriesHead>) -> RowPage {
        var sealed = 0
        var chunks = page.chunks
        if page.count >= Self.tailRowsMax { (sealed, chunks) = sealer.seal(page, arena: arena) }
        let left = page.count - sealed
        var capacity = sealed > 0 ? RowPage.capacityMin * 4 : page.capacity * 2
        while capacity <= left { capacity *= 2 }
        let next = pool.make(capacity: capacity, chunks: chunks, arena: arena)
        next.copyRows(of: page, from: sealed, count: left)
        head.pointee.rows.store(next.address, ordering: .releasing)
        pool.retire(page, tick: tick)
        return next
    }

    /// Appends a histogram; false when it repeats the one that its timestamp has. Empty: see `HistogramNode`.
    @discardableResult
    func append(
        _ timestamp: Int64, _ histogram: UnsafeRawBufferPointer, to head: UnsafeMutablePointer<SeriesHead>
    ) -> Bool {
        let newest = head.pointee.newestHistogram
        if let same = newest?.newest(at: timestamp), compareMemory(same.pointee.bytes, histogram) == 0 { return false }
        let node = arena.allocate(MemoryLayout<HistogramNode>.stride).bindMemory(to: HistogramNode.self, capacity: 1)
        node.initialize(
            to: HistogramNode(
                previous: newest, timestamp: timestamp, maxTime: max(timestamp, newest?.pointee.maxTime ?? timestamp),
                bytes: arena.copy(histogram), tick: tick))
        head.pointee.histograms.store(UInt(bitPattern: node), ordering: .releasing)
        note(timestamp)
        return true
    }

    /// Says that a float takes the place of the histogram at its timestamp, if there is one.
    private func supersede(
        _ timestamp: Int64, _ newest: UnsafePointer<HistogramNode>, of head: UnsafeMutablePointer<SeriesHead>
    ) {
        guard newest.newest(at: timestamp) != nil else { return }
        append(timestamp, UnsafeRawBufferPointer(start: nil, count: 0), to: head)
    }

    /// Exemplars of a series that a new one is compared with: targets show the same ones scrape after scrape.
    private static let recentExemplars = 16

    /// Appends an exemplar; false when it repeats one of the last.
    func appendExemplar(
        _ timestamp: Int64, _ value: Double, _ labels: UnsafeRawBufferPointer,
        to head: UnsafeMutablePointer<SeriesHead>
    ) -> Bool {
        var next = head.pointee.newestExemplar
        for _ in 0..<Self.recentExemplars {
            guard let node = next else { break }
            if node.pointee.timestamp == timestamp, node.pointee.value.bitPattern == value.bitPattern,
                compareMemory(node.pointee.labels, labels) == 0
            {
                return false
            }
            next = node.pointee.previous
        }
        let node = arena.allocate(MemoryLayout<ExemplarNode>.stride).bindMemory(to: ExemplarNode.self, capacity: 1)
        node.initialize(
            to: ExemplarNode(
                previous: head.pointee.newestExemplar, timestamp: timestamp, value: value, labels: arena.copy(labels),
                tick: tick))
        head.pointee.exemplars.store(UInt(bitPattern: node), ordering: .releasing)
        note(timestamp)
        return true
    }

    /// For `restore`: puts restored chunks in the place of a series' raw rows, which they contain.
    func replaceRows(of head: UnsafeMutablePointer<SeriesHead>, by chunks: UnsafePointer<MemoryChunk>?) {
        let page = pool.make(capacity: RowPage.capacityMin, chunks: chunks, arena: arena)
        let old = head.pointee.page
        head.pointee.rows.store(page.address, ordering: .releasing)
        if let old { pool.retire(old, tick: tick) }
    }

    func noteRestored(rows count: Int) { rows.add(count, ordering: .relaxed) }
}
