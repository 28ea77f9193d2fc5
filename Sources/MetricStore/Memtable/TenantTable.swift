import Bedrock
import LSM
import Model
import Synchronization

/// Where the rows of one series in one memtable begin.
struct SeriesHead: ~Copyable {
    /// Address of the current `RowPage`; 0 when there was no row.
    let rows = Atomic<UInt>(0)
    /// Address of the newest `HistogramNode`; 0 when there was none.
    let histograms = Atomic<UInt>(0)
    /// Address of the newest `ExemplarNode`; 0 when there was none.
    let exemplars = Atomic<UInt>(0)
    /// The series' number in the checkpoints of this memtable, counted from 1; 0 as long as it is in none. For the writer.
    var checkpointId: UInt32 = 0

    var page: RowPage? { RowPage(address: rows.load(ordering: .acquiring)) }
    var newestHistogram: UnsafePointer<HistogramNode>? {
        UnsafePointer(bitPattern: histograms.load(ordering: .acquiring))
    }

    var newestExemplar: UnsafePointer<ExemplarNode>? {
        UnsafePointer(bitPattern: exemplars.load(ordering: .acquiring))
    }

    var hasRows: Bool {
        rows.load(ordering: .relaxed) != 0 || histograms.load(ordering: .relaxed) != 0
            || exemplars.load(ordering: .relaxed) != 0
    }
}

/// One tenant's part of a memtable. The index may be shared with memtables before and after it; the heads are its own.
final class TenantTable: @unchecked Sendable {
    let tenant: Tenant
    let index: SeriesIndex
    let heads = PagedArray<SeriesHead>()
    /// Families by name. The writer changes it rarely, readers copy it.
    let metadata: Mutex<[String: MetricMetadata]>
    /// Families changed since the last checkpoint; for the writer.
    var changedFamilies: [MetricMetadata] = []

    /// Families beyond this many are not kept: names of families come from outside.
    static let familiesMax = 100_000

    init(_ tenant: Tenant) {
        self.tenant = tenant
        index = SeriesIndex()
        metadata = Mutex([:])
    }

    /// Goes on with what should outlive a flush: the metadata, and the series, unless most of them went idle; then only the others.
    init(after previous: TenantTable) {
        tenant = previous.tenant
        let families = previous.metadata.withLock { $0 }
        metadata = Mutex(families)
        let all = previous.heads.count
        var active = 0
        for id in 0..<all where previous.heads.pointer(id).pointee.hasRows { active += 1 }
        guard active * 2 < all else {
            index = previous.index
            for _ in 0..<all { heads.append(SeriesHead()) }
            return
        }
        index = SeriesIndex()
        for id in 0..<all where previous.heads.pointer(id).pointee.hasRows {
            let labels = previous.index.series.pointer(id).pointee.labels
            _ = add(labels, hash: Hash128(of: labels))
        }
    }

    /// Bytes of index and heads; for the writer.
    var byteCount: Int { index.byteCount + heads.byteCount }

    var hasRows: Bool {
        for id in 0..<heads.count where heads.pointer(id).pointee.hasRows { return true }
        return false
    }

    /// The id of a series, added when it is new. `labels` must be canonical.
    func findOrAdd(_ labels: UnsafeRawBufferPointer, hash: Hash128) -> Int {
        index.find(labels, hash: hash) ?? add(labels, hash: hash)
    }

    private func add(_ labels: UnsafeRawBufferPointer, hash: Hash128) -> Int {
        let id = index.insert(labels, hash: hash)
        // The heads trail the index only within this call: readers take series that have a head.
        heads.append(SeriesHead())
        return id
    }

    /// For the writer. A family seen again with the same metadata costs a look-up.
    func set(_ item: MetricMetadata) {
        let isNew = metadata.withLock { families in
            if let known = families[item.family] {
                if known == item { return false }
            } else if families.count >= Self.familiesMax {
                return false
            }
            families[item.family] = item
            return true
        }
        if isNew { changedFamilies.append(item) }
    }
}
