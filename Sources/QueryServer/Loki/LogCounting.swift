import Bedrock
import Model

/// Rows and bytes of streams, counted from a selection: from the directory where a run belongs to the answer whole, else from its times.
/// Lines are never read; the bytes of a run that counts in part are apportioned by rows.
struct LogCounting {
    struct Count {
        var rows = 0
        var bytes = 0.0
    }

    /// By stream, then by step.
    private(set) var counts: [[Count]]
    private(set) var parts = 0
    private let range: LogTimeRange
    private let step: Int64

    /// - Parameter step: nanoseconds; nil: the whole range is one.
    init(_ selection: any LogSelection, range: LogTimeRange, step: Int64?, _ cancellation: Cancellation) throws {
        self.range = range
        self.step = step ?? Int64.max
        let (length, overflows) = range.end.subtractingReportingOverflow(range.start)
        let steps = step.map { overflows ? 1 : Int((length - 1) / $0) + 1 } ?? 1
        counts = Array(repeating: Array(repeating: Count(), count: steps), count: selection.streams.count)
        for part in 0..<selection.partCount {
            try cancellation.check()
            let runs = selection.runs(part)
            if !runs.isEmpty { parts += 1 }
            var block: (any LogBlock)?
            for run in runs {
                if run.isExact, index(run.firstTime) == index(run.lastTime) {
                    add(run.stream, index(run.firstTime), rows: run.rows.count, bytes: Double(run.lineBytes))
                } else {
                    let opened = try block ?? selection.open(part)
                    block = opened
                    try count(run, in: opened)
                }
            }
        }
    }

    func total(_ stream: Int) -> Count {
        counts[stream].reduce(into: Count()) {
            $0.rows += $1.rows
            $0.bytes += $1.bytes
        }
    }

    private func index(_ time: Int64) -> Int {
        let distance = max(time, range.start).subtractingReportingOverflow(range.start)
        guard !distance.overflow, step != .max else { return 0 }
        return min(Int(distance.partialValue / step), max(0, (counts.first?.count ?? 1) - 1))
    }

    private mutating func add(_ stream: Int, _ index: Int, rows: Int, bytes: Double) {
        counts[stream][index].rows += rows
        counts[stream][index].bytes += bytes
    }

    private mutating func count(_ run: LogRun, in block: any LogBlock) throws {
        let matching = try block.matchingRows()
        if matching.isEmpty { return }
        let times = try block.times()
        let bytesPerRow = run.rows.isEmpty ? 0 : Double(run.lineBytes) / Double(run.rows.count)
        var low = 0
        var high = matching.count
        while low < high {
            let middle = (low + high) / 2
            if Int(matching[middle]) < run.rows.lowerBound { low = middle + 1 } else { high = middle }
        }
        while low < matching.count, Int(matching[low]) < run.rows.upperBound {
            add(run.stream, index(times[Int(matching[low])]), rows: 1, bytes: bytesPerRow)
            low += 1
        }
    }
}
