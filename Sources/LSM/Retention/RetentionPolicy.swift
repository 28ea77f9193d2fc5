import Model

/// Which segments have had their time: pure functions.
enum RetentionPolicy {
    /// Segments whose last row is before `start`.
    static func expired(_ segments: [SegmentRecord], before start: Int64) -> [SegmentRecord] {
        segments.filter { $0.summary.timeRange.end < start }
    }

    /// The oldest windows, whole, until what is left fits into `byteCountMax`. What reaches into a time after `closedBefore` stays.
    static func overflowing(
        _ segments: [SegmentRecord], byteCountMax: Int, closedBefore: Int64
    ) -> [SegmentRecord] {
        var left = segments.reduce(0) { $0 + $1.summary.byteCount }
        var rest = segments.sorted { $0.summary.timeRange.end < $1.summary.timeRange.end }[...]
        var dropped: [SegmentRecord] = []
        while left > byteCountMax, let oldest = rest.first {
            let end = oldest.window?.end ?? oldest.summary.timeRange.end
            guard end < closedBefore else { break }
            let window = rest.prefix { $0.summary.timeRange.end <= end }
            dropped += window
            left -= window.reduce(0) { $0 + $1.summary.byteCount }
            rest = rest.dropFirst(window.count)
        }
        return dropped
    }

    /// Deletes that no row is left to hide from: all older records are in segments, and those have it applied.
    static func applied(_ tombstones: [Tombstone], _ segments: [SegmentRecord], committed: UInt64) -> [UInt64] {
        tombstones.filter { delete in
            delete.offset != .max && delete.offset <= committed
                && !segments.contains {
                    $0.tenant == delete.tenant && $0.firstOffset < delete.offset && $0.tombstonesThrough < delete.offset
                        && $0.summary.timeRange.overlaps(delete.range)
                }
        }.map(\.offset)
    }
}
