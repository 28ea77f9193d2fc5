import Bedrock
import Model

/// The limits of the trace APIs.
public struct TraceQueryOptions: Sendable {
    /// Bytes of a trace that are read to be shown.
    public var traceBytesMax = 256 << 20
    /// Different values of a field that are listed.
    public var valuesMax = 10_000
    /// Spans one query may look at.
    public var spansMax = 500_000_000
    /// Traces a search may give.
    public var tracesMax = 5_000

    public init() {}
}

/// A trace, and whether that is all of it.
struct FetchedTrace {
    let batch: SpanBatch
    let isWhole: Bool
}

/// Reads traces for the APIs, all from one snapshot.
struct TraceFetch {
    private let snapshot: any SpanSnapshot
    private let cancellation: Cancellation
    private let options: TraceQueryOptions

    init(_ spans: any SpanSource, _ call: QueryCall, _ options: TraceQueryOptions) throws {
        snapshot = try spans.snapshot(tenant: call.tenant)
        cancellation = call.cancellation
        self.options = options
    }

    /// A trace, or nil when there is none.
    /// - Parameter range: where the caller thinks that it lies.
    func trace(_ id: TraceID, _ range: SpanTimeRange) throws -> FetchedTrace? {
        let batch = SpanBatch()
        let isWhole = try snapshot.trace(
            id, range: range, into: batch, bytesMax: options.traceBytesMax, cancellation: cancellation)
        return batch.isEmpty ? nil : FetchedTrace(batch: batch, isWhole: isWhole)
    }

    /// Ids of traces that have a span which passes, newest parts of the store first.
    func newest(_ filter: SpanFilter, range: SpanTimeRange, limit: Int) throws -> [TraceID] {
        let selection = try snapshot.select(
            SpanRequest(
                filters: [filter], range: range, grouping: .matchesByTrace,
                budget: QueryBudget(samplesMax: options.spansMax), cancellation: cancellation))
        var found: [TraceID] = []
        for part in 0..<selection.partCount where found.count < limit {
            let block = try selection.open(part)
            var candidates: [(start: Int64, id: TraceID)] = []
            for trace in block.traceStarts.indices.dropLast() {
                let summary = try block.summary(trace)
                candidates.append((summary.start, summary.id))
            }
            candidates.sort { $0.start > $1.start }
            found += candidates.prefix(limit - found.count).map(\.id)
        }
        return found
    }
}
