import Bedrock
import Kernels
import Model
import Synchronization

/// Reads the spans of a metrics query once, on several threads, and counts them or computes with them by series and interval. Memory grows with
/// the answer, not with the spans.
final class MetricsScan: Sendable {
    /// What is kept of the spans of a series and an interval.
    enum Purpose: Sendable {
        case count
        case sum
        case min
        case max
        case buckets
    }

    let context: TraceQueryContext
    let plan: SpansetPlan
    let grid: IntervalGrid
    let by: [SpanField]
    let field: SpanField?
    let purpose: Purpose
    let exemplars: Int
    let seriesMax: Int
    private let selection: any SpanSelection
    private let isPlain: Bool

    init(
        _ context: TraceQueryContext, _ query: MetricsQuery, _ grid: IntervalGrid, exemplars: Int, seriesMax: Int
    ) throws {
        self.context = context
        self.grid = grid
        self.exemplars = exemplars
        self.seriesMax = seriesMax
        plan = try SpansetPlan(query.pipeline)
        by = query.by
        field = query.function.field
        purpose =
            switch query.function {
            case .rate, .count, .compare: .count
            case .min: .min
            case .max: .max
            case .avg, .sum: .sum
            case .quantile, .histogram: .buckets
            }
        var fields = plan.computed
        for field in by + (field.map { [$0] } ?? []) where !fields.contains(field) { fields.append(field) }
        if exemplars > 0, !fields.contains(.intrinsic(.traceID)) { fields.append(.intrinsic(.traceID)) }
        isPlain = plan.singleHead != nil
        let grouping: SpanRequest.Grouping =
            isPlain ? .spans : plan.needsStructure ? .wholeTraces : .matchesByTrace
        selection = try context.select(plan.filters, grid.range, grouping, fields)
    }

    func run() throws -> MetricsWorker {
        let parts = selection.partCount
        let workers = max(1, Swift.min(parts, context.pool.width * 2))
        let results = Mutex([Int: MetricsWorker]())
        try context.pool.run(workers) { [self] index in
            var worker = MetricsWorker(self)
            for part in parts * index / workers..<parts * (index + 1) / workers {
                try context.cancellation.check()
                let block = try selection.open(part)
                if block.rowCount > 0 { try worker.take(block, rows(of: block)) }
            }
            let done = worker
            results.withLock { $0[index] = done }
        }
        context.note(selection)
        let finished = results.withLock { $0 }
        guard var first = finished[0] else { return MetricsWorker(self) }
        for index in 1..<Swift.max(1, workers) { if let worker = finished[index] { try first.merge(worker) } }
        return first
    }

    /// Which rows count; nil: all.
    private func rows(of block: any SpanBlock) throws -> RowMask? {
        if let head = plan.singleHead {
            return try head.rest.map { try FieldEvaluator(block, context.cancellation).mask($0) }
        }
        context.note(traces: Swift.max(0, block.traceStarts.count - 1))
        return try SpansetEvaluation(plan, block, context.cancellation).run().rows
    }
}
