import LSM
import Model

/// One sorted run of a snapshot: a segment, or one tenant's part of a memtable, with the deletes that apply to it. Thread-safe.
struct StoredRun: Sendable {
    enum Storage: Sendable {
        /// The handle keeps the segment's bytes in the engine.
        case segment(TraceSegment, SegmentHandle<TraceFormat>?)
        case memtable(SpanMemtablePin, SpanTable)
    }

    let storage: Storage
    let hides: [SpanHide]
    /// Of all spans, nanoseconds, both included.
    let firstStart: Int64
    let lastStart: Int64

    init(_ segment: TraceSegment, handle: SegmentHandle<TraceFormat>? = nil, hides: [SpanHide] = []) {
        storage = .segment(segment, handle)
        self.hides = hides
        firstStart = segment.footer.firstStart
        lastStart = segment.footer.lastStart
    }

    /// Nil when the tenant has nothing there.
    init?(_ memtable: SpanMemtable, tenant: Tenant, hides: [SpanHide] = []) {
        let pin = memtable.pin()
        guard let table = memtable.table(tenant) else { return nil }
        storage = .memtable(pin, table)
        self.hides = hides
        firstStart = .min
        lastStart = .max
    }

    func overlaps(_ first: Int64, through last: Int64) -> Bool { lastStart >= first && firstStart <= last }
}

/// A place where spans of a trace are: a run of the snapshot, and in it a block, or for memtables the trace's number.
struct TracePlace: Hashable, Sendable {
    var run: Int
    /// Nil in a memtable.
    var block: Int?
    /// Within the block, or of the memtable's table.
    var trace: Int
}
