import Model
import Synchronization

/// A live segment: its catalog record and its open reader. Immutable; whoever holds it keeps the object's bytes.
public final class SegmentHandle<Format: SegmentFormat>: Sendable {
    public let record: SegmentRecord
    public let segment: Format.Segment

    init(record: SegmentRecord, segment: Format.Segment) {
        self.record = record
        self.segment = segment
    }
}

/// A memtable that gets no more rows and waits for its flush.
final class SealedTable<Format: SegmentFormat>: Sendable {
    let table: Format.Table
    /// Of the records it holds, in the order of the queue.
    let firstOffset: UInt64
    let lastOffset: UInt64
    let lanes: [Lane: LaneState]
    let lanesForgotten: Set<Lane>
    /// Deletes within these offsets that the catalog may not have yet.
    let tombstones: [Tombstone]
    /// Its checkpoints, of no use once it is flushed.
    let headPaths: [String]

    init(
        table: Format.Table, firstOffset: UInt64, lastOffset: UInt64,
        lanes: (changed: [Lane: LaneState], forgotten: Set<Lane>), tombstones: [Tombstone], headPaths: [String]
    ) {
        self.table = table
        self.firstOffset = firstOffset
        self.lastOffset = lastOffset
        self.lanes = lanes.changed
        lanesForgotten = lanes.forgotten
        self.tombstones = tombstones
        self.headPaths = headPaths
    }
}

/// What a reader sees of a shard at one moment. Immutable; replaced as a whole.
final class ShardRoot<Format: SegmentFormat>: Sendable {
    /// By last offset, then time: of equal rows in two segments the later segment's counts.
    let segments: [SegmentHandle<Format>]
    /// Oldest first.
    let sealed: [SealedTable<Format>]
    let active: Format.Table
    let tombstones: [Tombstone]

    init(
        segments: [SegmentHandle<Format>], sealed: [SealedTable<Format>], active: Format.Table, tombstones: [Tombstone]
    ) {
        self.segments = segments
        self.sealed = sealed
        self.active = active
        self.tombstones = tombstones
    }

    func with(
        segments: [SegmentHandle<Format>]? = nil, sealed: [SealedTable<Format>]? = nil, active: Format.Table? = nil,
        tombstones: [Tombstone]? = nil
    ) -> ShardRoot {
        ShardRoot(
            segments: segments ?? self.segments, sealed: sealed ?? self.sealed, active: active ?? self.active,
            tombstones: tombstones ?? self.tombstones)
    }

    /// With segments swapped: those of `removed` names out, `added` in.
    func replacing(_ removed: Set<String>, by added: [SegmentHandle<Format>]) -> ShardRoot {
        let kept = segments.filter { !removed.contains($0.record.name) }
        return with(segments: Self.ordered(kept + added))
    }

    /// With other records for live segments.
    func replacing(records: [String: SegmentRecord]) -> ShardRoot {
        with(
            segments: segments.map { handle in
                records[handle.record.name].map { SegmentHandle(record: $0, segment: handle.segment) } ?? handle
            })
    }

    static func ordered(_ segments: [SegmentHandle<Format>]) -> [SegmentHandle<Format>] {
        segments.sorted {
            ($0.record.lastOffset, $0.record.summary.timeRange.start, $0.record.name)
                < ($1.record.lastOffset, $1.record.summary.timeRange.start, $1.record.name)
        }
    }
}
