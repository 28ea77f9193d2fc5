import Model

/// `+ - * /` between series and numbers.
enum SeriesArithmetic {
    typealias Value = MetricsEvaluator.Value

    /// Series match by equal labels, whatever function made them; a side that is one series without labels goes with every series of the other.
    /// What has no partner is left out; dividing by zero gives no value.
    static func combine(_ op: ArithmeticOperator, _ a: Value, _ b: Value, _ intervals: Int) -> Value {
        switch (a, b) {
        case (.number(let x), .number(let y)): return .number(compute(op, x, y))
        case (.series(let series), .number(let number)):
            return .series(series.map { map($0) { compute(op, $0, number) } })
        case (.number(let number), .series(let series)):
            return .series(series.map { map($0) { compute(op, number, $0) } })
        case (.series(let left), .series(let right)):
            let lonelyLeft = lonely(left)
            let lonelyRight = lonely(right)
            if let other = lonelyRight { return .series(left.map { zip(op, $0, other) }) }
            if let other = lonelyLeft {
                return .series(
                    right.map { series in
                        var found = zip(op, other, series)
                        found.labels = matching(series.labels)
                        found.exemplars = series.exemplars
                        return found
                    })
            }
            var partners: [[TraceQLLabel]: IntervalSeries] = [:]
            for series in right { partners[matching(series.labels)] = series }
            return .series(
                left.compactMap { series in partners[matching(series.labels)].map { zip(op, series, $0) } })
        }
    }

    /// The only series, without labels but its name.
    private static func lonely(_ series: [IntervalSeries]) -> IntervalSeries? {
        guard series.count == 1, matching(series[0].labels).isEmpty else { return nil }
        return series[0]
    }

    private static func matching(_ labels: [TraceQLLabel]) -> [TraceQLLabel] {
        labels.filter { $0.name != "__name__" }.sorted { $0.name < $1.name }
    }

    private static func map(_ series: IntervalSeries, _ change: (Double) -> Double) -> IntervalSeries {
        IntervalSeries(
            labels: series.labels.filter { $0.name != "__name__" }, values: series.values.map(change),
            exemplars: series.exemplars)
    }

    private static func zip(_ op: ArithmeticOperator, _ a: IntervalSeries, _ b: IntervalSeries) -> IntervalSeries {
        IntervalSeries(
            labels: a.labels.filter { $0.name != "__name__" },
            values: Swift.zip(a.values, b.values).map { compute(op, $0, $1) }, exemplars: a.exemplars)
    }

    private static func compute(_ op: ArithmeticOperator, _ a: Double, _ b: Double) -> Double {
        switch op {
        case .add: a + b
        case .subtract: a - b
        case .multiply: a * b
        case .divide: b == 0 ? .nan : a / b
        case .modulo, .power: .nan
        }
    }
}

/// `topk` and `bottomk`.
enum SeriesRanking {
    /// Keeps at each time the `count` series with the highest, or the lowest, values; of equal ones those whose labels come first.
    static func ranked(
        _ given: [IntervalSeries], isTop: Bool, _ count: Int, intervals: Int
    ) -> [IntervalSeries] {
        var series = given.sorted { labelsPrecede($0.labels, $1.labels) }
        for interval in 0..<intervals {
            let present = series.indices.filter { !series[$0].values[interval].isNaN }
            if present.count <= count { continue }
            let sorted = present.sorted { a, b in
                let (x, y) = (series[a].values[interval], series[b].values[interval])
                return x == y ? a < b : isTop ? x > y : x < y
            }
            for loser in sorted.dropFirst(count) { series[loser].values[interval] = .nan }
        }
        return series.filter { series in series.values.contains { !$0.isNaN } }
    }
}
