import Bedrock
import Glibc
import Kernels
import Model

extension Evaluator {
    /// A call that gives an instant vector.
    func vectorCall(_ call: Call) throws -> StepMatrix {
        if let function = try rangeFunction(call) { return try rangeCall(call, function) }
        if let function = call.function.math { return try mathCall(call, function) }
        let arguments = call.arguments
        switch call.function {
        case .clamp: return try clamped(arguments[0], lower: scalar(arguments[1]), upper: scalar(arguments[2]))
        case .clampMin: return try clamped(arguments[0], lower: scalar(arguments[1]), upper: nil)
        case .clampMax: return try clamped(arguments[0], lower: nil, upper: scalar(arguments[1]))
        case .round: return try roundCall(arguments)
        case .timestamp: return try timestampCall(arguments[0])
        case .startTimestamp: return try startTimestampCall(arguments[0])
        case .vector: return try single(scalar(arguments[0]))
        case .absent: return try absentCall(arguments[0])
        case .absentOverTime: return try absentOverTimeCall(arguments[0])
        case .sort, .sortDesc: return try sortCall(call)
        case .sortByLabel, .sortByLabelDesc: return try sortByLabelCall(call)
        case .labelReplace: return try labelReplaceCall(arguments)
        case .labelJoin: return try labelJoinCall(arguments)
        case .histogramQuantile: return try histogramQuantileCall(arguments)
        case .info: return try infoCall(arguments)
        case .histogramQuantiles: return try histogramQuantilesCall(arguments)
        case .histogramCount: return try nativeHistogramCall(arguments[0]) { $0.count }
        case .histogramSum: return try nativeHistogramCall(arguments[0]) { $0.sum }
        case .histogramAvg: return try nativeHistogramCall(arguments[0]) { $0.sum / $0.count }
        case .histogramStdvar: return try nativeHistogramCall(arguments[0]) { $0.variance }
        case .histogramStddev: return try nativeHistogramCall(arguments[0]) { $0.variance.squareRoot() }
        case .histogramFraction: return try histogramFractionCall(arguments)
        default: throw QueryError.execution("function \(call.function.name) gives no instant vector")
        }
    }

    /// A call that gives a scalar.
    func scalarCall(_ call: Call) throws -> ScalarColumn {
        let arguments = call.arguments
        switch call.function {
        case .time:
            if grid.count == 1 { return .constant(Double(grid.start) / 1000) }
            return .varying((0..<grid.count).map { Double(grid.time($0)) / 1000 })
        case .pi: return .constant(.pi)
        case .start: return .constant(Double(context.queryGrid.start) / 1000)
        case .end: return .constant(Double(context.queryEnd) / 1000)
        case .range: return .constant(Double(context.queryEnd - context.queryGrid.start) / 1000)
        case .step: return .constant(Double(context.queryStep) / 1000)
        case .minOf: return .combine(try scalar(arguments[0]), try scalar(arguments[1])) { goMinimum($0, $1) }
        case .maxOf: return .combine(try scalar(arguments[0]), try scalar(arguments[1])) { goMaximum($0, $1) }
        case .scalar: return try onlyValues(vector(arguments[0]))
        default: throw QueryError.execution("function \(call.function.name) gives no scalar")
        }
    }

    /// `scalar`: per step the value of the only float, NaN where there is none or more than one.
    private func onlyValues(_ matrix: StepMatrix) -> ScalarColumn {
        var values = [Double](repeating: .nan, count: grid.count)
        var found = [Int](repeating: 0, count: grid.count)
        for index in 0..<matrix.count {
            let row = matrix.row(index)
            for step in 0..<grid.count where !Absent.matches(row[step]) {
                found[step] += 1
                values[step] = found[step] == 1 ? row[step] : .nan
            }
        }
        return .varying(values)
    }

    /// A function of each float; native histograms are left out.
    private func mathCall(_ call: Call, _ function: MathFunction) throws -> StepMatrix {
        // The calendar functions take the evaluation time where no vector is given.
        guard let argument = call.arguments.first else {
            let result = try single(scalarCall(Call(.time, [])))
            function.apply(result.floats.base, count: grid.count)
            return result
        }
        return try mapped(vector(argument)) { row in function.apply(row, count: grid.count) }
    }

    /// Applies `body` to each row of floats, leaves histograms out, and drops names.
    func mapped(_ matrix: StepMatrix, _ body: (UnsafeMutablePointer<Double>) -> Void) throws -> StepMatrix {
        var matrix = matrix
        matrix.dropHistograms()
        for index in 0..<matrix.count { body(matrix.row(index)) }
        try matrix.dropNames(context)
        return matrix
    }

    private func clamped(_ argument: Expr, lower: ScalarColumn?, upper: ScalarColumn?) throws -> StepMatrix {
        let lower = lower?.values(grid.count)
        let upper = upper?.values(grid.count)
        var result = try mapped(vector(argument)) { row in
            for step in 0..<grid.count where !Absent.matches(row[step]) {
                let least = lower?[step] ?? -.infinity
                let most = upper?[step] ?? .infinity
                if least > most {
                    row[step] = Absent.value
                } else {
                    row[step] = goMaximum(least, goMinimum(most, row[step]))
                }
            }
        }
        result.dropEmptySeries()
        return result
    }

    private func roundCall(_ arguments: [Expr]) throws -> StepMatrix {
        let units = try arguments.count > 1 ? scalar(arguments[1]).values(grid.count) : nil
        return try mapped(vector(arguments[0])) { row in
            for step in 0..<grid.count where !Absent.matches(row[step]) {
                row[step] = Absent.guarded(rounded(row[step], toMultipleOf: units?[step] ?? 1))
            }
        }
    }

    /// When the counting of the samples of a plain selector began; other vectors have lost that.
    private func startTimestampCall(_ argument: Expr) throws -> StepMatrix {
        guard case .vectorSelector(let selector) = argument.unwrapped else { return try nothing() }
        var starts = try instantSelector(selector, .start)
        try starts.dropNames(context)
        return starts
    }

    /// The samples' own timestamps for a plain selector, else the evaluation times, in seconds.
    private func timestampCall(_ argument: Expr) throws -> StepMatrix {
        if case .vectorSelector(let selector) = argument.unwrapped {
            var times = try instantSelector(selector, .time)
            try times.dropNames(context)
            return times
        }
        var matrix = try vector(argument)
        for index in 0..<matrix.count {
            let row = matrix.row(index)
            for step in 0..<grid.count where matrix.isPresent(index, step) {
                row[step] = Double(grid.time(step)) / 1000
            }
        }
        matrix.histograms = []
        try matrix.dropNames(context)
        return matrix
    }
}

/// `Math.Max`: NaN if either is.
private func goMaximum(_ a: Double, _ b: Double) -> Double { a.isNaN || b.isNaN ? .nan : Swift.max(a, b) }

/// `Math.Min`, likewise.
private func goMinimum(_ a: Double, _ b: Double) -> Double { a.isNaN || b.isNaN ? .nan : Swift.min(a, b) }

extension Function {
    /// The kernel of functions that map each float by itself.
    var math: MathFunction? {
        switch self {
        case .abs: .abs
        case .ceil: .ceil
        case .floor: .floor
        case .exp: .exp
        case .sqrt: .sqrt
        case .ln: .ln
        case .log2: .log2
        case .log10: .log10
        case .sgn: .sgn
        case .deg: .deg
        case .rad: .rad
        case .sin: .sin
        case .cos: .cos
        case .tan: .tan
        case .asin: .asin
        case .acos: .acos
        case .atan: .atan
        case .sinh: .sinh
        case .cosh: .cosh
        case .tanh: .tanh
        case .asinh: .asinh
        case .acosh: .acosh
        case .atanh: .atanh
        case .minute: .minute
        case .hour: .hour
        case .dayOfWeek: .dayOfWeek
        case .dayOfMonth: .dayOfMonth
        case .dayOfYear: .dayOfYear
        case .daysInMonth: .daysInMonth
        case .month: .month
        case .year: .year
        default: nil
        }
    }
}
