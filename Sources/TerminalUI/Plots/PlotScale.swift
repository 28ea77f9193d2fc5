import Glibc

/// Maps values to heights, linear or logarithmic.
struct PlotScale {
    let low: Double
    let high: Double
    /// 0 for linear, else 2 or 10.
    let logBase: Double
    private let span: Double
    private let origin: Double

    init(low: Double, high: Double, logBase: Double = 0) {
        self.low = low
        self.high = high
        self.logBase = logBase
        origin = logBase > 1 ? log(max(low, 1e-300)) : low
        let top = logBase > 1 ? log(max(high, 1e-300)) : high
        span = top > origin ? top - origin : 1
    }

    /// 0 at the lower end, 1 at the upper one; NaN stays NaN, and so does what a logarithm can't show.
    @inline(__always)
    func fraction(_ value: Double) -> Double {
        if logBase > 1 { return value > 0 ? (log(value) - origin) / span : .nan }
        return (value - origin) / span
    }

    /// The dot row of a value in a canvas of `dots` rows, row 0 on top; bounded to one canvas outside; nil for NaN.
    @inline(__always)
    func row(_ value: Double, dots: Int) -> Int? {
        let part = fraction(value)
        guard part == part else { return nil }
        let bounded = max(-1, min(2, part))
        return Int(((1 - bounded) * Double(dots - 1)).rounded())
    }

    /// The height of a value in `steps` from the bottom, bounded to the range; nil for NaN.
    @inline(__always)
    func level(_ value: Double, steps: Int) -> Int? {
        let part = fraction(value)
        guard part == part else { return nil }
        return Int((max(0, min(1, part)) * Double(steps)).rounded())
    }
}
