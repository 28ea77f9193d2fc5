import Bedrock
import Kernels
import Model

extension Evaluator {
    /// The value of a range query.
    func rangeResult(_ expression: Expr) throws -> QueryValue {
        if expression.type == .scalar {
            let values = try scalar(expression).values(grid.count)
            let times = (0..<grid.count).map { grid.time($0) }
            return .matrix([ResultSeries(labels: .empty, timestamps: times, values: values)])
        }
        var matrix = try vector(expression)
        try matrix.removeMarkedNames(context)
        let order = matrix.labels.indices.sorted { matrix.labels[$0] < matrix.labels[$1] }
        var result: [ResultSeries] = []
        result.reserveCapacity(order.count)
        let times = (0..<grid.count).map { grid.time($0) }
        for index in order {
            let series = series(matrix, index, times)
            if !series.timestamps.isEmpty || !series.histograms.isEmpty { result.append(series) }
        }
        return .matrix(result)
    }

    private func series(_ matrix: StepMatrix, _ index: Int, _ allTimes: [Int64]) -> ResultSeries {
        let row = UnsafeBufferPointer(start: matrix.row(index), count: grid.count)
        var present = 0
        for value in row { present += Absent.matches(value) ? 0 : 1 }
        var times = allTimes  // Shared by all series that have every step.
        var values = Array(row)
        if present < grid.count {
            times = (0..<grid.count).compactMap { Absent.matches(row[$0]) ? nil : allTimes[$0] }
            values.removeAll(where: Absent.matches)
        }
        var histograms: [SeriesBatch.HistogramRow] = []
        if let column = matrix.histogramColumn(index) {
            for step in 0..<grid.count {
                if let histogram = column[step] {
                    histograms.append(SeriesBatch.HistogramRow(timestamp: grid.time(step), histogram: histogram))
                }
            }
        }
        return ResultSeries(
            labels: matrix.labels[index], timestamps: times, values: values, histograms: histograms)
    }

    /// The value of an instant query: of the expression's own type.
    func instantResult(_ expression: Expr) throws -> QueryValue {
        switch expression.type {
        case .scalar: return .scalar(timestamp: grid.start, try scalar(expression)[0])
        case .string: return .string(timestamp: grid.start, try string(expression))
        case .matrix: return .matrix(try rawSeries(expression))
        case .vector:
            var matrix = try vector(expression)
            try matrix.removeMarkedNames(context)
            return .vector(instantVector(matrix))
        }
    }

    private func instantVector(_ matrix: StepMatrix) -> ResultVector {
        var result = ResultVector(timestamp: grid.start, labels: [], values: [])
        for index in 0..<matrix.count {
            let value = matrix.row(index)[0]
            if let histogram = matrix.histogram(index, 0) {
                result.histograms[result.labels.count] = histogram
                result.values.append(.nan)
            } else if Absent.matches(value) {
                continue
            } else {
                result.values.append(value)
            }
            result.labels.append(matrix.labels[index])
        }
        return result
    }

    /// The samples of a range vector at the one evaluation time.
    private func rawSeries(_ expression: Expr) throws -> [ResultSeries] {
        let input = try rangeInput(expression)
        var result: [ResultSeries] = []
        let windows = input.windows
        try input.forEachSeries(context) { index, mixed in
            let samples = mixed.floats
            var series = ResultSeries(labels: input.resultLabels(index), timestamps: [], values: [])
            for row in 0..<samples.count where windows.contains(samples.times[row]) {
                series.timestamps.append(samples.times[row])
                series.values.append(samples.values[row])
            }
            series.histograms = mixed.rows.filter { windows.contains($0.timestamp) }
            if !series.timestamps.isEmpty || !series.histograms.isEmpty { result.append(series) }
        }
        return result
    }
}

extension WindowGrid {
    /// Whether the first window holds `time`.
    func contains(_ time: Int64) -> Bool { time > start(0) && time <= end(0) }
}
