import Bedrock
import Model

/// Logs of which two blocks can't be read, as every selection says.
struct DamagedSource: LogSource {
    let inner: any LogSource

    func snapshot(tenant: Tenant) throws -> any LogSnapshot { Snapshot(inner: try inner.snapshot(tenant: tenant)) }

    private struct Snapshot: LogSnapshot {
        let inner: any LogSnapshot

        func select(_ request: LogRequest) throws -> any LogSelection {
            Selection(inner: try inner.select(request))
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
                matching: matching, range: range, stepNanoseconds: stepNanoseconds, limit: limit,
                cancellation: cancellation)
        }
    }

    private struct Selection: LogSelection {
        let inner: any LogSelection

        var streams: [Labels] { inner.streams }
        var partCount: Int { inner.partCount }
        func runs(_ part: Int) -> [LogRun] { inner.runs(part) }
        func open(_ part: Int) throws -> any LogBlock { try inner.open(part) }
        var statistics: LogScanStatistics {
            var statistics = inner.statistics
            statistics.damagedBlocks = 2
            return statistics
        }
    }
}
