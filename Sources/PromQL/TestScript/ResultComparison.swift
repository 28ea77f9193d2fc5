import Bedrock
import Model

/// Compares what a query gave with what a script expects, and says the first difference.
struct ResultComparison {
    let expected: TestScript.Expectations

    /// A sample of either side.
    private enum Point {
        case float(Double)
        case histogram(NativeHistogram)
    }

    // MARK: Values

    /// nil when `value` is as expected.
    ///
    /// - Parameter times: of the positions in the expected series, milliseconds: start and step.
    func difference(_ value: QueryValue, start: Int64, step: Int64) -> String? {
        if let string = expected.string {
            guard case .string(_, let got) = value else { return "expected a string, got \(Self.kind(value))" }
            return got == string ? nil : "expected \(quoted(string)), got \(quoted(got))"
        }
        if let scalar = expected.scalar {
            guard case .scalar(_, let got) = value else { return "expected a scalar, got \(Self.kind(value))" }
            return Self.isEqual(scalar, got) ? nil : "expected \(Self.text(scalar)), got \(Self.text(got))"
        }
        switch value {
        case .vector(let vector): return difference(vector)
        case .matrix(let matrix): return difference(matrix, start: start, step: step)
        case .scalar(_, let got): return "expected series, got the scalar \(Self.text(got))"
        case .string(_, let got): return "expected series, got the string \(quoted(got))"
        }
    }

    private func difference(_ vector: ResultVector) -> String? {
        var got: [Labels: Int] = [:]
        for index in 0..<vector.count {
            if got.updateValue(index, forKey: vector.labels[index]) != nil {
                return "series \(vector.labels[index]) came twice"
            }
        }
        for (position, series) in expected.series.enumerated() {
            guard let index = got.removeValue(forKey: series.labels) else {
                return "expected \(series.labels), which didn't come; got \(Self.text(vector))"
            }
            if expected.isOrdered && index != position {
                return "expected \(series.labels) at position \(position + 1), got it at \(index + 1)"
            }
            let point = vector.histograms[index].map(Point.histogram) ?? .float(vector.values[index])
            if let difference = difference(series.values.first ?? .missing, point) {
                return "\(series.labels): \(difference)"
            }
        }
        guard let extra = got.min(by: { $0.value < $1.value }) else { return nil }
        return "unexpected \(extra.key); got \(Self.text(vector))"
    }

    private func difference(_ matrix: [ResultSeries], start: Int64, step: Int64) -> String? {
        for (before, after) in zip(matrix, matrix.dropFirst()) where !(before.labels < after.labels) {
            return "series aren't sorted: \(before.labels) came before \(after.labels)"
        }
        var got: [Labels: ResultSeries] = [:]
        for series in matrix { got[series.labels] = series }
        for series in expected.series {
            guard let result = got.removeValue(forKey: series.labels) else {
                if !series.values.contains(where: { if case .missing = $0 { false } else { true } }) { continue }
                return "expected \(series.labels), which didn't come; got \(matrix.map { "\($0.labels)" })"
            }
            if let difference = difference(series, result, start: start, step: step) {
                return "\(series.labels): \(difference)"
            }
        }
        return got.keys.min().map { "unexpected \($0): \(Self.text(got[$0]))" }
    }

    private func difference(_ series: TestScript.Series, _ result: ResultSeries, start: Int64, step: Int64) -> String? {
        var points: [Int64: Point] = [:]
        for (time, value) in zip(result.timestamps, result.values) { points[time] = .float(value) }
        for row in result.histograms { points[row.timestamp] = .histogram(row.histogram) }
        for (position, value) in series.values.enumerated() {
            let time = start &+ Int64(position) &* step
            let at = "at \(Self.seconds(time))"
            let point = points.removeValue(forKey: time)
            switch (value, point) {
            case (.missing, nil): continue
            case (.missing, let point?): return "\(at) expected nothing, got \(Self.text(point))"
            case (_, nil): return "\(at) expected \(Self.text(value)), got nothing; got \(Self.text(result))"
            case (_, let point?):
                if let difference = difference(value, point) { return "\(at) \(difference); got \(Self.text(result))" }
            }
        }
        guard let extra = points.min(by: { $0.key < $1.key }) else { return nil }
        return "at \(Self.seconds(extra.key)) expected nothing, got \(Self.text(extra.value))"
    }

    private func difference(_ value: TestScript.Value, _ point: Point) -> String? {
        let isSame =
            switch (value, point) {
            case (.float(let wanted), .float(let got)): Self.isEqual(wanted, got)
            case (.histogram(let wanted, let statesHint), .histogram(let got)):
                Self.isEqual(wanted, got) && (!statesHint || wanted.resetHint == got.resetHint)
            default: false
            }
        return isSame ? nil : "expected \(Self.text(value)), got \(Self.text(point))"
    }

    // MARK: Annotations

    /// nil when the remarks of one kind are as expected.
    static func difference(
        _ conditions: [TestScript.TextCondition], forbidden: Bool, _ texts: [String], kind: String
    ) -> String? {
        if forbidden { return texts.first.map { "expected no \(kind), got \(quoted($0))" } }
        if conditions.isEmpty { return nil }
        if let unmet = conditions.first(where: { condition in !texts.contains { condition.holds(for: $0) } }) {
            return "expected \(kind) \(unmet.text), got \(texts)"
        }
        return texts.first { text in !conditions.contains { $0.holds(for: text) } }
            .map { "unexpected \(kind) \(quoted($0))" }
    }

    // MARK: Equality

    /// Within a relative 1e-6; NaNs are equal, but a stale marker only to another.
    static func isEqual(_ a: Double, _ b: Double) -> Bool {
        if StaleMarker.matches(a) || StaleMarker.matches(b) { return StaleMarker.matches(a) && StaleMarker.matches(b) }
        if a.isNaN && b.isNaN { return true }
        if a == b { return true }
        let tolerance = 1e-6
        let magnitude = abs(a) + abs(b)
        let difference = abs(a - b)
        if a == 0 || b == 0 || magnitude < .leastNormalMagnitude {
            return difference < tolerance * .leastNormalMagnitude
        }
        return difference / min(magnitude, .greatestFiniteMagnitude) < tolerance
    }

    /// Equal populations bucket by bucket, however they are laid out.
    static func isEqual(_ a: NativeHistogram, _ b: NativeHistogram) -> Bool {
        func isEqual(_ x: [Int32: Double], _ y: [Int32: Double]) -> Bool {
            x.count == y.count && x.allSatisfy { index, value in y[index].map { Self.isEqual(value, $0) } ?? false }
        }
        let (x, y) = (HistogramBuckets(a), HistogramBuckets(b))
        return a.schema == b.schema && a.zeroThreshold == b.zeroThreshold && a.customValues == b.customValues
            && Self.isEqual(a.count, b.count) && Self.isEqual(a.sum, b.sum) && Self.isEqual(a.zeroCount, b.zeroCount)
            && isEqual(x.positive, y.positive) && isEqual(x.negative, y.negative)
    }

    // MARK: Texts

    static func kind(_ value: QueryValue) -> String {
        switch value {
        case .scalar: "a scalar"
        case .string: "a string"
        case .vector: "an instant vector"
        case .matrix: "a range vector"
        }
    }

    private static func text(_ value: Double) -> String {
        StaleMarker.matches(value) ? "stale" : NumberText.text(value, .general)
    }

    private static func text(_ value: TestScript.Value) -> String {
        switch value {
        case .missing: "nothing"
        case .float(let value): text(value)
        case .histogram(let histogram, _): histogram.notation
        }
    }

    private static func text(_ point: Point) -> String {
        switch point {
        case .float(let value): text(value)
        case .histogram(let histogram): histogram.notation
        }
    }

    private static func text(_ vector: ResultVector) -> String {
        let shown = (0..<min(vector.count, 10)).map { index in
            "\(vector.labels[index]) \(vector.histograms[index]?.notation ?? text(vector.values[index]))"
        }
        return "[" + shown.joined(separator: "; ") + (vector.count > 10 ? "; …" : "") + "]"
    }

    private static func text(_ series: ResultSeries?) -> String {
        guard let series else { return "" }
        let floats = zip(series.timestamps, series.values).map { (time: $0, text: text($1)) }
        let histograms = series.histograms.map { (time: $0.timestamp, text: $0.histogram.notation) }
        let all = (floats + histograms).sorted { $0.time < $1.time }
        return all.prefix(20).map { "\($0.text)@\(seconds($0.time))" }.joined(separator: " ")
    }

    private static func seconds(_ milliseconds: Int64) -> String {
        NumberText.text(Double(milliseconds) / 1000, .fixed) + "s"
    }
}

extension TestScript.TextCondition {
    /// As error texts show it.
    var text: String {
        switch self {
        case .any: "(any)"
        case .exactly(let wanted): quoted(wanted)
        case .containing(let regex): "matching \(quoted(regex.pattern))"
        }
    }
}

extension NativeHistogram {
    /// As scripts write it; gaps between spans as zeros.
    var notation: String {
        var fields: [String] = []
        func add(_ name: String, _ value: Double) {
            if value != 0 { fields.append("\(name):\(NumberText.text(value, .general))") }
        }
        func add(_ name: String, _ offsetName: String, _ buckets: [Int32: Double]) {
            guard let first = buckets.keys.min(), let last = buckets.keys.max(), last - first < 1000 else { return }
            let populations = (first...last).map { NumberText.text(buckets[$0] ?? 0, .general) }
            fields.append("\(name):[\(populations.joined(separator: " "))]")
            if first != 0 { fields.append("\(offsetName):\(first)") }
        }
        let buckets = HistogramBuckets(self)
        if schema != 0 { fields.append("schema:\(schema)") }
        add("count", count)
        add("sum", sum)
        add("z_bucket", zeroCount)
        add("z_bucket_w", zeroThreshold)
        add("buckets", "offset", buckets.positive)
        add("n_buckets", "n_offset", buckets.negative)
        if !customValues.isEmpty {
            fields.append(
                "custom_values:[\(customValues.map { NumberText.text($0, .general) }.joined(separator: " "))]")
        }
        switch resetHint {
        case .unknown: break
        case .reset: fields.append("counter_reset_hint:reset")
        case .notReset: fields.append("counter_reset_hint:not_reset")
        case .gauge: fields.append("counter_reset_hint:gauge")
        }
        return "{{\(fields.joined(separator: " "))}}"
    }
}
