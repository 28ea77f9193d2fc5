import Bedrock
import Kernels
import Model
import Synchronization

/// Reads the rows of all windows of a range aggregation, on several threads, and counts them or gathers their numbers by series.
final class RangeScan: Sendable {
    /// What is made of the rows.
    enum Purpose: Sendable {
        case rows
        case bytes
        /// Of `unwrap`.
        case samples
    }

    struct Found {
        /// Labels by series number.
        let labels: [Labels]
        let tally: WindowTally
        let samples: SampleTable
    }

    let context: LogQueryContext
    let windows: WindowGrid
    let purpose: Purpose
    let key: SeriesKey
    let selection: any LogSelection
    let plan: LogPipelinePlan
    /// No stage is left: what the source hands out counts.
    let countsAll: Bool
    let needsLines: Bool
    /// Series of each stream's own labels, numbered in `streamTable`.
    let seriesOfStream: [Int32]
    /// Metadata can't change the series of its rows.
    let isDecided: [Bool]
    private let streamLabels: [Labels]

    init(
        _ context: LogQueryContext, _ query: LogQuery, _ windows: WindowGrid, _ purpose: Purpose, _ key: SeriesKey
    ) throws {
        self.context = context
        self.windows = windows
        self.purpose = purpose
        self.key = key
        let pushdown = try Pushdown(query)
        plan = try LogPipelinePlan(pushdown.stages, wanted: key.wanted, needsErrors: true, clock: context.clock)
        countsAll = pushdown.stages.isEmpty
        needsLines = pushdown.needsLines || purpose == .bytes
        let selection = try context.select(pushdown, windows.covered)
        self.selection = selection
        var table = LabelTable()
        var projection = key.projection
        var numbers: [Int32] = []
        var decided: [Bool] = []
        for stream in selection.streams {
            numbers.append(Int32(projection.withProjection(stream) { table.number(ofCanonical: $0) }))
            decided.append(key.isDecided(by: stream))
        }
        seriesOfStream = numbers
        isDecided = decided
        streamLabels = table.sets
    }

    func run() throws -> Found {
        let parts = selection.partCount
        let workers = max(1, min(parts, context.pool.width * 2))
        let results = Mutex([Int: RangeWorker]())
        try context.pool.run(workers) { [self] index in
            let worker = RangeWorker(self)
            for part in parts * index / workers..<parts * (index + 1) / workers {
                try context.cancellation.check()
                try worker.scan(part)
            }
            results.withLock { $0[index] = worker }
        }
        context.note(selection)
        let finished = results.withLock { $0 }
        var table = LabelTable(capacity: streamLabels.count)
        for labels in streamLabels { _ = table.number(of: labels) }
        let tally = WindowTally(
            windows: windows.count, countsBytes: purpose == .bytes, budget: context.budget)
        let samples = SampleTable(budget: context.budget)
        for index in 0..<workers {
            guard let worker = finished[index] else { continue }
            let extra = worker.table.sets.map { table.number(of: $0) }
            let map = { [count = streamLabels.count] (number: Int) in number < count ? number : extra[number - count] }
            try tally.merge(worker.tally, map)
            try samples.merge(worker.samples, map)
        }
        samples.sort()
        return Found(labels: table.sets, tally: tally, samples: samples)
    }

    var streamSeriesCount: Int { streamLabels.count }
}

/// One thread's part of a scan. Unchecked: made and used by one thread, then read by the one that waited for it.
final class RangeWorker: @unchecked Sendable {
    private static let batchRows = 1024

    let tally: WindowTally
    let samples: SampleTable
    /// Series that no stream's own labels name; numbered behind those that they do.
    private(set) var table = LabelTable()
    private let scan: RangeScan
    private let pipeline: LogPipeline
    private var projection: LabelProjection
    private let lines = LineArena()
    private var lengths: ContiguousArray<Int> = []
    private let metadata = LineArena()
    private var labels = ByteBuffer(capacity: 512)

    init(_ scan: RangeScan) {
        self.scan = scan
        tally = WindowTally(
            windows: scan.windows.count, countsBytes: scan.purpose == .bytes, budget: scan.context.budget)
        samples = SampleTable(budget: scan.context.budget)
        pipeline = LogPipeline(scan.plan)
        projection = scan.key.projection
    }

    func scan(_ part: Int) throws {
        var open: [LogRun] = []
        for run in scan.selection.runs(part) where try !countWhole(run) { open.append(run) }
        if open.isEmpty { return }
        let block = try scan.selection.open(part)
        let rows = try block.matchingRows()
        if rows.isEmpty { return }
        let times = try block.times()
        for run in open {
            let lower = Self.lowerBound(rows, run.rows.lowerBound)
            let upper = Self.lowerBound(rows, run.rows.upperBound)
            guard lower < upper else { continue }
            let matching = UnsafeBufferPointer(rebasing: rows[lower..<upper])
            if scan.countsAll && scan.purpose != .samples && (!block.hasMetadata || scan.isDecided[run.stream]) {
                try count(run, matching, times, block)
            } else {
                try process(run, matching, times, block)
            }
        }
        try samples.settle()
    }

    /// Counts a run by what the directory says of it, if that is enough.
    private func countWhole(_ run: LogRun) throws -> Bool {
        guard scan.countsAll, scan.purpose != .samples, run.isExact, !run.hasMetadata || scan.isDecided[run.stream]
        else { return false }
        let (held, through) = scan.windows.windows(holding: run.firstTime)
        guard run.lastTime <= through else { return false }
        try tally.add(Int(scan.seriesOfStream[run.stream]), held, rows: run.rows.count, bytes: run.lineBytes)
        return true
    }

    /// Counts rows that name no series of their own.
    private func count(
        _ run: LogRun, _ rows: UnsafeBufferPointer<Int32>, _ times: UnsafeBufferPointer<Int64>, _ block: any LogBlock
    ) throws {
        let series = Int(scan.seriesOfStream[run.stream])
        if scan.purpose == .bytes {
            lengths.removeAll(keepingCapacity: true)
            try block.readLineLengths(rows, into: &lengths)
        }
        var at = 0
        while at < rows.count {
            let start = at
            let (held, through) = scan.windows.windows(holding: times[Int(rows[at])])
            while at < rows.count, times[Int(rows[at])] <= through { at += 1 }
            // The first row is always held by its own windows.
            at = max(at, start + 1)
            let bytes = scan.purpose == .bytes ? lengths[start..<at].reduce(0, +) : 0
            try tally.add(series, held, rows: at - start, bytes: bytes)
        }
    }

    /// Takes rows through the pipeline.
    private func process(
        _ run: LogRun, _ rows: UnsafeBufferPointer<Int32>, _ times: UnsafeBufferPointer<Int64>, _ block: any LogBlock
    ) throws {
        scan.selection.streams[run.stream].storage.withUnsafeBytes { pipeline.setStream($0) }
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        var start = 0
        while start < rows.count {
            let batch = UnsafeBufferPointer(rebasing: rows[start..<min(rows.count, start + Self.batchRows)])
            start += batch.count
            try scan.context.cancellation.check()
            lines.clear()
            metadata.clear()
            if scan.needsLines { try block.readLines(batch, into: lines) }
            if block.hasMetadata { try block.readMetadata(batch, into: metadata) }
            for (index, row) in batch.enumerated() {
                let time = times[Int(row)]
                let isKept = pipeline.process(
                    timestamp: time, line: scan.needsLines ? lines[index] : empty,
                    metadata: block.hasMetadata ? metadata[index] : empty)
                if isKept { try take(time) }
            }
        }
    }

    /// Takes the row that came out of the pipeline.
    private func take(_ time: Int64) throws {
        if let error = pipeline.error { throw failure(error) }
        labels.clear()
        pipeline.appendLabels(.all, to: &labels)
        let series: Int
        switch scan.key {
        case .all: series = table.number(ofCanonical: labels.bytes)
        default: series = projection.withProjection(canonical: labels.bytes) { table.number(ofCanonical: $0) }
        }
        let number = scan.streamSeriesCount + series
        if scan.purpose == .samples {
            samples.add(number, time, Absent.guarded(pipeline.sample ?? 0))
        } else {
            let bytes = scan.purpose == .bytes ? pipeline.line.count : 0
            try tally.add(number, scan.windows.windows(holding: time).windows, rows: 1, bytes: bytes)
        }
    }

    private func failure(_ error: PipelineErrorKind) -> LogQLQueryError {
        var parts: [String] = []
        pipeline.forEachLabel { name, value, _ in
            parts.append(String(decoding: name, as: UTF8.self) + "=" + quoted(String(decoding: value, as: UTF8.self)))
        }
        let series = "{" + parts.joined(separator: ", ") + "}"
        return .execution(
            """
            pipeline error: '\(error.text)' for series: '\(series)'.
            Use a label filter to intentionally skip this error. (e.g | __error__!="\(error.text)").
            To skip all potential errors you can match empty errors.(e.g __error__="")
            The label filter can also be specified after unwrap. (e.g | unwrap latency | __error__="" )

            """
        )
    }

    /// The first of `rows`, ascending, that is at least `row`.
    private static func lowerBound(_ rows: UnsafeBufferPointer<Int32>, _ row: Int) -> Int {
        var lower = 0
        var upper = rows.count
        while lower < upper {
            let middle = (lower + upper) / 2
            if Int(rows[middle]) < row { lower = middle + 1 } else { upper = middle }
        }
        return lower
    }
}
