/// Floating-point values as whole numbers times a power of ten, where that is exact to the bit.
///
/// Almost every measured value was printed as a short decimal once. `value * 10^e` is then a whole number `d`, and because IEEE division
/// rounds correctly, `d / 10^e` gives the very same bits back as long as `d` and `10^e` are exact doubles.
enum DecimalScaling {
    /// Whole numbers stay below 2^51 in magnitude, where adding and subtracting `magic` rounds to an integer.
    private static let magnitudeMax = 2_251_799_813_685_248.0
    /// 1.5 * 2^52: a double of this size has a unit in the last place of 1.
    private static let magic = 6_755_399_441_055_744.0
    private static let magicBits: Int64 = 0x4338_0000_0000_0000

    static let exponentMax = 18

    private static let powers: InlineArray<19, Double> = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    ]

    @inline(__always) static func power(_ exponent: Int) -> Double { powers[exponent] }

    /// The whole number for `value` at a power of ten, or nil when the way back would not be exact.
    @inline(__always) static func scaled(_ value: Double, _ power: Double) -> Int64? {
        let product = value * power
        // Also refuses NaN.
        guard product.magnitude < magnitudeMax else { return nil }
        let whole = (product + magic) - magic
        guard (whole / power).bitPattern == value.bitPattern else { return nil }
        return Int64(truncatingIfNeeded: Int64(whole))
    }

    /// The value of a whole number at a power of ten.
    @inline(__always) static func unscaled(_ whole: Int64, _ power: Double) -> Double {
        toDouble(whole) / power
    }

    /// Conversion that compiles to vector code; exact for magnitudes below 2^51, arbitrary beyond.
    @inline(__always) static func toDouble(_ whole: Int64) -> Double {
        Double(bitPattern: UInt64(bitPattern: whole &+ magicBits)) - magic
    }

    /// Scales a column: the whole numbers in `integers`, and the rows that don't fit in `exceptions`.
    ///
    /// Exceptions repeat their predecessor in `integers`, so that they cost nothing there.
    /// Nil when more than an eighth of the rows would be exceptions.
    static func scale(
        _ values: UnsafePointer<Double>, count: Int, integers: UnsafeMutablePointer<Int64>,
        exceptions: UnsafeMutablePointer<Int32>
    ) -> (exponent: Int, exceptionCount: Int)? {
        let exceptionsMax = count / 8
        guard let exponent = commonExponent(values, count: count, exceptionsMax: exceptionsMax) else { return nil }
        let power = powers[exponent]
        var exceptionCount = 0
        var firstFit = -1
        var previous: Int64 = 0
        for i in 0..<count {
            if let whole = scaled(values[i], power) {
                previous = whole
                if firstFit < 0 { firstFit = i }
            } else {
                guard exceptionCount < exceptionsMax else { return nil }
                exceptions[exceptionCount] = Int32(truncatingIfNeeded: i)
                exceptionCount += 1
            }
            integers[i] = previous
        }
        guard firstFit >= 0 else { return nil }
        for i in 0..<firstFit { integers[i] = integers[firstFit] }
        return (exponent, exceptionCount)
    }

    /// The smallest exponent at which all but a few rows are whole.
    private static func commonExponent(
        _ values: UnsafePointer<Double>, count: Int, exceptionsMax: Int
    ) -> Int? {
        var exponent = 0
        var misses = 0
        for i in 0..<count {
            if scaled(values[i], powers[exponent]) != nil { continue }
            var larger = exponent + 1
            while larger <= exponentMax, scaled(values[i], powers[larger]) == nil { larger += 1 }
            if larger <= exponentMax {
                exponent = larger
            } else {
                misses += 1
                if misses > exceptionsMax { return nil }
            }
        }
        return exponent
    }
}
