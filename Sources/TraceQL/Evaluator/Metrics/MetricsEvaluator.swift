import Bedrock
import Model

/// A series of an evaluation: one value for each interval, NaN for none.
struct IntervalSeries {
    var labels: [TraceQLLabel]
    var values: [Double]
    var exemplars: [TraceQLExemplar] = []
}

/// Evaluates expressions that give series. One thread's.
struct MetricsEvaluator {
    enum Value {
        case number(Double)
        case series([IntervalSeries])
    }

    let context: TraceQueryContext
    let grid: IntervalGrid
    let exemplars: Int
    let seriesMax: Int
    let attributesMax: Int

    init(_ context: TraceQueryContext, _ grid: IntervalGrid, exemplars: Int, seriesMax: Int, attributesMax: Int) {
        self.context = context
        self.grid = grid
        self.exemplars = exemplars
        self.seriesMax = seriesMax
        self.attributesMax = attributesMax
    }

    func result(_ expr: MetricsExpr) throws -> TraceQLMetricsResult {
        guard case .series(let found) = try value(expr) else {
            throw TraceQLQueryError.execution("a number is no series")
        }
        let series = found.sorted { labelsPrecede($0.labels, $1.labels) }.compactMap(output)
        return TraceQLMetricsResult(
            series: series, inspectedTraces: context.inspectedTraces, statistics: context.statistics)
    }

    /// Without the intervals that have no value; nil where none has.
    private func output(_ series: IntervalSeries) -> TraceQLSeries? {
        var result = TraceQLSeries(labels: series.labels, timestamps: [], values: [])
        for (interval, value) in series.values.enumerated() where !value.isNaN {
            result.timestamps.append(grid.end(interval))
            result.values.append(value)
        }
        if result.values.isEmpty { return nil }
        result.exemplars = series.exemplars.compactMap { exemplar in
            var placed = exemplar
            let interval = grid.index(exemplar.timestamp)
            if placed.value.isNaN { placed.value = interval < 0 ? .nan : series.values[interval] }
            return placed.value.isNaN ? nil : placed
        }
        return result
    }

    private func value(_ expr: MetricsExpr) throws -> Value {
        try context.cancellation.check()
        switch expr {
        case .number(let number): return .number(number)
        case .query(let query):
            if case .compare(let comparison) = query.function {
                return .series(
                    try ComparisonScan(context, query, comparison, grid, attributesMax: attributesMax).run())
            }
            return .series(try series(query))
        case .binary(let op, let a, let b): return try SeriesArithmetic.combine(op, value(a), value(b), grid.count)
        case .filter(let operand, let comparison, let wanted):
            let bound: Double
            switch wanted {
            case .duration(let nanoseconds): bound = Double(nanoseconds) / 1e9
            case .float(let number): bound = number
            case .int(let number): bound = Double(number)
            default: throw TraceQLQueryError.execution("\(wanted) is no number")
            }
            guard case .series(var series) = try value(operand) else { return .series([]) }
            for place in series.indices {
                for interval in 0..<grid.count where !comparison.holds(series[place].values[interval], bound) {
                    series[place].values[interval] = .nan
                }
            }
            return .series(series)
        case .rank(let operand, let isTop, let count):
            guard case .series(let series) = try value(operand) else { return .series([]) }
            return .series(SeriesRanking.ranked(series, isTop: isTop, count, intervals: grid.count))
        }
    }

    // MARK: Functions

    private func series(_ query: MetricsQuery) throws -> [IntervalSeries] {
        let scan = try MetricsScan(context, query, grid, exemplars: exemplars, seriesMax: seriesMax)
        let found = try scan.run()
        switch query.function {
        case .quantile(_, let quantiles): return self.quantiles(query, quantiles, found)
        case .histogram:
            return (0..<found.seriesCount).map { number in
                var tuple = found.table.tuple(number)
                var labels: [TraceQLLabel] = []
                if case .int(let bucket)? = tuple.popLast() {
                    labels = [TraceQLLabel("__bucket", .float(ValueBucket.bound(bucket)))]
                }
                return IntervalSeries(
                    labels: self.labels(query, tuple) + labels, values: values(query, found, number),
                    exemplars: found.exemplars(number))
            }
        default:
            // What is counted without groups is counted even if it is nothing.
            let countsAlways = query.by.isEmpty && scan.purpose == .count
            if countsAlways && found.seriesCount == 0 {
                return [
                    IntervalSeries(
                        labels: labels(query, []), values: [Double](repeating: 0, count: grid.count))
                ]
            }
            return (0..<found.seriesCount).map { number in
                IntervalSeries(
                    labels: labels(query, found.table.tuple(number)), values: values(query, found, number),
                    exemplars: found.exemplars(number))
            }
        }
    }

    private func labels(_ query: MetricsQuery, _ tuple: [SpanValue]) -> [TraceQLLabel] {
        if query.by.isEmpty {
            switch query.function {
            case .quantile, .histogram: return []
            default: return [TraceQLLabel("__name__", .string(query.function.name))]
            }
        }
        return zip(query.by, tuple).map { TraceQLLabel($0.text, $1) }
    }

    private func values(_ query: MetricsQuery, _ found: MetricsWorker, _ number: Int) -> [Double] {
        (number * grid.count..<(number + 1) * grid.count).map { place in
            let count = found.counts[place]
            switch query.function {
            case .rate: return Double(count) * 1e9 / Double(grid.step)
            case .count, .histogram, .compare, .quantile: return Double(count)
            case .avg: return count == 0 ? .nan : found.numbers[place] / Double(count)
            case .sum, .min, .max: return count == 0 ? .nan : found.numbers[place]
            }
        }
    }

    private func quantiles(
        _ query: MetricsQuery, _ quantiles: [Double], _ found: MetricsWorker
    ) -> [IntervalSeries] {
        var members: [[SpanValue]: [(bound: Double, number: Int)]] = [:]
        for number in 0..<found.seriesCount {
            var tuple = found.table.tuple(number)
            guard case .int(let bucket)? = tuple.popLast() else { continue }
            members[tuple, default: []].append((ValueBucket.bound(bucket), number))
        }
        var series: [IntervalSeries] = []
        for (tuple, buckets) in members {
            let sorted = buckets.sorted { $0.bound < $1.bound }
            let spread = (0..<grid.count).map { interval in
                sorted.compactMap { bucket -> (bound: Double, count: Int64)? in
                    let count = found.counts[bucket.number * grid.count + interval]
                    return count == 0 ? nil : (bucket.bound, count)
                }
            }
            // Exemplars of the buckets from the top, as they are what one looks for.
            let examples = sorted.reversed().flatMap { found.exemplars($0.number) }.prefix(exemplars)
            for quantile in quantiles {
                series.append(
                    IntervalSeries(
                        labels: labels(query, tuple) + [TraceQLLabel("p", .float(quantile))],
                        values: spread.map { ValueBucket.quantile(quantile, $0) },
                        exemplars: examples.sorted { $0.timestamp < $1.timestamp }))
            }
        }
        return series
    }
}

/// An order of label sets: names and values as they stand, values by type.
func labelsPrecede(_ a: [TraceQLLabel], _ b: [TraceQLLabel]) -> Bool {
    for (x, y) in zip(a, b) where x != y {
        if x.name != y.name { return x.name < y.name }
        if FieldArithmetic.isNumeric(x.value.type), FieldArithmetic.isNumeric(y.value.type) {
            if x.value.compares(.less, y.value) { return true }
            if y.value.compares(.less, x.value) { return false }
        }
        if case .string(let s) = x.value, case .string(let t) = y.value { return s < t }
        if x.value.type != y.value.type { return x.value.type.rawValue < y.value.type.rawValue }
        return (x.value.word ?? 0) < (y.value.word ?? 0)
    }
    return a.count < b.count
}
