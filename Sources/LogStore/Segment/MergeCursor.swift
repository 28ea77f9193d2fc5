import Bedrock
import Columns
import LSM
import Model

/// Where a merge stands in one input. Goes through its runs in order: by stream, then block.
final class MergeCursor {
    /// A block with what a merge needs of all its rows.
    private struct OpenBlock {
        var position: Int
        var block: SegmentBlock
        var times: UnsafeBufferPointer<Int64>
        var lengths: [Int32]
        var fields: [(name: [UInt8], column: TextColumn)]
        /// Rows that stay.
        var rows: RowSet
    }

    private let segment: LogSegment
    private let index: LogIndex
    /// Held, so that all blocks have the same one.
    private let dictionary: LineDictionary?
    private let damage: DamageFilter
    private let first: Int64
    private let last: Int64
    private let hides: [LogHide]
    private var position = 0
    private var run = 0
    private var opened: OpenBlock?
    /// A block that can't be read; its runs are passed over.
    private var damagedPosition = -1
    private var streamNumber: Int32 = -1

    /// Rows left of the current run: `rows[next...]`.
    private var rows: ContiguousArray<Int32> = []
    private var next = 0

    /// Labels of the stream whose rows come next; nil at the end. The index keeps them.
    private(set) var stream: UnsafeRawBufferPointer?
    /// Of the next row of the current stream; nil behind its last.
    private(set) var time: Int64?

    init(_ segment: LogSegment, first: Int64, last: Int64, hides: [LogHide], damage: DamageFilter) throws {
        self.segment = segment
        self.first = first
        self.last = last
        self.hides = hides
        self.damage = damage
        index = try segment.index()
        // Damage shows with the first block.
        dictionary = try? segment.lineDictionary()
        for one in index.damages { damage.report(one) }
        findStream()
    }

    private var currentRun: BlockEntry.Run? {
        while position < index.blocks.count, run >= index.blocks[position].runs.count {
            position += 1
            run = 0
        }
        return position < index.blocks.count ? index.blocks[position].runs[run] : nil
    }

    /// Finds the next run of a stream whose labels are known.
    private func findStream() {
        while let next = currentRun {
            if let labels = index.labels[Int(next.stream)] {
                stream = labels
                streamNumber = next.stream
                return
            }
            run += 1
        }
        stream = nil
    }

    /// Goes to the next run of the current stream that has a row which stays.
    func nextRun() throws {
        time = nil
        while let candidate = currentRun, candidate.stream == streamNumber {
            let at = position
            run += 1
            if candidate.lastTime < first || candidate.firstTime > last || at == damagedPosition { continue }
            do {
                let open = try open(at)
                rows.removeAll(keepingCapacity: true)
                for row in Int(candidate.firstRow)..<Int(candidate.firstRow) + Int(candidate.rowCount)
                where open.rows.contains(row) {
                    rows.append(Int32(truncatingIfNeeded: row))
                }
                next = 0
                if let row = rows.first {
                    time = open.times[Int(row)]
                    return
                }
            } catch let error as SegmentDamage {
                damage.report(error)
                damagedPosition = at
            }
        }
    }

    private func open(_ position: Int) throws -> OpenBlock {
        if let opened, opened.position == position { return opened }
        let block = SegmentBlock(segment, index, position)
        let times = try block.times()
        let lengths = try block.lineLengths()
        var kept = RowSet(rowCount: block.rowCount, all: true)
        if block.entry.firstTime < first || block.entry.lastTime > last {
            kept.filter { times[$0] >= first && times[$0] <= last }
        }
        for run in block.entry.runs where !hides.isEmpty {
            guard let labels = index.labels[Int(run.stream)] else { continue }
            let rows = Int(run.firstRow)..<Int(run.firstRow) + Int(run.rowCount)
            for hide in hides where hide.overlaps(run.firstTime, through: run.lastTime) && hide.matches(labels) {
                try hide.apply(block, rows, labels, to: &kept)
            }
        }
        let open = OpenBlock(
            position: position, block: block, times: times, lengths: lengths,
            fields: try block.fields(damage: damage.report), rows: kept)
        opened = open
        return open
    }

    /// Hands on the rows before `limit` (with it, where it is included) that the current run has left; returns how many. Moves on.
    func append(through limit: Int64, included: Bool, to output: LogSegmentWriter) throws -> Int {
        guard let opened else { return 0 }
        var end = next
        while end < rows.count {
            let time = opened.times[Int(rows[end])]
            guard time < limit || included && time == limit else { break }
            end += 1
        }
        let count = end - next
        try rows.withUnsafeBufferPointer { rows in
            try output.append(
                opened.block, rows: UnsafeBufferPointer(rebasing: rows[next..<end]), times: opened.times,
                lengths: opened.lengths, fields: opened.fields)
        }
        next = end
        if next < rows.count { time = opened.times[Int(rows[next])] } else { try nextRun() }
        return count
    }

    /// Leaves what is left of the stream behind.
    func endStream() {
        while let next = currentRun, next.stream == streamNumber { run += 1 }
        findStream()
    }
}
