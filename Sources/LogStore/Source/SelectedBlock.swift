import Bedrock
import LSM
import Model

/// A part of a selection, open. One thread at a time.
final class SelectedBlock<Storage: LogPartStorage>: LogBlock {
    private let part: SelectionPart
    private let selection: StoreSelection
    private let storage: Storage
    private var matching: UnsafeMutableBufferPointer<Int32>?
    private var isCharged = false

    init(_ part: SelectionPart, _ selection: StoreSelection, _ storage: Storage) {
        self.part = part
        self.selection = selection
        self.storage = storage
    }

    deinit { matching?.deallocate() }

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

    func matchingRows() throws -> UnsafeBufferPointer<Int32> {
        if let matching { return UnsafeBufferPointer(matching) }
        try charge()
        var rows: ContiguousArray<Int32> = []
        do { rows = try matchingMask().rows } catch let error as SegmentDamage {
            // What can't be judged is not served.
            selection.report(error)
            selection.counters.add(damaged: 1)
        }
        let kept = UnsafeMutableBufferPointer<Int32>.allocate(capacity: rows.count)
        _ = kept.initialize(from: rows)
        matching = kept
        return UnsafeBufferPointer(kept)
    }

    private func matchingMask() throws -> RowMask {
        var mask = RowMask(rowCount: storage.rowCount)
        for run in part.runs { mask.insert(try clipped(run)) }
        let metadata = selection.request.metadataMatchers
        if !metadata.isEmpty || !part.hides.isEmpty {
            let predicate = LogPredicate(metadata: metadata)
            for (position, run) in part.runs.enumerated() {
                var own = RowMask(rowCount: storage.rowCount)
                for row in run.rows where mask.contains(row) { own.insert(row) }
                let before = own
                try selection.streams[run.stream].storage.withUnsafeBytes { labels in
                    try predicate.filterMetadata(storage, labels, &own)
                    for hide in part.hides[position] ?? [] {
                        try hide.apply(storage, run.rows, labels, to: &own, damage: selection.report)
                    }
                }
                var gone = before
                gone.subtract(own)
                mask.subtract(gone)
            }
        }
        try storage.filter(selection.request.filters, &mask)
        return mask
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
        return try storage.times()
    }

    func readLines(_ rows: UnsafeBufferPointer<Int32>, into lines: LineArena) throws {
        try storage.readLines(rows, into: lines)
    }

    func readMetadata(_ rows: UnsafeBufferPointer<Int32>, into metadata: LineArena) throws {
        try storage.readMetadata(rows, into: metadata, damage: selection.report)
    }
}
