import Bedrock
import LSM
import Model

/// Goes through several segments series by series, in the order of labels; one series' rows are in memory at a time.
struct SegmentMerge: ~Copyable {
    /// Where one input stands.
    private final class Cursor {
        let segment: MetricSegment
        let memo = TimestampMemo()
        var series = -1
        var labels = ByteBuffer(capacity: 256)

        init(_ segment: MetricSegment) { self.segment = segment }

        /// Moves on to the next series whose labels can be read; false at the end.
        func advance(_ damage: (SegmentDamage) -> Void) throws -> Bool {
            while series + 1 < segment.seriesCount {
                series += 1
                labels.clear()
                do {
                    try segment.appendLabels(series, to: &labels)
                    return true
                } catch let error as SegmentDamage {
                    damage(error)
                }
            }
            return false
        }
    }

    /// Rows between two calls of `yield`.
    private static let rowsPerYield = 1 << 16

    private var cursors: [Cursor] = []
    private let damage: DamageFilter
    private let rows = SeriesRows()
    private var exemplars = ExemplarSet()

    init(_ inputs: [MetricSegment], damage: @escaping (SegmentDamage) -> Void) {
        self.damage = DamageFilter(damage)
        cursors = inputs.map(Cursor.init)
    }

    mutating func run(
        clip: TimeRange, tombstones: [Tombstone], into output: MetricSegmentWriter, yield: () throws -> Void
    ) throws {
        let report = { [damage] (found: SegmentDamage) in damage.report(found) }
        var live: [Cursor] = []
        for cursor in cursors where try cursor.advance(report) { live.append(cursor) }
        var sinceYield = 0
        while let first = Self.smallest(live) {
            var labels = ByteBuffer(capacity: first.labels.count + 1)
            labels.append(first.labels.bytes)
            rows.clear()
            exemplars.clear()
            // `live` keeps the order of the inputs, which is the order of precedence.
            var ended = false
            for cursor in live where compareMemory(cursor.labels.bytes, labels.bytes) == 0 {
                try cursor.segment.appendRows(
                    cursor.series, in: clip, memo: cursor.memo, to: rows.floats, damage: report)
                rows.endRun(try cursor.segment.histograms(cursor.series, in: clip, damage: report))
                if cursor.segment.hasExemplars {
                    try cursor.segment.addExemplars(cursor.series, in: clip, to: &exemplars, damage: report)
                }
                if !(try cursor.advance(report)) {
                    cursor.series = .max
                    ended = true
                }
            }
            if ended { live.removeAll { $0.series == .max } }
            rows.finish()
            hide(tombstones, from: labels.bytes)
            try output.add(
                labels.bytes, rows: rows.floats, histograms: rows.histograms, exemplars: exemplars.kept())
            sinceYield += rows.floats.count + rows.histograms.count + 16
            if sinceYield >= Self.rowsPerYield {
                sinceYield = 0
                try yield()
            }
        }
    }

    private mutating func hide(_ tombstones: [Tombstone], from labels: UnsafeRawBufferPointer) {
        guard !tombstones.isEmpty, !rows.isEmpty || !exemplars.isEmpty else { return }
        let set = Labels(canonical: labels)
        for tombstone in tombstones where set.match(tombstone.matchers) {
            rows.remove(tombstone.range)
            exemplars.remove(tombstone.range)
        }
    }

    private static func smallest(_ cursors: [Cursor]) -> Cursor? {
        guard var best = cursors.first else { return nil }
        for cursor in cursors.dropFirst() where compareLabels(cursor.labels.bytes, best.labels.bytes) < 0 {
            best = cursor
        }
        return best
    }
}
