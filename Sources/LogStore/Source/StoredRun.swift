import LSM
import Model

/// One sorted run of a snapshot: a segment, or one tenant's part of a memtable, with the deletes that apply to it. Thread-safe.
struct StoredRun: Sendable {
    enum Storage: Sendable {
        /// The handle keeps the segment's bytes in the engine.
        case segment(LogSegment, SegmentHandle<LogFormat>?)
        case memtable(LogMemtablePin, LogStreamTable)
    }

    let storage: Storage
    let hides: [LogHide]
    /// Of all rows, nanoseconds, both included.
    let firstTime: Int64
    let lastTime: Int64

    init(_ segment: LogSegment, handle: SegmentHandle<LogFormat>? = nil, hides: [LogHide] = []) {
        storage = .segment(segment, handle)
        self.hides = hides
        firstTime = segment.footer.firstTime
        lastTime = segment.footer.lastTime
    }

    /// Nil when the tenant has nothing there.
    init?(_ table: LogMemtable, tenant: Tenant, hides: [LogHide] = []) {
        let pin = table.pin()
        guard let streams = table.streamTable(tenant) else { return nil }
        storage = .memtable(pin, streams)
        self.hides = hides
        firstTime = .min
        lastTime = .max
    }

    func overlaps(_ first: Int64, through last: Int64) -> Bool { lastTime >= first && firstTime <= last }
}
