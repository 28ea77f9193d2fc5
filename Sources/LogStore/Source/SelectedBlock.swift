import Bedrock
import Columns
import LSM
import Model

/// A part of a selection, open. One thread at a time.
final class SelectedBlock<Storage: LogPartStorage>: LogBlock {
    private let part: SelectionPart
    private let selection: StoreSelection
    let storage: Storage
    private var matching: UnsafeMutableBufferPointer<Int32>?
    private var isCharged = false
    /// Bytes that the statistics have.
    private var told = 0
    /// In the place of times that are damaged.
    private var replaced: UnsafeMutableBufferPointer<Int64>?

    init(_ part: SelectionPart, _ selection: StoreSelection, _ storage: Storage) {
        self.part = part
        self.selection = selection
        self.storage = storage
    }

    deinit {
        matching?.deallocate()
        replaced?.deallocate()
    }

    var runs: [LogRun] { part.runs }
    var hasMetadata: Bool { storage.hasMetadata }

    /// Once per part: its rows, before any of them is decoded.
    private func charge() throws {
        guard !isCharged else { return }
        isCharged = true
        let rows = part.runs.reduce(0) { $0 + $1.rows.count }
        try selection.request.budget.charge(rows)
        selection.counters.add(rows: rows)
    }

    /// Tells the statistics what was decoded since the last time.
    private func tell() {
        let now = storage.bytesDecoded
        if now > told { selection.counters.add(bytes: now - told) }
        told = now
    }

    func matchingRows() throws -> UnsafeBufferPointer<Int32> {
        if let matching { return UnsafeBufferPointer(matching) }
        try charge()
        defer { tell() }
        var rows: ContiguousArray<Int32> = []
        do {
            try matchingSet().appendRows(to: &rows)
            // Whoever gets rows asks for their times and lines: damage must show before.
            if !rows.isEmpty { try storage.check() }
        } catch let error as SegmentDamage {
            // What can't be judged or read is not served.
            rows.removeAll()
            selection.report(error)
            selection.counters.add(damaged: 1)
        }
        let kept = UnsafeMutableBufferPointer<Int32>.allocate(capacity: rows.count)
        _ = kept.initialize(from: rows)
        matching = kept
        return UnsafeBufferPointer(kept)
    }

    private func matchingSet() throws -> RowSet {
        var set = RowSet(rowCount: storage.rowCount, all: false)
        // Before times are read to clip the runs.
        guard storage.mayPass(selection.request.filters) else { return set }
        for run in part.runs { set.insert(try clipped(run)) }
        let predicate = LogPredicate(metadata: selection.request.metadataMatchers)
        if !predicate.isEmpty || !part.hides.isEmpty {
            for (position, run) in part.runs.enumerated() {
                let hides = part.hides[position] ?? []
                if predicate.isEmpty && hides.isEmpty { continue }
                var own = RowSet(rowCount: storage.rowCount, all: false)
                own.insert(run.rows)
                own.formIntersection(set)
                for row in run.rows { set.remove(row) }
                try selection.streams[run.stream].storage.withUnsafeBytes { labels in
                    try predicate.filterMetadata(storage, labels, &own)
                    for hide in hides { try hide.apply(storage, run.rows, labels, to: &own) }
                }
                own.forEach { set.insert($0) }
            }
        }
        try storage.filterRequested(selection.request.filters, part.verdicts, &set)
        return set
    }

    /// Rows of a run within the request's range. Times of a run ascend.
    private func clipped(_ run: LogRun) throws -> Range<Int> {
        if run.firstTime >= selection.first && run.lastTime <= selection.last { return run.rows }
        let times = try storage.times()
        func lowerBound(_ isBefore: (Int64) -> Bool) -> Int {
            var low = run.rows.lowerBound
            var high = run.rows.upperBound
            while low < high {
                let middle = (low + high) >> 1
                if isBefore(times[middle]) { low = middle + 1 } else { high = middle }
            }
            return low
        }
        let start = lowerBound { $0 < selection.first }
        return start..<max(start, lowerBound { $0 <= selection.last })
    }

    func times() throws -> UnsafeBufferPointer<Int64> {
        try charge()
        if let replaced { return UnsafeBufferPointer(replaced) }
        defer { tell() }
        do { return try storage.times() } catch let error as SegmentDamage {
            // Its rows are not served; times before every range are in nobody's answer.
            selection.report(error)
            let times = UnsafeMutableBufferPointer<Int64>.allocate(capacity: storage.rowCount)
            times.initialize(repeating: .min)
            replaced = times
            return UnsafeBufferPointer(times)
        }
    }

    func readLines(_ rows: UnsafeBufferPointer<Int32>, into lines: LineArena) throws {
        if rows.isEmpty { return }
        defer { tell() }
        try storage.readLines(rows, into: lines)
    }

    func readLineLengths(_ rows: UnsafeBufferPointer<Int32>, into lengths: inout ContiguousArray<Int>) throws {
        if rows.isEmpty { return }
        defer { tell() }
        try storage.readLineLengths(rows, into: &lengths)
    }

    func readMetadata(_ rows: UnsafeBufferPointer<Int32>, into metadata: LineArena) throws {
        if rows.isEmpty { return }
        defer { tell() }
        try storage.readMetadata(rows, into: metadata, damage: selection.report)
    }
}
