import Bedrock
import Kernels
import Model
import Synchronization

/// `compare()`: how often attributes have which values, among the selected spans and among the others.
///
/// Gives series labelled `__meta_type`: `baseline` and `selection` with one attribute and its value each, `baseline_total` and `selection_total`
/// with the attribute and nil: spans that have it. An attribute with more different values than are counted gives
/// `__meta_error="__too_many_values__"` beside them.
final class ComparisonScan: Sendable {
    /// Different values of an attribute that are counted.
    static let valuesMax = 1000
    private static let topDefault = 10

    private let context: TraceQueryContext
    private let plan: SpansetPlan
    private let grid: IntervalGrid
    private let comparison: SpanComparison
    private let fields: [SpanField]
    private let selection: any SpanSelection
    /// Number of the request's filter that tells the selected spans; nil: found by `comparison.selection` itself.
    private let selectedFilter: Int?

    init(
        _ context: TraceQueryContext, _ query: MetricsQuery, _ comparison: SpanComparison, _ grid: IntervalGrid,
        attributesMax: Int
    ) throws {
        self.context = context
        self.grid = grid
        self.comparison = comparison
        plan = try SpansetPlan(query.pipeline)
        let names = try context.snapshot.attributeNames(
            scope: nil, range: grid.range, limit: attributesMax, cancellation: context.cancellation)
        let attributes = names.filter { $0.scope == .span || $0.scope == .resource }
        fields =
            [SpanIntrinsic.name, .kind, .status, .statusMessage, .rootName, .rootServiceName].map { .intrinsic($0) }
            + attributes.map { .attribute($0.scope, $0.name) }
        var wanted = plan.computed
        for field in fields where !wanted.contains(field) { wanted.append(field) }
        let selected = try FieldFilter(comparison.selection)
        if let head = plan.singleHead, selected.isExact {
            selectedFilter = 1
            selection = try context.select(
                [head.filter, .all([head.filter, selected.filter])], grid.range, .spans, wanted)
            return
        }
        selectedFilter = nil
        comparison.selection?.forEachField { if !wanted.contains($0) { wanted.append($0) } }
        selection = try context.select(
            plan.filters, grid.range,
            plan.singleHead != nil ? .spans : plan.needsStructure ? .wholeTraces : .matchesByTrace, wanted)
    }

    func run() throws -> [IntervalSeries] {
        let parts = selection.partCount
        let workers = max(1, min(parts, context.pool.width))
        let results = Mutex([Int: [AttributeCounts]]())
        try context.pool.run(workers) { [self] index in
            var counts = fields.map { _ in AttributeCounts(intervals: grid.count) }
            for part in parts * index / workers..<parts * (index + 1) / workers {
                try context.cancellation.check()
                let block = try selection.open(part)
                if block.rowCount > 0 { try take(block, &counts) }
            }
            let done = counts
            results.withLock { $0[index] = done }
        }
        context.note(selection)
        let finished = results.withLock { $0 }
        var counts = finished[0] ?? []
        for index in 1..<max(1, workers) {
            for (place, other) in (finished[index] ?? []).enumerated() { counts[place].merge(other) }
        }
        return zip(fields, counts).flatMap { series($0, $1) }
    }

    private func take(_ block: any SpanBlock, _ counts: inout [AttributeCounts]) throws {
        let evaluator = FieldEvaluator(block, context.cancellation)
        var mask = RowMask(repeating: 1, count: block.rowCount)
        if let head = plan.singleHead {
            if let rest = head.rest { mask = try evaluator.mask(rest) }
        } else {
            mask = try SpansetEvaluation(plan, block, context.cancellation).run().rows
        }
        var selected = RowMask(repeating: 1, count: block.rowCount)
        if let selectedFilter {
            selected = RowMask(try block.passes(selectedFilter))
        } else if let condition = comparison.selection {
            selected = try evaluator.mask(condition)
        }
        let starts = try block.starts()
        let intervals = (0..<block.rowCount).map { mask[$0] == 1 ? grid.index(starts[$0]) : -1 }
        if let window = comparison.window {
            for row in 0..<block.rowCount where starts[row] < window.start || starts[row] >= window.end {
                selected[row] = 0
            }
        }
        for (place, field) in fields.enumerated() {
            try context.cancellation.check()
            counts[place].add(try block.column(field), intervals, selected)
        }
    }

    private func series(_ field: SpanField, _ counts: AttributeCounts) -> [IntervalSeries] {
        var found: [IntervalSeries] = []
        for (side, name) in [(0, "baseline"), (1, "selection")] {
            let totals = counts.totals[side]
            if !totals.contains(where: { $0 > 0 }) { continue }
            for (value, number) in counts.top(comparison.top ?? Self.topDefault, side: side) {
                found.append(
                    IntervalSeries(
                        labels: [TraceQLLabel("__meta_type", .string(name)), TraceQLLabel(field.text, value)],
                        values: counts.values(number, side: side).map(Double.init)))
            }
            found.append(
                IntervalSeries(
                    labels: [TraceQLLabel("__meta_type", .string(name + "_total")), TraceQLLabel(field.text, .nil)],
                    values: totals.map(Double.init)))
        }
        if counts.isFull {
            found.append(
                IntervalSeries(
                    labels: [
                        TraceQLLabel("__meta_error", .string("__too_many_values__")), TraceQLLabel(field.text, .nil),
                    ], values: [Double](repeating: 0, count: grid.count)))
        }
        return found
    }
}

/// Counts of the values of one attribute, of both sides: 0 the others, 1 the selected spans.
private struct AttributeCounts: Sendable {
    private let intervals: Int
    private var numbers: [SpanValue: Int] = [:]
    private var values: [SpanValue] = []
    /// By value, side and interval.
    private var counts: ContiguousArray<Int64> = []
    /// By side and interval.
    private(set) var totals: [[Int64]]
    /// Values were left out.
    private(set) var isFull = false

    init(intervals: Int) {
        self.intervals = intervals
        totals = [[Int64]](repeating: [Int64](repeating: 0, count: intervals), count: 2)
    }

    /// - Parameter ofRow: interval of each row; -1: it doesn't count.
    mutating func add(_ column: SpanColumn, _ ofRow: [Int], _ selected: RowMask) {
        var texts = ContiguousArray<Int32>(repeating: -1, count: column.texts.count)
        for row in ofRow.indices where ofRow[row] >= 0 {
            let range = column.values(ofRow: row)
            guard let index = range.first, column.types[index] != SpanValueType.nil.rawValue else { continue }
            let side = Int(selected[row])
            totals[side][ofRow[row]] += 1
            let isText = column.types[index] == SpanValueType.string.rawValue
            let word = Int(truncatingIfNeeded: column.words[index])
            var number = isText ? Int(texts[word]) : -1
            if number < 0 { number = self.number(column.value(index)) ?? -1 }
            if number < 0 { continue }
            if isText { texts[word] = Int32(number) }
            counts[(number * 2 + side) * intervals + ofRow[row]] += 1
        }
    }

    private mutating func number(_ value: SpanValue) -> Int? {
        if case .float(let number) = value, number.isNaN { return nil }
        if let known = numbers[value] { return known }
        guard values.count < ComparisonScan.valuesMax else {
            isFull = true
            return nil
        }
        let number = values.count
        numbers[value] = number
        values.append(value)
        counts.append(contentsOf: repeatElement(0, count: 2 * intervals))
        return number
    }

    mutating func merge(_ other: AttributeCounts) {
        isFull = isFull || other.isFull
        for side in 0..<2 { for interval in 0..<intervals { totals[side][interval] += other.totals[side][interval] } }
        for (theirs, value) in other.values.enumerated() {
            guard let ours = number(value) else { continue }
            for place in 0..<2 * intervals {
                counts[ours * 2 * intervals + place] += other.counts[theirs * 2 * intervals + place]
            }
        }
    }

    func values(_ number: Int, side: Int) -> ArraySlice<Int64> {
        ArraySlice(counts[(number * 2 + side) * intervals..<(number * 2 + side + 1) * intervals])
    }

    /// The most frequent values of a side, of equally frequent ones those that come first in order.
    func top(_ count: Int, side: Int) -> [(value: SpanValue, number: Int)] {
        let sums = values.indices.map { values($0, side: side).reduce(0, +) }
        let present = values.indices.filter { sums[$0] > 0 }
        let sorted = present.sorted { a, b in
            if sums[a] != sums[b] { return sums[a] > sums[b] }
            return labelsPrecede([TraceQLLabel("", values[a])], [TraceQLLabel("", values[b])])
        }
        return sorted.prefix(count).map { (values[$0], $0) }
    }
}
