import Bedrock
import Glibc
import Kernels
import Model

extension Evaluator {
    /// `histogram_quantile(φ, v)`
    func histogramQuantileCall(_ arguments: [Expr]) throws -> StepMatrix {
        let phis = try scalar(arguments[0]).values(grid.count)
        warnOfQuantiles(phis, arguments[0].source)
        let histograms = Histograms(context, try resolvingResets(false).vector(arguments[1]), arguments[1].source)
        var result = try quantiles(phis, histograms)
        try result.dropNames(context)
        return result
    }

    /// `histogram_quantiles(v, "label", φ…)`: one series per φ, which stands in the label.
    func histogramQuantilesCall(_ arguments: [Expr]) throws -> StepMatrix {
        let label = try labelName(arguments[1])
        let histograms = Histograms(context, try resolvingResets(false).vector(arguments[0]), arguments[0].source)
        var result = try nothing()
        var builder = LabelsBuilder()
        for argument in arguments.dropFirst(2) {
            let phis = try scalar(argument).values(grid.count)
            warnOfQuantiles(phis, argument.source)
            var part = try quantiles(phis, histograms)
            for index in 0..<part.count {
                builder.reset(part.labels[index])
                builder.set(label, GoFormat.openMetrics(phis.first ?? .nan))
                part.labels[index] = builder.labels()
            }
            result = try concatenated(result, part)
        }
        try result.dropNames(context)
        try result.mergeEqualSeries(context)
        return result
    }

    private func quantiles(_ phis: [Double], _ histograms: Histograms) throws -> StepMatrix {
        var repairs = MonotonicityRepairs()
        let result = try histograms.evaluate(
            self,
            classic: { step, name, buckets in
                var histogram = ClassicHistogram(buckets)
                let (value, repair) = histogram.quantile(phis[step])
                if let repair { repairs.note(repair, name, grid.time(step)) }
                return value
            },
            native: { step, name, histogram in
                let (value, influence) = histogram.quantile(phis[step])
                if influence != .none {
                    let outcome = influence == .resultIsNaN ? "result is NaN" : "result is skewed higher"
                    context.annotations.inform(
                        "input to histogram_quantile has NaN observations, \(outcome)" + Self.nameSuffix(name),
                        histograms.source)
                }
                return value
            })
        repairs.report(context.annotations, histograms.source)
        return result
    }

    /// `histogram_fraction(lower, upper, v)`
    func histogramFractionCall(_ arguments: [Expr]) throws -> StepMatrix {
        let lower = try scalar(arguments[0]).values(grid.count)
        let upper = try scalar(arguments[1]).values(grid.count)
        let histograms = Histograms(context, try resolvingResets(false).vector(arguments[2]), arguments[2].source)
        var result = try histograms.evaluate(
            self, classic: { step, _, buckets in ClassicHistogram(buckets).fraction(lower[step], upper[step]) },
            native: { step, name, histogram in
                let (value, hasNaN) = histogram.fraction(lower[step], upper[step])
                if hasNaN {
                    context.annotations.inform(
                        "input to histogram_fraction has NaN observations, which are excluded from all fractions"
                            + Self.nameSuffix(name), histograms.source)
                }
                return value
            })
        try result.dropNames(context)
        return result
    }

    /// A function of each native histogram; floats are left out.
    func nativeHistogramCall(_ argument: Expr, _ body: (NativeHistogram) -> Double) throws -> StepMatrix {
        var matrix = try resolvingResets(true).vector(argument)
        for index in 0..<matrix.count {
            let row = matrix.row(index)
            for step in 0..<grid.count {
                row[step] = matrix.histogram(index, step).map { Absent.guarded(body($0)) } ?? Absent.value
            }
        }
        matrix.histograms = []
        matrix.dropEmptySeries()
        try matrix.dropNames(context)
        return matrix
    }

    /// ` for metric name "x"`, as annotations end that know the name.
    static func nameSuffix(_ name: String) -> String { name.isEmpty ? "" : " for metric name \(quoted(name))" }
}

/// The histograms of a vector: classic ones put together of series that differ only in `le`, and native ones.
struct Histograms {
    let source: SourceRange
    private let context: QueryContext
    private let matrix: StepMatrix
    private let groups: BucketGroups
    /// Series that have native histograms.
    private let natives: [Int]
    /// Those by their labels.
    private let nativeNumbers: [Labels: [Int]]

    init(_ context: QueryContext, _ matrix: StepMatrix, _ source: SourceRange) {
        self.context = context
        self.matrix = matrix
        self.source = source
        natives = matrix.labels.indices.filter { matrix.histogramColumn($0) != nil }
        nativeNumbers = Dictionary(grouping: natives) { matrix.labels[$0] }
        groups = BucketGroups(matrix) { labels, bound in
            context.annotations.warn(
                "bucket label \"le\" is missing or has a malformed value of \(quoted(bound))"
                    + Evaluator.nameSuffix(labels[Labels.metricName] ?? ""), source)
        }
    }

    /// One float per histogram and step. Where a classic and a native one have the same labels, neither counts.
    func evaluate(
        _ evaluator: Evaluator, classic: (Int, String, [ClassicHistogram.Bucket]) -> Double,
        native: (Int, String, NativeHistogram) -> Double
    ) throws -> StepMatrix {
        let steps = evaluator.grid.count
        let classicCount = groups.labels.count
        let floats = try context.matrix(rows: classicCount + natives.count, steps: steps)
        var buckets: [ClassicHistogram.Bucket] = []
        for (group, members) in groups.members.enumerated() {
            let out = floats.row(group)
            let name = groups.labels[group][Labels.metricName] ?? ""
            let rivals = nativeNumbers[groups.labels[group]] ?? []
            for step in 0..<steps {
                buckets.removeAll(keepingCapacity: true)
                out[step] = Absent.value
                for (bound, row) in members {
                    let count = matrix.row(row)[step]
                    if !Absent.matches(count) { buckets.append(.init(upperBound: bound, count: count)) }
                }
                if buckets.isEmpty { continue }
                if rivals.contains(where: { matrix.histogram($0, step) != nil }) {
                    context.annotations.warn(
                        "vector contains a mix of classic and native histograms" + Evaluator.nameSuffix(name), source)
                    continue
                }
                out[step] = Absent.guarded(classic(step, name, buckets))
            }
        }
        for (position, row) in natives.enumerated() {
            let out = floats.row(classicCount + position)
            let name = matrix.labels[row][Labels.metricName] ?? ""
            let rival = groups.number(of: matrix.labels[row])
            for step in 0..<steps {
                out[step] = Absent.value
                guard let histogram = matrix.histogram(row, step) else { continue }
                let isContested = rival.map { number in
                    groups.members[number].contains { !Absent.matches(matrix.row($0.row)[step]) }
                }
                if isContested != true { out[step] = Absent.guarded(native(step, name, histogram)) }
            }
        }
        var result = StepMatrix(
            labels: groups.labels + natives.map { matrix.labels[$0] },
            losesName: groups.losesName + natives.map { matrix.losesName($0) }, floats: floats)
        result.dropEmptySeries()
        try result.mergeEqualSeries(context)
        return result
    }
}

/// Series of one vector that are buckets of the same classic histograms.
struct BucketGroups {
    /// Labels of each histogram, without `le`.
    let labels: [Labels]
    let losesName: [Bool]
    /// Upper bound and series of each bucket, ascending by bound.
    let members: [[(bound: Double, row: Int)]]

    private let table: LabelTable

    /// The histogram that has exactly `labels`.
    func number(of labels: Labels) -> Int? { table.existing(labels) }

    /// - Parameter malformed: called with the labels and the value of `le` of each series that is no bucket.
    init(_ matrix: StepMatrix, malformed: (Labels, String) -> Void) {
        var projection = LabelProjection(.removing, ["le"])
        var table = LabelTable()
        var members: [[(bound: Double, row: Int)]] = []
        var losesName: [Bool] = []
        for row in 0..<matrix.count where !matrix.floats.isRowAbsent(row) {
            let text = matrix.labels[row]["le"] ?? ""
            guard let bound = NumberText.parseFloat(text, syntax: .go) else {
                malformed(matrix.labels[row], text)
                continue
            }
            let group = projection.withProjection(matrix.labels[row]) { table.number(ofCanonical: $0) }
            if group == members.count {
                members.append([])
                losesName.append(matrix.losesName(row))
            }
            members[group].append((bound, row))
        }
        self.labels = table.sets
        self.table = table
        self.losesName = losesName
        self.members = members.map { $0.sorted { $0.bound < $1.bound } }
    }
}

/// What was repaired in classic histograms during one call, for one remark per metric.
private struct MonotonicityRepairs {
    private struct Summary {
        var repair: ClassicHistogram.Repair
        var first: Int64
        var last: Int64
        var count = 1
    }

    private var found: [String: Summary] = [:]

    mutating func note(_ repair: ClassicHistogram.Repair, _ name: String, _ time: Int64) {
        guard var known = found[name] else {
            found[name] = Summary(repair: repair, first: time, last: time)
            return
        }
        known.repair.lowestBound = min(known.repair.lowestBound, repair.lowestBound)
        known.repair.highestBound = max(known.repair.highestBound, repair.highestBound)
        known.repair.differenceMax = max(known.repair.differenceMax, repair.differenceMax)
        known.first = min(known.first, time)
        known.last = max(known.last, time)
        known.count += 1
        found[name] = known
    }

    func report(_ log: AnnotationLog, _ source: SourceRange) {
        for (name, summary) in found {
            let repair = summary.repair
            log.inform(
                "input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
                    + Evaluator.nameSuffix(name)
                    + ", from buckets \(NumberText.text(repair.lowestBound, .general)) to \(NumberText.text(repair.highestBound, .general))"
                    + ", with a max diff of \(GoFormat.twoDigits(repair.differenceMax)), over \(summary.count) samples from \(UTCTime(milliseconds: summary.first).rfc3339) to \(UTCTime(milliseconds: summary.last).rfc3339)",
                source)
        }
    }
}

extension GoFormat {
    /// A float as OpenMetrics writes it in labels: whole numbers as `1.0`.
    static func openMetrics(_ value: Double) -> String {
        let text = NumberText.text(value, .general)
        return value.isFinite && !text.contains(where: { $0 == "." || $0 == "e" }) ? text + ".0" : text
    }

    /// `%.2g`
    static func twoDigits(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return NumberText.text(value, .general) }
        let power = 1 - Int(log10(value.magnitude).rounded(.down))
        // Dividing by a whole power of ten gives the double nearest to the decimal number.
        let scale = pow(10, Double(abs(power)))
        let digits = (power >= 0 ? value * scale : value / scale).rounded(.toNearestOrEven)
        return NumberText.text(
            power >= 0 ? digits / scale : digits * scale, value.magnitude < 100 ? .general : .exponent)
    }
}

extension UTCTime {
    /// `2026-11-24T19:00:00.5Z`, fractions only where there are any.
    fileprivate var rfc3339: String {
        let text = iso8601
        guard let point = text.lastIndex(of: ".") else { return text }
        var fraction = text[text.index(after: point)...].dropLast()
        while fraction.last == "0" { fraction = fraction.dropLast() }
        return text[..<point] + (fraction.isEmpty ? "Z" : ".\(fraction)Z")
    }
}
