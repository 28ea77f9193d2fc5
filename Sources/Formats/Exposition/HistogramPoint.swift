import Bedrock
import Model

/// The samples of one histogram (or gauge histogram) at one time, and whether they fit together.
struct HistogramPoint {
    private struct Bucket {
        var bound: Double
        var value: Double
        var position: TextPosition
    }

    /// The name suffixes of this kind of histogram.
    let countSuffix: String
    let sumSuffix: String
    /// OpenMetrics: count and sum come together, values are whole, no sum beside negative buckets.
    let isStrict: Bool
    private var buckets: [Bucket] = []
    private var count: (value: Double, position: TextPosition)?
    private var sum: (value: Double, position: TextPosition)?

    init(isGauge: Bool, isStrict: Bool) {
        countSuffix = isGauge ? "_gcount" : "_count"
        sumSuffix = isGauge ? "_gsum" : "_sum"
        self.isStrict = isStrict
    }

    private var isGauge: Bool { sumSuffix == "_gsum" }
    var isEmpty: Bool { buckets.isEmpty && count == nil && sum == nil }

    /// Returns what is wrong with the sample by itself.
    mutating func take(_ sample: JudgedSample, suffix: String) -> String? {
        switch suffix {
        case "_bucket": return takeBucket(sample)
        case countSuffix:
            if count != nil { return "\(sample.name) is repeated for the same labels" }
            count = (sample.value, sample.position)
            return problem(ofCount: sample.value, "a count")
        case sumSuffix:
            if sum != nil { return "\(sample.name) is repeated for the same labels" }
            sum = (sample.value, sample.position)
            if isStrict, sample.value.isNaN { return "a sum must not be NaN" }
            if isStrict, !isGauge, sample.value < 0 { return "the sum of a histogram must not be negative" }
            return nil
        default: return nil
        }
    }

    private mutating func takeBucket(_ sample: JudgedSample) -> String? {
        guard let text = sample["le"] else { return "a bucket needs the label \"le\"" }
        guard let bound = NumberText.parseFloat(text), !bound.isNaN, bound.isFinite || text == "+Inf" else {
            return "\(quoted(text)) is no bucket bound"
        }
        let last = buckets.last
        buckets.append(Bucket(bound: bound, value: sample.value, position: sample.position))
        if let last, bound == last.bound { return "bucket bound \(quoted(text)) is repeated" }
        if let last, bound < last.bound { return "bucket bounds must ascend" }
        if let last, sample.value < last.value { return "bucket counts must not fall from one bound to the next" }
        return problem(ofCount: sample.value, "a bucket's count")
    }

    private func problem(ofCount value: Double, _ what: String) -> String? {
        if value.isNaN || value < 0 { return "\(what) must not be negative or NaN" }
        if isStrict, value.isFinite, value != value.rounded() { return "\(what) must be a whole number" }
        return nil
    }

    /// What is wrong with the whole, and where.
    func problems() -> [(reason: String, position: TextPosition)] {
        guard let place = buckets.last?.position ?? count?.position ?? sum?.position else { return [] }
        var found: [(reason: String, position: TextPosition)] = []
        guard let infinite = buckets.last, infinite.bound == .infinity else {
            return [("the histogram has no bucket with le=\"+Inf\"", place)]
        }
        if let count, count.value != infinite.value {
            found.append(("\(countSuffix) is not equal to the bucket with le=\"+Inf\"", count.position))
        }
        guard isStrict else { return found }
        let hasNegativeBounds = buckets.contains { $0.bound < 0 }
        if let sum {
            if count == nil { found.append(("\(sumSuffix) needs \(countSuffix) beside it", sum.position)) }
            if hasNegativeBounds, !isGauge {
                found.append(("a histogram with negative buckets must have no \(sumSuffix)", sum.position))
            }
            if !hasNegativeBounds, isGauge, sum.value < 0 {
                found.append(("\(sumSuffix) must not be negative without negative buckets", sum.position))
            }
        } else if let count, !(hasNegativeBounds && !isGauge) {
            found.append(("\(countSuffix) needs \(sumSuffix) beside it", count.position))
        }
        return found
    }
}
