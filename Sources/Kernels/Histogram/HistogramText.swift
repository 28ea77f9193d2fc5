import Bedrock
import Model

extension NativeHistogram {
    /// Count, sum and buckets as text, the way `count_values` labels them: `{count:2, sum:3, (1,2]:2}`.
    public var text: String {
        var parts = ["count:\(NumberText.text(count, .general))", "sum:\(NumberText.text(sum, .general))"]
        for bucket in allBuckets {
            let isZero = !hasCustomBuckets && bucket.holdsZero
            let open = bucket.lower < 0 ? "[" : isZero ? "[" : "("
            let close = bucket.upper > 0 ? "]" : isZero ? "]" : ")"
            let lower = NumberText.text(bucket.lower, .general)
            let upper = NumberText.text(bucket.upper, .general)
            parts.append("\(open)\(lower),\(upper)\(close):\(NumberText.text(bucket.count, .general))")
        }
        return "{" + parts.joined(separator: ", ") + "}"
    }
}
