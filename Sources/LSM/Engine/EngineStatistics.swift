import Synchronization

/// What an engine has done and holds, for /metrics and status pages. Counters grow since the start.
public struct EngineStatistics: Sendable {
    public struct Tier: Sendable, Equatable {
        public var segments = 0
        public var bytes = 0
        public var rows = 0
    }

    public struct Shard: Sendable {
        public var index = 0
        public var epoch: UInt64 = 0
        public var appliedOffset: UInt64 = 0
        public var committedOffset: UInt64 = 0
        public var logBytes = 0
        public var queueBytes = 0
        public var queueRequests = 0
        public var memtableBytes = 0
        public var memtableRows = 0
        public var sealedTables = 0
        /// By tier.
        public var tiers: [Int: Tier] = [:]
        /// Unable to take writes for good, and why.
        public var fault: String?
    }

    public var shards: [Shard] = []
    public var recordsWritten = 0
    public var bytesWritten = 0
    public var retriesDropped = 0
    public var recordsSetAside = 0
    public var writesRefused = 0
    public var syncs = 0
    /// All syncs together, and the longest.
    public var syncNanoseconds: UInt64 = 0
    public var syncNanosecondsMax: UInt64 = 0
    public var checkpoints = 0
    public var flushes = 0
    public var flushFailures = 0
    public var compactions = 0
    public var compactionFailures = 0
    public var compactedBytes = 0
    public var segmentsExpired = 0
    public var objectsDeleted = 0
    /// Opening, with checkpoints restored and the log replayed.
    public var recoveryNanoseconds: UInt64 = 0
    public var recordsReplayed = 0
    public var isDiskFull = false
    public var diskFullEvents = 0
    public var damages = 0
}

/// The counters behind it. Thread-safe.
final class EngineCounters: Sendable {
    let recordsWritten = Atomic<Int>(0)
    let bytesWritten = Atomic<Int>(0)
    let retriesDropped = Atomic<Int>(0)
    let recordsSetAside = Atomic<Int>(0)
    let writesRefused = Atomic<Int>(0)
    let syncs = Atomic<Int>(0)
    let syncNanoseconds = Atomic<UInt64>(0)
    let syncNanosecondsMax = Atomic<UInt64>(0)
    let checkpoints = Atomic<Int>(0)
    let flushes = Atomic<Int>(0)
    let flushFailures = Atomic<Int>(0)
    let compactions = Atomic<Int>(0)
    let compactionFailures = Atomic<Int>(0)
    let compactedBytes = Atomic<Int>(0)
    let segmentsExpired = Atomic<Int>(0)
    let objectsDeleted = Atomic<Int>(0)
    let recoveryNanoseconds = Atomic<UInt64>(0)
    let recordsReplayed = Atomic<Int>(0)

    func noteSync(_ nanoseconds: UInt64) {
        syncs.wrappingAdd(1, ordering: .relaxed)
        syncNanoseconds.wrappingAdd(nanoseconds, ordering: .relaxed)
        syncNanosecondsMax.max(nanoseconds, ordering: .relaxed)
    }

    func statistics() -> EngineStatistics {
        var all = EngineStatistics()
        all.recordsWritten = recordsWritten.load(ordering: .relaxed)
        all.bytesWritten = bytesWritten.load(ordering: .relaxed)
        all.retriesDropped = retriesDropped.load(ordering: .relaxed)
        all.recordsSetAside = recordsSetAside.load(ordering: .relaxed)
        all.writesRefused = writesRefused.load(ordering: .relaxed)
        all.syncs = syncs.load(ordering: .relaxed)
        all.syncNanoseconds = syncNanoseconds.load(ordering: .relaxed)
        all.syncNanosecondsMax = syncNanosecondsMax.load(ordering: .relaxed)
        all.checkpoints = checkpoints.load(ordering: .relaxed)
        all.flushes = flushes.load(ordering: .relaxed)
        all.flushFailures = flushFailures.load(ordering: .relaxed)
        all.compactions = compactions.load(ordering: .relaxed)
        all.compactionFailures = compactionFailures.load(ordering: .relaxed)
        all.compactedBytes = compactedBytes.load(ordering: .relaxed)
        all.segmentsExpired = segmentsExpired.load(ordering: .relaxed)
        all.objectsDeleted = objectsDeleted.load(ordering: .relaxed)
        all.recoveryNanoseconds = recoveryNanoseconds.load(ordering: .relaxed)
        all.recordsReplayed = recordsReplayed.load(ordering: .relaxed)
        return all
    }
}
