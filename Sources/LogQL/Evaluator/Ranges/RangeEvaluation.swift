import Kernels
import Model

extension MetricEvaluator {
    /// - Parameter sum: the grouping of a `sum` around it that is done while rows are counted.
    func ranged(_ node: RangeAggregation, summedBy sum: MetricGrouping? = nil) throws -> StepVector {
        let windows = grid.windows(range: node.range, offset: node.offset)
        let hasUnwrap = node.query.unwrap != nil
        let seconds = Double(node.range) / 1e9
        let key = SeriesKey(sum ?? node.grouping)
        switch node.operation {
        case .countOverTime: return try counted(node, windows, .rows, key, divisor: 1)
        case .rate where !hasUnwrap: return try counted(node, windows, .rows, key, divisor: seconds)
        case .bytesOverTime: return try counted(node, windows, .bytes, key, divisor: 1)
        case .bytesRate: return try counted(node, windows, .bytes, key, divisor: seconds)
        case .absentOverTime: return try absent(node, windows)
        default: return try sampled(node, windows, key)
        }
    }

    /// Whether the numbers of an aggregation are counts, which can be added up per group at once.
    static func isCount(_ node: RangeAggregation) -> Bool {
        switch node.operation {
        case .countOverTime, .bytesOverTime, .bytesRate: true
        case .rate: node.query.unwrap == nil
        default: false
        }
    }

    private func counted(
        _ node: RangeAggregation, _ windows: WindowGrid, _ purpose: RangeScan.Purpose, _ key: SeriesKey,
        divisor: Double
    ) throws -> StepVector {
        let found = try RangeScan(context, node.query, windows, purpose, key).run()
        let floats = try matrix(found.tally.series.count)
        var labels: [Labels] = []
        found.tally.forEach { number, rows, bytes in
            let out = floats.row(labels.count)
            for step in 0..<grid.count {
                let value = Double(purpose == .bytes ? bytes[step] : rows[step])
                out[step] = rows[step] == 0 ? Absent.value : value / divisor
            }
            labels.append(found.labels[number])
        }
        var result = StepVector(labels: labels, floats: floats)
        result.dropEmptySeries()
        return result
    }

    /// 1 at the steps whose window has no row.
    private func absent(_ node: RangeAggregation, _ windows: WindowGrid) throws -> StepVector {
        let purpose: RangeScan.Purpose = .rows
        let found = try RangeScan(context, node.query, windows, purpose, .by([])).run()
        let floats = try matrix(1, filledWith: 1)
        found.tally.forEach { _, rows, _ in
            for step in 0..<grid.count where rows[step] > 0 { floats.row(0)[step] = Absent.value }
        }
        var result = StepVector(labels: [Self.labels(node.query.matchers)], floats: floats)
        result.dropEmptySeries()
        return result
    }

    /// What an absent series would be called: the labels that exactly one matcher speaks of, by `=`.
    private static func labels(_ matchers: [Matcher]) -> Labels {
        var builder = LabelsBuilder()
        for matcher in matchers where matcher.operation == .equal {
            if matchers.filter({ $0.name == matcher.name }).count == 1 { builder.set(matcher.name, matcher.value) }
        }
        return builder.labels()
    }

    /// Functions of the numbers that `unwrap` takes from rows.
    private func sampled(_ node: RangeAggregation, _ windows: WindowGrid, _ key: SeriesKey) throws -> StepVector {
        let found = try RangeScan(context, node.query, windows, .samples, key).run()
        let present = found.samples.times.indices.filter { !found.samples.times[$0].isEmpty }
        let floats = try matrix(present.count)
        let seconds = Double(node.range) / 1e9
        for (index, series) in present.enumerated() {
            if index % 64 == 0 { try context.cancellation.check() }
            let out = floats.row(index)
            evaluate(node, windows, found.samples.times[series], found.samples.values[series], out)
            if node.operation == .rate {
                for step in 0..<grid.count where !Absent.matches(out[step]) { out[step] /= seconds }
            }
        }
        var result = StepVector(labels: present.map { found.labels[$0] }, floats: floats)
        result.dropEmptySeries()
        return result
    }

    private func evaluate(
        _ node: RangeAggregation, _ windows: WindowGrid, _ times: [Int64], _ values: [Double],
        _ out: UnsafeMutablePointer<Double>
    ) {
        let function: RangeFunction
        switch node.operation {
        case .rateCounter: return counterRate(windows, times, values, out)
        case .avgOverTime: function = .avgOverTime
        case .maxOverTime: function = .maxOverTime
        case .minOverTime: function = .minOverTime
        case .stdvarOverTime: function = .stdvarOverTime
        case .stddevOverTime: function = .stddevOverTime
        case .firstOverTime: function = .firstOverTime
        case .lastOverTime: function = .lastOverTime
        case .quantileOverTime:
            function = .quantile([Double](repeating: node.parameter?.value ?? .nan, count: windows.count))
        default: function = .sumOverTime
        }
        apply(function, windows, times, values, out)
    }

    private func apply(
        _ function: RangeFunction, _ windows: WindowGrid, _ times: [Int64], _ values: [Double],
        _ out: UnsafeMutablePointer<Double>
    ) {
        times.withUnsafeBufferPointer { times in
            values.withUnsafeBufferPointer { values in
                guard let start = times.baseAddress, let first = values.baseAddress else { return }
                function.evaluate(SampleColumn(times: start, values: first, count: times.count), windows, into: out)
            }
        }
    }

    /// Prometheus' rate, whose kernel counts in milliseconds. Rounding times up keeps them in windows that end on whole milliseconds.
    private func counterRate(
        _ windows: WindowGrid, _ times: [Int64], _ values: [Double], _ out: UnsafeMutablePointer<Double>
    ) {
        func milliseconds(_ time: Int64) -> Int64 { time >= 0 ? (time &+ 999_999) / 1_000_000 : time / 1_000_000 }
        let grid = WindowGrid(
            firstEnd: milliseconds(windows.firstEnd), step: max(1, windows.step / 1_000_000), count: windows.count,
            range: max(1, windows.range / 1_000_000))
        apply(.rate, grid, times.map(milliseconds), values, out)
    }
}
