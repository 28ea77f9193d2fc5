/// Neumaier's variant of Kahan's compensated summation (Neumaier 1974): the error of each addition is carried along.
@frozen public struct CompensatedSum {
    public var sum: Double
    public var compensation: Double

    @inlinable @inline(__always) public init(_ sum: Double = 0, compensation: Double = 0) {
        self.sum = sum
        self.compensation = compensation
    }

    @inlinable @inline(__always) public mutating func add(_ value: Double) {
        let total = sum + value
        if total.isInfinite {
            compensation = 0
        } else if sum.magnitude >= value.magnitude {
            compensation += (sum - total) + value
        } else {
            compensation += (value - total) + sum
        }
        sum = total
    }

    /// The sum with its compensation; an infinite sum as it is.
    @inlinable @inline(__always) public var value: Double { sum.isInfinite ? sum : sum + compensation }
}

/// The mean of a stream of values: sum over count, until the sum overflows; then an incrementally updated mean.
@frozen public struct CompensatedMean {
    @usableFromInline var total = CompensatedSum(-0.0)
    @usableFromInline var count = 0.0
    @usableFromInline var isIncremental = false

    @inlinable public init() {}

    @inlinable @inline(__always) public mutating func add(_ value: Double) {
        count += 1
        if !isIncremental {
            var next = total
            next.add(value)
            if !next.sum.isInfinite || count == 1 {
                total = next
                return
            }
            isIncremental = true
            total.sum /= count - 1
            total.compensation /= count - 1
        }
        addIncrementally(value)
    }

    @usableFromInline mutating func addIncrementally(_ value: Double) {
        // An infinite mean stays: only the opposite infinity or NaN may change it (to NaN, by plain addition).
        if total.sum.isInfinite, value.isFinite || (value.isInfinite && (value > 0) == (total.sum > 0)) { return }
        let share = (count - 1) / count
        total = CompensatedSum(share * total.sum, compensation: share * total.compensation)
        total.add(value / count)
    }

    @inlinable public var value: Double {
        if isIncremental { return total.sum + total.compensation }
        return total.sum / count + total.compensation / count
    }
}

/// Population variance in two passes: values are taken relative to the first one, so that equal values give exactly 0, and the second
/// pass corrects what rounding left of the mean. NaN where an infinity is among the values.
func populationVariance(_ values: UnsafePointer<Double>, _ count: Int) -> Double {
    let origin = values[0]
    let n = Double(count)
    let mean = laneSum(values, count) { $0 - SIMD8(repeating: origin) } / n
    let shift = SIMD8(repeating: origin)
    let center = SIMD8(repeating: mean)
    let squares = laneSum(values, count) { value in
        let delta = (value - shift) - center
        return delta * delta
    }
    let residual = laneSum(values, count) { ($0 - shift) - center }
    return (squares - residual * residual / n) / n
}

/// The sum of `body` over all values, in eight lanes.
@inline(__always)
private func laneSum(
    _ values: UnsafePointer<Double>, _ count: Int, _ body: (SIMD8<Double>) -> SIMD8<Double>
) -> Double {
    var lanes = SIMD8<Double>()
    var index = 0
    while index + 8 <= count {
        lanes += body(UnsafeRawPointer(values + index).loadUnaligned(as: SIMD8<Double>.self))
        index += 8
    }
    var total = lanes.sum()
    while index < count {
        total += body(SIMD8(repeating: values[index]))[0]
        index += 1
    }
    return total
}
