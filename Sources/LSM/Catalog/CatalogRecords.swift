import Bedrock
import Model

/// One shard of one signal.
public struct ShardKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let signal: String
    public let index: Int

    public init(signal: String, index: Int) {
        self.signal = signal
        self.index = index
    }

    public static func < (a: ShardKey, b: ShardKey) -> Bool {
        a.signal == b.signal ? a.index < b.index : a.signal < b.signal
    }

    /// `metrics-0`; also the name of its directories.
    public var description: String { "\(signal)-\(index)" }
}

/// What the catalog keeps of a segment.
public struct SegmentRecord: Hashable, Sendable {
    /// The object's.
    public var name: String
    public var tenant: Tenant
    /// 0: flushed; higher: compacted into a wider window.
    public var tier: Int
    /// The window the rows lie in, milliseconds, both ends included; nil for tier 0, which may span windows.
    public var window: TimeRange?
    public var summary: SegmentSummary
    /// Of the queue records that the rows come from.
    public var firstOffset: UInt64
    public var lastOffset: UInt64
    /// Of the lease under which it was written.
    public var epoch: UInt64
    /// Deletes with offsets up to this one have been applied to the rows for good.
    public var tombstonesThrough: UInt64

    public init(
        name: String, tenant: Tenant, tier: Int, window: TimeRange?, summary: SegmentSummary, firstOffset: UInt64,
        lastOffset: UInt64, epoch: UInt64, tombstonesThrough: UInt64 = 0
    ) {
        self.name = name
        self.tenant = tenant
        self.tier = tier
        self.window = window
        self.summary = summary
        self.firstOffset = firstOffset
        self.lastOffset = lastOffset
        self.epoch = epoch
        self.tombstonesThrough = tombstonesThrough
    }
}

/// An object that is no segment any more and still has bytes.
public struct RemovedObject: Hashable, Sendable {
    /// What of its segment record tells whether a delete's rows are in it.
    public struct Content: Hashable, Sendable {
        public var tenant: Tenant
        public var timeRange: TimeRange
        public var firstOffset: UInt64
        public var tombstonesThrough: UInt64

        public init(tenant: Tenant, timeRange: TimeRange, firstOffset: UInt64, tombstonesThrough: UInt64) {
            self.tenant = tenant
            self.timeRange = timeRange
            self.firstOffset = firstOffset
            self.tombstonesThrough = tombstonesThrough
        }
    }

    public var name: String
    /// Milliseconds since the Unix epoch.
    public var deleteAfter: Int64
    /// Nil: it was removed by a version that did not note it.
    public var content: Content?

    public init(name: String, deleteAfter: Int64, content: Content? = nil) {
        self.name = name
        self.deleteAfter = deleteAfter
        self.content = content
    }

    init(_ record: SegmentRecord, deleteAfter: Int64) {
        self.init(
            name: record.name, deleteAfter: deleteAfter,
            content: Content(
                tenant: record.tenant, timeRange: record.summary.timeRange, firstOffset: record.firstOffset,
                tombstonesThrough: record.tombstonesThrough))
    }
}

/// One ordered stream of a producer's batches: its retries are recognised by their sequence.
public struct Lane: Hashable, Sendable {
    public var producer: String
    public var number: UInt32

    public init(producer: String, number: UInt32) {
        self.producer = producer
        self.number = number
    }
}

public struct LaneState: Hashable, Sendable {
    /// Of the last batch applied.
    public var sequence: UInt64
    /// Of the queue record it came in.
    public var offset: UInt64

    public init(sequence: UInt64, offset: UInt64) {
        self.sequence = sequence
        self.offset = offset
    }
}

/// All that the catalog knows of a shard.
public struct ShardState: Equatable, Sendable {
    public var epoch: UInt64
    /// Records up to this one are in segments.
    public var offset: UInt64 = 0
    public var lanes: [Lane: LaneState] = [:]
    public var segments: [SegmentRecord] = []
    /// Name to the epoch that reserved it.
    public var reservations: [String: UInt64] = [:]
    public var removed: [RemovedObject] = []
    /// Deletes that hide rows.
    public var tombstones: [Tombstone] = []
    /// Deletes with an id, also those that have nothing left to hide.
    public var deletes: [DeleteRecord] = []

    public init(epoch: UInt64) { self.epoch = epoch }
}
