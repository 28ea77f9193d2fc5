import Bedrock
import Model
import Synchronization

/// Passes everything on and counts what is read.
final class CountingSource: LogSource {
    struct Counts {
        var opened = 0
        var lines = 0
        var times = 0
    }

    private let inner: any LogSource
    private let sum = Mutex(Counts())

    init(_ inner: any LogSource) { self.inner = inner }

    var counts: Counts { sum.withLock { $0 } }
    func note(_ change: (inout Counts) -> Void) { sum.withLock { change(&$0) } }

    func snapshot(tenant: Tenant) throws -> any LogSnapshot {
        CountingSnapshot(inner: try inner.snapshot(tenant: tenant), source: self)
    }
}

private struct CountingSnapshot: LogSnapshot {
    let inner: any LogSnapshot
    let source: CountingSource

    func select(_ request: LogRequest) throws -> any LogSelection {
        CountingSelection(inner: try inner.select(request), source: source)
    }

    func labelNames(matching: [[Matcher]], range: LogTimeRange, cancellation: Cancellation) throws -> [String] {
        try inner.labelNames(matching: matching, range: range, cancellation: cancellation)
    }

    func labelValues(
        _ name: String, matching: [[Matcher]], range: LogTimeRange, cancellation: Cancellation
    ) throws -> [String] {
        try inner.labelValues(name, matching: matching, range: range, cancellation: cancellation)
    }

    func streams(matching: [[Matcher]], range: LogTimeRange, cancellation: Cancellation) throws -> [Labels] {
        try inner.streams(matching: matching, range: range, cancellation: cancellation)
    }

    func patterns(
        matching: [Matcher], range: LogTimeRange, stepNanoseconds: Int64, limit: Int, cancellation: Cancellation
    ) throws -> [LogPattern] {
        try inner.patterns(
            matching: matching, range: range, stepNanoseconds: stepNanoseconds, limit: limit, cancellation: cancellation
        )
    }
}

private struct CountingSelection: LogSelection {
    let inner: any LogSelection
    let source: CountingSource

    var streams: [Labels] { inner.streams }
    var partCount: Int { inner.partCount }
    func runs(_ part: Int) -> [LogRun] { inner.runs(part) }
    var statistics: LogScanStatistics { inner.statistics }

    func open(_ part: Int) throws -> any LogBlock {
        source.note { $0.opened += 1 }
        return CountingBlock(try inner.open(part), source)
    }
}

private final class CountingBlock: LogBlock {
    let inner: any LogBlock
    let source: CountingSource

    init(_ inner: any LogBlock, _ source: CountingSource) {
        self.inner = inner
        self.source = source
    }

    var runs: [LogRun] { inner.runs }
    var hasMetadata: Bool { inner.hasMetadata }
    func matchingRows() throws -> UnsafeBufferPointer<Int32> { try inner.matchingRows() }

    func times() throws -> UnsafeBufferPointer<Int64> {
        source.note { $0.times += 1 }
        return try inner.times()
    }

    func readLines(_ rows: UnsafeBufferPointer<Int32>, into lines: LineArena) throws {
        source.note { $0.lines += rows.count }
        try inner.readLines(rows, into: lines)
    }

    func readLineLengths(_ rows: UnsafeBufferPointer<Int32>, into lengths: inout ContiguousArray<Int>) throws {
        try inner.readLineLengths(rows, into: &lengths)
    }

    func readMetadata(_ rows: UnsafeBufferPointer<Int32>, into metadata: LineArena) throws {
        try inner.readMetadata(rows, into: metadata)
    }
}
