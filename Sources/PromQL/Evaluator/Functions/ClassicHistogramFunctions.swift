import Bedrock
import Glibc
import Kernels
import Model

extension Evaluator {
    /// `histogram_quantile(φ, v)`
    func histogramQuantileCall(_ arguments: [Expr]) throws -> StepMatrix {
        let phis = try scalar(arguments[0]).values(grid.count)
        warnOfQuantiles(phis, arguments[0].source)
        let matrix = try vector(arguments[1])
        var repairs = MonotonicityRepairs()
        let result = try bucketed(matrix, arguments[1].source) { step, labels, buckets in
            var histogram = ClassicHistogram(buckets)
            let (value, repair) = histogram.quantile(phis[step])
            if let repair { repairs.note(repair, labels[Labels.metricName] ?? "", grid.time(step)) }
            return value
        }
        repairs.report(context.annotations, arguments[1].source)
        return result
    }

    /// `histogram_fraction(lower, upper, v)`
    func histogramFractionCall(_ arguments: [Expr]) throws -> StepMatrix {
        let lower = try scalar(arguments[0]).values(grid.count)
        let upper = try scalar(arguments[1]).values(grid.count)
        let matrix = try vector(arguments[2])
        return try bucketed(matrix, arguments[2].source) { step, _, buckets in
            ClassicHistogram(buckets).fraction(lower[step], upper[step])
        }
    }

    /// Puts the buckets of classic histograms together (series that differ only in `le`) and evaluates `body` for each step of each.
    private func bucketed(
        _ matrix: StepMatrix, _ source: SourceRange,
        _ body: (Int, Labels, [ClassicHistogram.Bucket]) -> Double
    ) throws -> StepMatrix {
        let groups = BucketGroups(matrix) { labels, bound in
            context.annotations.warn(
                "bucket label \"le\" is missing or has a malformed value of \(quoted(bound))"
                    + Self.nameSuffix(labels[Labels.metricName] ?? ""), source)
        }
        let floats = try context.matrix(rows: groups.labels.count, steps: grid.count)
        var buckets: [ClassicHistogram.Bucket] = []
        for (group, members) in groups.members.enumerated() {
            let out = floats.row(group)
            for step in 0..<grid.count {
                buckets.removeAll(keepingCapacity: true)
                for (bound, row) in members {
                    let count = matrix.row(row)[step]
                    if !Absent.matches(count) { buckets.append(.init(upperBound: bound, count: count)) }
                }
                out[step] =
                    buckets.isEmpty ? Absent.value : Absent.guarded(body(step, groups.labels[group], buckets))
            }
        }
        var result = StepMatrix(labels: groups.labels, losesName: groups.losesName, floats: floats)
        result.dropEmptySeries()
        try result.dropNames(context)
        return result
    }

    /// ` for metric name "x"`, as annotations end that know the name.
    static func nameSuffix(_ name: String) -> String { name.isEmpty ? "" : " for metric name \(quoted(name))" }
}

/// Series of one vector that are buckets of the same classic histograms.
struct BucketGroups {
    /// Labels of each histogram, without `le`.
    let labels: [Labels]
    let losesName: [Bool]
    /// Upper bound and series of each bucket, ascending by bound.
    let members: [[(bound: Double, row: Int)]]

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
                    + ", from buckets \(NumberText.text(repair.lowestBound, .general)) to \(NumberText.text(repair.highestBound, .general)), with a max diff of \(GoFormat.twoDigits(repair.differenceMax)), over \(summary.count) samples from \(UTCTime(milliseconds: summary.first).rfc3339) to \(UTCTime(milliseconds: summary.last).rfc3339)",
                source)
        }
    }
}

extension GoFormat {
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
