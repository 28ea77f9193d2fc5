import Model

/// How one signal's engine works. Sizes in bytes, times in milliseconds unless the name says otherwise.
public struct EngineOptions: Sendable {
    /// Writes are spread over so many shards. A directory that has more keeps serving them all.
    public var shardCount = 2
    public var durability: Durability = .sync
    /// Accepted requests that wait for the shard's worker, per shard; above, writes get `.overloaded`.
    public var queueBytesMax = 32 << 20
    /// Requests that share one sync.
    public var groupBytesMax = 8 << 20
    public var recordBytesMax = 64 << 20
    /// The write-ahead log of a shard, which bounds the time of recovery; above, writes get `.overloaded` until checkpoints have caught up.
    public var logBytesMax = 64 << 20
    /// A shard's memtable of this size is sealed and flushed.
    public var memtableBytesMax = 64 << 20
    /// Active and sealed memtables of a shard together; above, writes get `.overloaded`.
    public var memtablesBytesMax = 192 << 20
    /// Windows of tiers 1, 2, …, each a multiple of the one before. A window over a tenth of the retention is not used, save the first.
    public var windowMilliseconds: [Int64] = [2 * 3_600_000, 24 * 3_600_000, 7 * 24 * 3_600_000]
    /// A window counts as closed so long after its end.
    public var latenessMilliseconds: Int64 = 15 * 60_000
    public var retentionMilliseconds: Int64 = 15 * 24 * 3_600_000
    /// Of the file system's size, what segments may take; above, the oldest windows go. What others store there does not count: it must
    /// not make us throw away data.
    public var diskFractionMax = 0.8
    /// Retention by matcher.
    public var standingTombstones: [StandingTombstone] = []
    /// Removed objects keep their bytes so long; longer than the longest query.
    public var graceMilliseconds: Int64 = 10 * 60_000
    /// Receipts of deletes are kept so long after their end.
    public var receiptMilliseconds: Int64 = 30 * 24 * 3_600_000
    /// Runs of a tier in a window that make a merge worth it.
    public var runsPerMerge = 4
    /// Runs that one merge reads at most.
    public var runsPerMergeMax = 32
    /// Of a core, what compaction may take over time.
    public var backgroundShare = 0.5
    /// Shards recovered side by side at the start; 1: one after the other, on the opening thread.
    public var recoveryThreads = 2
    /// Deaths of the process in a row while recovery applies the same record, after which the record is set aside; 0: never.
    public var recoveryDeathsMax = 2
    /// Producers' lanes remembered per shard; the ones unused for longest are forgotten first.
    public var laneCountMax = 10_000

    public init() {}

    /// Log that has gathered since the last checkpoint and makes the next one due.
    var checkpointBytes: Int { max(logBytesMax / 4, 1) }

    func check() throws(EngineError) {
        guard shardCount > 0, shardCount <= 1024 else {
            throw .badOptions("\(shardCount) shards: 1 to 1024 are possible")
        }
        guard let first = windowMilliseconds.first, first > 0 else { throw .badOptions("no window lengths") }
        for (short, long) in zip(windowMilliseconds, windowMilliseconds.dropFirst())
        where long % short != 0 || long <= short {
            throw .badOptions("window of \(long) ms is no multiple of \(short) ms")
        }
        guard queueBytesMax > 0, groupBytesMax > 0, logBytesMax > 0, memtableBytesMax > 0, recordBytesMax > 0 else {
            throw .badOptions("a size limit is not positive")
        }
        guard diskFractionMax > 0, diskFractionMax <= 1, backgroundShare > 0, backgroundShare <= 1 else {
            throw .badOptions("a fraction is not in (0, 1]")
        }
        guard retentionMilliseconds > 0, runsPerMerge >= 2, runsPerMergeMax >= runsPerMerge else {
            throw .badOptions("retention and runs per merge must be positive")
        }
    }

    /// The window lengths in use: the first, and those of at most a tenth of the retention.
    var windows: [Int64] {
        windowMilliseconds.prefix(1) + windowMilliseconds.dropFirst().prefix { $0 <= retentionMilliseconds / 10 }
    }
}

/// Retention of what matches: rows older than the age are hidden at once and dropped by compaction.
public struct StandingTombstone: Hashable, Sendable {
    public var tenant: Tenant
    public var matchers: [Matcher]
    public var ageMilliseconds: Int64

    public init(tenant: Tenant = .default, matchers: [Matcher], ageMilliseconds: Int64) {
        self.tenant = tenant
        self.matchers = matchers
        self.ageMilliseconds = ageMilliseconds
    }

    func tombstone(now: Int64) -> Tombstone {
        Tombstone(tenant: tenant, matchers: matchers, range: TimeRange(.min, now - ageMilliseconds), offset: .max)
    }
}
