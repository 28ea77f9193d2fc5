import Model

/// What a query reads: one state of every shard, pinned for as long as it is held. Immutable and thread-safe.
public struct EngineSnapshot<Format: SegmentFormat>: Sendable {
    public let shards: [ShardSnapshot<Format>]
    /// Rows before this are past the retention and must not be served; milliseconds.
    public let retentionStart: Int64
}

/// One shard in a snapshot.
///
/// Of rows with equal key and time the one counts that comes last in this order: segments as listed, then memtables as listed.
public struct ShardSnapshot<Format: SegmentFormat>: Sendable {
    public let index: Int
    /// Of all tenants (`record.tenant`), by offset. A tombstone applies to those whose `record.lastOffset` is below its offset.
    public let segments: [SegmentHandle<Format>]
    /// Sealed ones, oldest first, then the active one, which grows while it is read. A tombstone of offset `.max` applies to them; others
    /// apply to a memtable where its `memtableOffsets` end below the tombstone's.
    public let memtables: [Format.Table]
    /// Of each memtable, the last record it holds; `.max` for the active one. A delete seals, so none has offsets on both sides of one.
    public let memtableOffsets: [UInt64]
    public let tombstones: [Tombstone]
    /// Records up to this one are visible.
    public let appliedOffset: UInt64
}
