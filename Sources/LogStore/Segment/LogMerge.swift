import Bedrock
import LSM
import Model

/// Goes through several segments stream by stream, in the order of labels, and within a stream by time; of equal times the rows of the older
/// input come first. One block of each input is in memory at a time.
final class LogMerge {
    private let cursors: [MergeCursor]
    private let first: Int64
    private let last: Int64
    private let hides: [LogHide]
    private let damage: (SegmentDamage) -> Void

    /// Rows between two calls of `yield`.
    private static let rowsPerYield = 1 << 15

    init(
        _ inputs: [LogSegment], clip: TimeRange, tombstones: [Tombstone], damage: @escaping (SegmentDamage) -> Void
    ) throws {
        self.damage = damage
        (first, last) = LogTime.nanoseconds(clip)
        hides = try tombstones.map(LogHide.init)
        cursors = try inputs.map { try MergeCursor($0, damage: damage) }
    }

    func run(into output: LogSegmentWriter, yield: () throws -> Void) throws {
        var sinceYield = 0
        var live = cursors.filter { $0.stream != nil }
        let lines = LineArena(capacity: 4096)
        _ = lines
        while let smallest = Self.smallest(live) {
            let labels = Array(smallest)
            let own = try labels.withUnsafeBytes { bytes in
                try live.filter { cursor in
                    guard let stream = cursor.stream, compareMemory(stream, bytes) == 0 else { return false }
                    try cursor.open(first: first, last: last, hides: hides)
                    return true
                }
            }
            var isBegun = false
            var rows = own.filter { $0.time != nil }
            while let next = Self.oldest(rows) {
                if !isBegun { labels.withUnsafeBytes { output.beginStream($0) } }
                isBegun = true
                try next.appendRow(to: output)
                try next.advance()
                if next.time == nil { rows.removeAll { $0 === next } }
                sinceYield += 1
                if sinceYield >= Self.rowsPerYield {
                    sinceYield = 0
                    try yield()
                }
            }
            for cursor in own { cursor.endStream() }
            live.removeAll { $0.stream == nil }
        }
    }

    private static func smallest(_ cursors: [MergeCursor]) -> UnsafeRawBufferPointer? {
        var best: UnsafeRawBufferPointer?
        for cursor in cursors {
            guard let stream = cursor.stream else { continue }
            if best.map({ compareLabels(stream, $0) < 0 }) ?? true { best = stream }
        }
        return best
    }

    private static func oldest(_ cursors: [MergeCursor]) -> MergeCursor? {
        var best: MergeCursor?
        for cursor in cursors {
            guard let time = cursor.time else { continue }
            if best?.time.map({ time < $0 }) ?? true { best = cursor }
        }
        return best
    }
}
