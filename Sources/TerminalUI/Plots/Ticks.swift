import Dashboards
import Glibc

/// Round numbers for an axis.
struct Ticks: Equatable {
    var low: Double
    var high: Double
    var step: Double

    /// A range around `low...high` that ends on quarters of a round step (1-2-5 times a power of ten), with about `count` steps in it.
    /// `isBinary` takes round numbers of each power of 1024, for bytes. Fixed limits are kept as they are.
    init(
        low: Double, high: Double, count: Int, isBinary: Bool = false, fixedLow: Double? = nil, fixedHigh: Double? = nil
    ) {
        var (from, to) = Self.sane(fixedLow ?? low, fixedHigh ?? high)
        if from == to {
            if from == 0 { to = 1 } else if from > 0, fixedLow == nil { from = 0 } else { to = from + abs(from) }
        }
        step = Self.step((to - from) / Double(max(1, count)), isBinary: isBinary)
        let quarter = step / 4
        self.low = fixedLow ?? (from / quarter + 1e-9).rounded(.down) * quarter
        self.high = fixedHigh ?? (to / quarter - 1e-9).rounded(.up) * quarter
        if !(self.high > self.low) { self.high = self.low + step }
    }

    /// All multiples of the step within the range, at most 200.
    var values: [Double] {
        var result: [Double] = []
        let first = (low / step - 1e-9).rounded(.up)
        var index = first
        while index * step <= high + step * 1e-9, result.count < 200 {
            result.append(index * step)
            index += 1
        }
        return result
    }

    private static func sane(_ low: Double, _ high: Double) -> (Double, Double) {
        guard low.isFinite, high.isFinite, abs(low) < 1e300, abs(high) < 1e300 else { return (0, 1) }
        return low <= high ? (low, high) : (high, low)
    }

    static func step(_ rough: Double, isBinary: Bool) -> Double {
        guard rough > 0, rough.isFinite else { return 1 }
        if isBinary, rough >= 1 { return binaryStep(rough) }
        let magnitude = pow(10, log10(rough).rounded(.down))
        guard magnitude > 0, magnitude.isFinite else { return 1 }
        let lead = rough / magnitude
        return (lead <= 1.0001 ? 1 : lead <= 2.0001 ? 2 : lead <= 5.0001 ? 5 : 10) * magnitude
    }

    private static func binaryStep(_ rough: Double) -> Double {
        var unit = 1.0
        while rough > unit * 1000, unit < 1e300 { unit *= 1024 }
        let lead = rough / unit
        for nice in [1.0, 2, 5, 10, 20, 50, 100, 200, 250, 500] where lead <= nice * 1.0001 { return nice * unit }
        return unit * 1024
    }
}

/// Times for an axis and their labels.
struct TimeTicks {
    struct Tick: Equatable {
        /// Milliseconds since the epoch.
        var time: Int64
        var label: String
    }

    /// Ticks on round local times, so many that labels have room in `columns`.
    static func make(from: Int64, to: Int64, columns: Int, zone: TimeZoneChoice) -> [Tick] {
        guard to > from, columns > 0 else { return [] }
        let span = to - from
        let step = choose(span: span, columns: columns)
        let offset = Int64(zone.offset(at: from)) * 1000
        var result: [Tick] = []
        var time = ((from + offset + step - 1) / step) * step - offset
        while time <= to, result.count < 400 {
            result.append(Tick(time: time, label: label(time, step: step, span: span, zone: zone)))
            time += step
        }
        return result
    }

    private static func choose(span: Int64, columns: Int) -> Int64 {
        for step in steps {
            let width = labelWidth(step: step, span: span) + 3
            if Double(span) / Double(step) * Double(width) <= Double(columns) { return step }
        }
        return max(steps[steps.count - 1], span)
    }

    private static func labelWidth(step: Int64, span: Int64) -> Int {
        if step >= day { return 5 }
        if step < 1000 { return 12 }
        if span > 36 * hour { return 11 }
        return step < 60_000 ? 8 : 5
    }

    private static func label(_ time: Int64, step: Int64, span: Int64, zone: TimeZoneChoice) -> String {
        let civil = CivilTime(time, zone)
        if step >= 365 * day { return DecimalText.padded(civil.year, 4) }
        if step >= day { return civil.monthDayText }
        if step < 1000 { return civil.secondText + "." + DecimalText.padded(civil.millisecond, 3) }
        if span > 36 * hour {
            return civil.hour == 0 && civil.minute == 0
                ? civil.monthDayText : civil.monthDayText + " " + civil.minuteText
        }
        return step < 60_000 ? civil.secondText : civil.minuteText
    }

    private static let hour: Int64 = 3_600_000
    private static let day: Int64 = 86_400_000
    private static let steps: [Int64] = [
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
        900_000, 1_800_000, hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day, 14 * day, 30 * day,
        91 * day, 182 * day, 365 * day, 730 * day, 3650 * day,
    ]
}
