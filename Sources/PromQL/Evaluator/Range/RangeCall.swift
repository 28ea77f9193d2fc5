import Bedrock
import Kernels
import Model

extension Evaluator {
    /// Evaluates a function of a range vector.
    func rangeCall(_ call: Call, _ function: RangeFunction) throws -> StepMatrix {
        let position = call.function == .quantileOverTime ? 1 : 0
        let input = try rangeInput(call.arguments[position])
        try checkExtension(input, call.function)
        let floats = try context.matrix(rows: input.count, steps: grid.count)
        let histograms = HistogramColumns(count: input.count)
        let lookback = context.options.lookbackMilliseconds
        let context = context
        let evaluation = RangeEvaluation(function: function, input: input, lookback: lookback)
        try input.forEachParallel(context) { index, samples in
            let out = floats.row(index)
            if samples.rows.isEmpty && (samples.starts == nil || !function.usesStarts || input.extended != nil) {
                evaluation.floats(samples.floats, into: out)
            } else {
                let remarks = RangeRemarks(context, input.labels(index), input.source)
                histograms[index] = evaluation.mixed(samples, into: out, remarks)
            }
        }
        var matrix = StepMatrix(
            labels: (0..<input.count).map { input.labels($0) },
            losesName: (0..<input.count).map { input.losesName($0) }, floats: floats, histograms: histograms.list)
        matrix.dropEmptySeries()
        if call.function == .rate || call.function == .increase {
            remarkGauges(input, matrix.count) { index in
                matrix.losesName(index) || matrix.floats.isRowAbsent(index) ? nil : matrix.labels[index]
            }
        }
        if !call.function.keepsName { try dropRangeNames(&matrix) }
        return matrix
    }

    /// After a function of a range, equal label sets are an error whenever they have their values.
    private func dropRangeNames(_ matrix: inout StepMatrix) throws {
        if !context.options.delaysNameRemoval {
            matrix.removeNames()
            var table = LabelTable(capacity: matrix.count)
            for labels in matrix.labels { _ = table.number(of: labels) }
            if table.count < matrix.count { throw SeriesNames.sameLabelset }
        } else {
            try matrix.dropNames(context)
        }
    }

    private func checkExtension(_ input: RangeInput, _ function: Function) throws {
        guard let extended = input.extended else { return }
        let allowed: [Function]
        switch extended {
        case .anchored: allowed = [.changes, .delta, .increase, .rate, .resets]
        case .smoothed: allowed = [.delta, .increase, .rate]
        }
        if !allowed.contains(function) {
            let names = allowed.map(\.name).joined(separator: ", ")
            throw QueryError.execution(
                "\(extended.rawValue) modifier can only be used with: \(names) - not with \(function.name)")
        }
    }

    /// Remarks on `rate` and `increase` of what is probably no counter.
    /// - Parameter labels: of a series by index; nil for one without result or name.
    func remarkGauges(_ input: RangeInput, _ count: Int? = nil, _ labels: (Int) -> Labels?) {
        let suffixes = ["_total", "_sum", "_count", "_bucket"]
        var checked: Set<String> = []
        var last = ""
        for index in 0..<(count ?? input.count) {
            guard let labels = labels(index), let name = labels[Labels.metricName] else { continue }
            if context.options.usesTypeAndUnitLabels {
                let type = labels["__type__"] ?? ""
                if type != "counter" && type != "histogram" && checked.insert(name + "\u{0}" + type).inserted {
                    context.annotations.inform(
                        "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", got \(quoted(type)): \(quoted(name))",
                        input.source)
                }
            } else if name != last {
                // Series of one metric mostly stand together.
                last = name
                if !suffixes.contains(where: name.hasSuffix), checked.insert(name).inserted {
                    context.annotations.inform(
                        "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \(quoted(name))",
                        input.source)
                }
            }
        }
    }

    /// The kernel of a function of a range, its scalar arguments evaluated; nil for other functions.
    func rangeFunction(_ call: Call) throws -> RangeFunction? {
        switch call.function {
        case .rate: return .rate
        case .increase: return .increase
        case .delta: return .delta
        case .irate: return .irate
        case .idelta: return .idelta
        case .resets: return .resets
        case .changes: return .changes
        case .deriv: return .deriv
        case .sumOverTime: return .sumOverTime
        case .avgOverTime: return .avgOverTime
        case .minOverTime: return .minOverTime
        case .maxOverTime: return .maxOverTime
        case .countOverTime: return .countOverTime
        case .presentOverTime: return .presentOverTime
        case .firstOverTime: return .firstOverTime
        case .lastOverTime: return .lastOverTime
        case .stddevOverTime: return .stddevOverTime
        case .stdvarOverTime: return .stdvarOverTime
        case .madOverTime: return .madOverTime
        case .tsOfMinOverTime: return .timeOfMin
        case .tsOfMaxOverTime: return .timeOfMax
        case .tsOfFirstOverTime: return .timeOfFirst
        case .tsOfLastOverTime: return .timeOfLast
        case .predictLinear: return .predictLinear(try scalar(call.arguments[1]).values(grid.count))
        case .quantileOverTime:
            let phis = try scalar(call.arguments[0]).values(grid.count)
            warnOfQuantiles(phis, call.arguments[0].source)
            return .quantile(phis)
        case .doubleExponentialSmoothing:
            let smoothing = try scalar(call.arguments[1]).values(grid.count)
            let trend = try scalar(call.arguments[2]).values(grid.count)
            try checkFactor(smoothing, "smoothing factor", "sf")
            try checkFactor(trend, "trend factor", "tf")
            return .doubleExponential(smoothing, trend)
        default: return nil
        }
    }

    private func checkFactor(_ values: [Double], _ name: String, _ symbol: String) throws {
        if let wrong = values.first(where: { !($0 > 0 && $0 < 1) }) {
            throw QueryError.execution(
                "invalid \(name). Expected: 0 < \(symbol) < 1, got: \(GoFormat.sixDecimals(wrong))")
        }
    }

    /// Warns of φ outside [0, 1], once per value.
    func warnOfQuantiles(_ phis: [Double], _ source: SourceRange) {
        var last: UInt64?
        for phi in phis where !(phi >= 0 && phi <= 1) && phi.bitPattern != last {
            last = phi.bitPattern
            context.annotations.warn(
                "quantile value should be between 0 and 1, got \(NumberText.text(phi, .general))", source)
        }
    }
}

extension Function {
    /// Whether results of this function of a range keep the metric name.
    var keepsName: Bool { self == .lastOverTime || self == .firstOverTime }
}

/// Go's number formats that `NumberText` lacks.
enum GoFormat {
    /// `%f`
    static func sixDecimals(_ value: Double) -> String {
        guard value.isFinite else { return NumberText.text(value, .general) }
        guard value.magnitude < 1e12 else { return NumberText.text(value, .fixed) + ".000000" }
        let millionths = (value.magnitude * 1e6).rounded(.toNearestOrEven)
        let whole = (millionths / 1e6).rounded(.down)
        let digits = String(Int64(millionths - whole * 1e6))
        let sign = value.sign == .minus ? "-" : ""
        return "\(sign)\(Int64(whole)).\(String(repeating: "0", count: 6 - digits.count))\(digits)"
    }
}
