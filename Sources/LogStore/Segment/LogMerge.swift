import Bedrock
import LSM
import Model

/// Goes through several segments stream by stream, in the order of labels, and within a stream by time; of equal times the rows of the older
/// input come first. One block of each input is in memory at a time.
final class LogMerge {
    private let cursors: [MergeCursor]
    /// Rows between two calls of `yield`.
    private static let rowsPerYield = 1 << 16

    init(
        _ inputs: [LogSegment], clip: TimeRange, tombstones: [Tombstone], damage: @escaping (SegmentDamage) -> Void
    ) throws {
        let hides = try tombstones.map { try LogHide($0) }
        let (first, last) = NanosecondTime.nanoseconds(clip)
        let filter = DamageFilter(damage)
        cursors = try inputs.map { try MergeCursor($0, first: first, last: last, hides: hides, damage: filter) }
    }

    func run(into output: LogSegmentWriter, yield: () throws -> Void) throws {
        var sinceYield = 0
        var live = cursors.filter { $0.stream != nil }
        while let smallest = Self.smallest(live) {
            let own = live.filter { cursor in cursor.stream.map { compareMemory($0, smallest) == 0 } ?? false }
            for cursor in own { try cursor.nextRun() }
            var open = own.filter { $0.time != nil }
            if !open.isEmpty { output.beginStream(smallest) }
            while let next = Self.oldest(open) {
                // Rows of this input stay ahead up to the first row of another one.
                var limit = Int64.max
                var isIncluded = true
                var isBefore = true
                for other in open {
                    if other === next {
                        isBefore = false
                        continue
                    }
                    guard let time = other.time else { continue }
                    // At equal times the inputs before it go first, those behind it wait.
                    if time < limit || time == limit && isBefore {
                        limit = time
                        isIncluded = !isBefore
                    }
                }
                sinceYield += try next.append(through: limit, included: isIncluded, to: output)
                if next.time == nil { open.removeAll { $0 === next } }
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

    /// The input with the smallest time; of equal ones the first.
    private static func oldest(_ cursors: [MergeCursor]) -> MergeCursor? {
        var best: MergeCursor?
        for cursor in cursors {
            guard let time = cursor.time else { continue }
            if best?.time.map({ time < $0 }) ?? true { best = cursor }
        }
        return best
    }
}
