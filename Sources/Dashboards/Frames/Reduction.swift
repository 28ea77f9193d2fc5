import Glibc

/// From the values of a series to one. Missing values are NaN and don't count, unless a reduction is about them.
public enum Reduction {
    /// - Parameter name: Grafana's id: `lastNotNull`, `mean`, `p95`, …; unknown ones take the last value.
    public static func apply(_ name: String, _ values: [Double]) -> Double {
        let present = values.filter { !$0.isNaN }
        switch name {
        case "last": return values.last ?? .nan
        case "first": return values.first ?? .nan
        case "firstNotNull": return present.first ?? .nan
        case "min": return present.min() ?? .nan
        case "max": return present.max() ?? .nan
        case "mean": return mean(present)
        case "sum", "total": return present.isEmpty ? .nan : present.reduce(0, +)
        case "count": return Double(values.count)
        case "countNotNull": return Double(present.count)
        case "range": return present.isEmpty ? .nan : (present.max() ?? 0) - (present.min() ?? 0)
        case "diff": return present.isEmpty ? .nan : (present.last ?? 0) - (present.first ?? 0)
        case "diffperc": return differencePercent(present)
        case "delta": return increase(present)
        case "step": return zip(present.dropFirst(), present).map { $0 - $1 }.min() ?? .nan
        case "logmin": return present.filter { $0 > 0 }.min() ?? .nan
        case "variance": return variance(present)
        case "stdDev": return variance(present).squareRoot()
        case "median": return quantile(present, 0.5)
        case "allIsZero": return !present.isEmpty && present.allSatisfy { $0 == 0 } ? 1 : 0
        case "allIsNull": return present.isEmpty ? 1 : 0
        case "changeCount": return Double(zip(present.dropFirst(), present).filter { $0 != $1 }.count)
        case "distinctCount", "uniqueValues": return Double(Set(present).count)
        default:
            if name.hasPrefix("p"), let percentile = Double(name.dropFirst()), percentile >= 0, percentile <= 100 {
                return quantile(present, percentile / 100)
            }
            return present.last ?? .nan
        }
    }

    /// A reduction's name for the head of a column.
    public static func title(_ name: String) -> String {
        switch name {
        case "lastNotNull", "last": "Last"
        case "firstNotNull", "first": "First"
        case "min": "Min"
        case "max": "Max"
        case "mean": "Mean"
        case "sum", "total": "Total"
        case "count": "Count"
        case "range": "Range"
        case "diff": "Difference"
        case "delta": "Delta"
        case "stdDev": "StdDev"
        case "median": "Median"
        default: name
        }
    }

    private static func mean(_ values: [Double]) -> Double {
        values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count)
    }

    private static func variance(_ values: [Double]) -> Double {
        let center = mean(values)
        return mean(values.map { ($0 - center) * ($0 - center) })
    }

    private static func differencePercent(_ values: [Double]) -> Double {
        guard let first = values.first, let last = values.last, first != 0 else { return .nan }
        return (last - first) / first
    }

    /// Growth of a counter over its resets.
    private static func increase(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return .nan }
        var total = 0.0
        for (now, before) in zip(values.dropFirst(), values) { total += now >= before ? now - before : now }
        return total
    }

    private static func quantile(_ values: [Double], _ part: Double) -> Double {
        guard !values.isEmpty else { return .nan }
        let sorted = values.sorted()
        let rank = part * Double(sorted.count - 1)
        let lower = Int(rank.rounded(.down))
        let upper = min(sorted.count - 1, lower + 1)
        return sorted[lower] + (sorted[upper] - sorted[lower]) * (rank - Double(lower))
    }
}
