import Glibc
import Model

/// Buckets whose bounds are powers of two.
enum ValueBucket {
    private static let durationBit: Int64 = 1 << 32

    /// The bucket of a number, which holds all above half its bound up to the bound; nil for 0, negative and no numbers.
    static func bucket(_ value: FieldArithmetic.Value) -> Int64? {
        switch value.type {
        case .int, .duration:
            guard value.word > 0 else { return nil }
            let exponent = Int64(64 - (value.word - 1).leadingZeroBitCount)
            return value.type == .duration ? exponent | durationBit : exponent + 4096
        case .float:
            let number = FieldArithmetic.double(value)
            guard number > 0, number.isFinite else { return nil }
            let exponent = Int64(number.exponent)
            return (number.significand == 1 ? exponent : exponent + 1) + 4096
        default: return nil
        }
    }

    /// The upper bound; of durations in seconds.
    static func bound(_ bucket: Int64) -> Double {
        if bucket & durationBit != 0 { return pow(2, Double(bucket & ~durationBit)) / 1e9 }
        return pow(2, Double(bucket - 4096))
    }

    /// Where quantile `quantile` lies: in the bucket that it falls into, as if values grew exponentially through it.
    /// - Parameter buckets: bounds, ascending, and how many values each holds, none empty.
    static func quantile(_ quantile: Double, _ buckets: [(bound: Double, count: Int64)]) -> Double {
        let count = buckets.reduce(0) { $0 + $1.count }
        guard count > 0 else { return .nan }
        // At least one value, and rounded up, so that few values give something sensible.
        let wanted = max(1, Int64((quantile * Double(count)).rounded(.up)))
        var before: Int64 = 0
        for (index, bucket) in buckets.enumerated() {
            if before + bucket.count == wanted { return bucket.bound }
            if before + bucket.count > wanted {
                let upper = log2(bucket.bound)
                let lower = index > 0 ? log2(buckets[index - 1].bound) : upper - 1
                let share = Double(wanted - before) / Double(bucket.count)
                return pow(2, lower + (upper - lower) * share)
            }
            before += bucket.count
        }
        return buckets.last?.bound ?? .nan
    }
}
