import Bedrock
import LSM
import Model

/// Where a merge stands in one input.
final class MergeCursor {
    private let segment: LogSegment
    private let index: LogIndex
    private let damage: DamageFilter
    /// All runs of the segment, in order: by stream, then block.
    private var block = 0
    private var run = 0
    private var opened: (position: Int, block: SegmentBlock, mask: RowMask)?
    private var first = Int64.min
    private var last = Int64.max
    private var hides: [LogHide] = []
    private var streamNumber: Int32 = -1

    // Rows left of the current run.
    private var times = UnsafeBufferPointer<Int64>(start: nil, count: 0)
    private var row = 0
    private var rowEnd = 0
    private let line = LineArena(capacity: 4096)
    private let metadata = LineArena(capacity: 256)

    /// Labels of the stream whose rows come next; nil at the end.
    private(set) var stream: UnsafeRawBufferPointer?
    /// Of the next row of the stream that was opened; nil behind the last.
    private(set) var time: Int64?

    init(_ segment: LogSegment, damage: @escaping (SegmentDamage) -> Void) throws {
        self.segment = segment
        self.damage = DamageFilter(damage)
        index = try segment.index()
        for one in index.damages { self.damage.report(one) }
        findStream()
    }

    private var currentRun: BlockEntry.Run? {
        while block < index.blocks.count, run >= index.blocks[block].runs.count {
            block += 1
            run = 0
        }
        return block < index.blocks.count ? index.blocks[block].runs[run] : nil
    }

    /// Finds the next run of a known stream.
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

    /// Begins reading the stream: `time` is its first row's.
    func open(first: Int64, last: Int64, hides: [LogHide]) throws {
        self.first = first
        self.last = last
        self.hides = hides
        time = nil
        rowEnd = 0
        row = 0
        try nextRun()
    }

    private func nextRun() throws {
        while let next = currentRun, next.stream == streamNumber {
            let position = block
            run += 1
            if next.lastTime < first || next.firstTime > last { continue }
            do {
                let open = try self.open(position)
                times = try open.block.times()
                row = Int(next.firstRow)
                rowEnd = row + Int(next.rowCount)
                if skipHidden() { return }
            } catch let error as SegmentDamage {
                damage.report(error)
            }
        }
        time = nil
    }

    private func open(_ position: Int) throws -> (position: Int, block: SegmentBlock, mask: RowMask) {
        if let opened, opened.position == position { return opened }
        let block = SegmentBlock(segment, index, position)
        var mask = RowMask(rowCount: block.entry.rowCount)
        mask.insert(0..<block.entry.rowCount)
        // Damaged lines lose the block's rows here, once, not in the middle of a stream.
        try block.checkLines()
        for run in block.entry.runs {
            guard let labels = index.labels[Int(run.stream)] else { continue }
            let own = hides.filter { $0.overlaps(run.firstTime, through: run.lastTime) && $0.matches(labels) }
            let rows = Int(run.firstRow)..<Int(run.firstRow) + Int(run.rowCount)
            for hide in own { try hide.apply(block, rows, labels, to: &mask, damage: damage.report) }
        }
        let open = (position, block, mask)
        opened = open
        return open
    }

    /// Moves on to the first row that stays; false when there is none in the run.
    private func skipHidden() -> Bool {
        while row < rowEnd {
            if times[row] >= first, times[row] <= last, opened?.mask.contains(row) ?? false {
                time = times[row]
                return true
            }
            row += 1
        }
        return false
    }

    func advance() throws {
        row += 1
        if !skipHidden() { try nextRun() }
    }

    func appendRow(to output: LogSegmentWriter) throws {
        guard let time, let block = opened?.block else { return }
        line.clear()
        metadata.clear()
        try withUnsafePointer(to: Int32(row)) { row in
            let rows = UnsafeBufferPointer(start: row, count: 1)
            try block.readLines(rows, into: line)
            try block.readMetadata(rows, into: metadata, damage: damage.report)
        }
        try output.append(time: time, line: line[0], metadata: metadata[0])
    }

    /// Leaves what is left of the stream behind.
    func endStream() {
        while let next = currentRun, next.stream == streamNumber { run += 1 }
        findStream()
    }
}
