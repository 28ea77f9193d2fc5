import Model

/// Accumulates rows of step columns into groups: one state per (group, step), rows added one after another.
///
/// Copies share their columns, so keep one owner. Not thread-safe; threads keep one each and merge them in a fixed order, so that results don't depend on scheduling.
public struct GroupAccumulator {
    public enum Operation: Sendable {
        case sum, average, minimum, maximum, count, group, variance, deviation
    }

    private let operation: Operation
    private let groups: Int
    private let steps: Int
    /// Values seen so far, per (group, step).
    private let counts: FloatMatrix
    /// Sum, extreme or mean; compensation; second moment, as the operation needs them.
    private let totals: FloatMatrix?
    private let compensations: FloatMatrix?
    private let squares: FloatMatrix?
    /// Sums that overflowed and went on as incremental means (`average`).
    private var incremental: Set<Int> = []

    public init(
        _ operation: Operation, groups: Int, steps: Int, budget: QueryBudget
    ) throws(QueryBudget.Exceeded) {
        self.operation = operation
        self.groups = groups
        self.steps = steps
        func room(_ value: Double) throws(QueryBudget.Exceeded) -> FloatMatrix {
            try FloatMatrix(rows: groups, steps: steps, filledWith: value, budget: budget)
        }
        counts = try room(0)
        switch operation {
        case .count, .group:
            totals = nil
            compensations = nil
            squares = nil
        case .minimum, .maximum:
            totals = try room(.nan)
            compensations = nil
            squares = nil
        case .sum, .average:
            totals = try room(-0.0)  // The neutral element of addition.
            compensations = try room(0)
            squares = nil
        case .variance, .deviation:
            totals = try room(0)
            compensations = nil
            squares = try room(0)
        }
    }

    /// Adds one row to `group`.
    public mutating func add(_ row: UnsafePointer<Double>, to group: Int) {
        precondition(group >= 0 && group < groups, "group \(group) of \(groups)")
        let counts = self.counts.row(group)
        switch operation {
        case .count, .group:
            for step in 0..<steps { counts[step] += Absent.matches(row[step]) ? 0 : 1 }
        case .minimum: addExtreme(row, counts, group) { $0 < $1 }
        case .maximum: addExtreme(row, counts, group) { $0 > $1 }
        case .sum: addSum(row, counts, group)
        case .average: addMean(row, counts, group)
        case .variance, .deviation: addMoments(row, counts, group)
        }
    }

    /// Adds what another accumulator of the same shape and operation has taken in behind this one; not for variances.
    public mutating func merge(_ other: GroupAccumulator) {
        precondition(
            other.groups == groups && other.steps == steps && squares == nil,
            "merging \(other.groups) groups × \(other.steps) steps into \(groups) × \(steps)")
        for at in 0..<groups * steps {
            let more = other.counts.base[at]
            if more == 0 { continue }
            if let totals, let extra = other.totals {
                let value = extra.base[at]
                switch operation {
                case .minimum, .maximum:
                    let best = totals.base[at]
                    let isBetter = operation == .minimum ? value < best : value > best
                    if best.isNaN || isBetter { totals.base[at] = value }
                default:
                    guard let compensations, let rest = other.compensations else { break }
                    var total = CompensatedSum(totals.base[at], compensation: compensations.base[at])
                    total.add(value)
                    total.compensation += total.sum.isInfinite ? 0 : rest.base[at]
                    totals.base[at] = total.sum
                    compensations.base[at] = total.compensation
                }
            }
            counts.base[at] += more
        }
        incremental.formUnion(other.incremental)
    }

    /// Whether a sum for an average is infinite: merged parts can't tell then what the mean is.
    public var hasOverflowed: Bool {
        guard operation == .average, let totals else { return false }
        return !incremental.isEmpty || (0..<groups * steps).contains { totals.base[$0].isInfinite }
    }

    /// The result of `group` per step, absent where nothing was added.
    public func result(of group: Int, into out: UnsafeMutablePointer<Double>) {
        let counts = self.counts.row(group)
        for step in 0..<steps {
            let count = counts[step]
            out[step] = count == 0 ? Absent.value : Absent.guarded(value(group, step, count))
        }
    }

    @inline(__always)
    private func value(_ group: Int, _ step: Int, _ count: Double) -> Double {
        let at = group * steps + step
        switch operation {
        case .count: return count
        case .group: return 1
        case .minimum, .maximum: return totals.map { $0.base[at] } ?? .nan
        case .sum:
            guard let totals, let compensations else { return .nan }
            return CompensatedSum(totals.base[at], compensation: compensations.base[at]).value
        case .average:
            guard let totals, let compensations else { return .nan }
            if incremental.contains(at) { return totals.base[at] + compensations.base[at] }
            return totals.base[at] / count + compensations.base[at] / count
        case .variance: return squares.map { $0.base[at] / count } ?? .nan
        case .deviation: return squares.map { ($0.base[at] / count).squareRoot() } ?? .nan
        }
    }

    @inline(__always)
    private func addExtreme(
        _ row: UnsafePointer<Double>, _ counts: UnsafeMutablePointer<Double>, _ group: Int,
        _ isBetter: (Double, Double) -> Bool
    ) {
        guard let totals = totals?.row(group) else { return }
        for step in 0..<steps {
            let value = row[step]
            let isPresent = !Absent.matches(value)
            let best = totals[step]
            // NaN counts only where there is nothing else.
            totals[step] = isPresent && (best.isNaN || isBetter(value, best)) ? value : best
            counts[step] += isPresent ? 1 : 0
        }
    }

    private func addSum(_ row: UnsafePointer<Double>, _ counts: UnsafeMutablePointer<Double>, _ group: Int) {
        guard let totals = totals?.row(group), let compensations = compensations?.row(group) else { return }
        for step in 0..<steps {
            let value = row[step]
            let isPresent = !Absent.matches(value)
            var total = CompensatedSum(totals[step], compensation: compensations[step])
            total.add(value)
            totals[step] = isPresent ? total.sum : totals[step]
            compensations[step] = isPresent ? total.compensation : compensations[step]
            counts[step] += isPresent ? 1 : 0
        }
    }

    private mutating func addMean(
        _ row: UnsafePointer<Double>, _ counts: UnsafeMutablePointer<Double>, _ group: Int
    ) {
        guard let totals = totals?.row(group), let compensations = compensations?.row(group) else { return }
        for step in 0..<steps {
            let value = row[step]
            guard !Absent.matches(value) else { continue }
            counts[step] += 1
            let count = counts[step]
            var total = CompensatedSum(totals[step], compensation: compensations[step])
            let at = group * steps + step
            if incremental.isEmpty || !incremental.contains(at) {
                var next = total
                next.add(value)
                if !next.sum.isInfinite || count == 1 {
                    totals[step] = next.sum
                    compensations[step] = next.compensation
                    continue
                }
                incremental.insert(at)
                total.sum /= count - 1
                total.compensation /= count - 1
            }
            // An infinite mean stays, unless the opposite infinity or NaN comes.
            let keepsInfinity =
                total.sum.isInfinite && (value.isFinite || (value.isInfinite && (value > 0) == (total.sum > 0)))
            if !keepsInfinity {
                let share = (count - 1) / count
                total = CompensatedSum(share * total.sum, compensation: share * total.compensation)
                total.add(value / count)
            }
            totals[step] = total.sum
            compensations[step] = total.compensation
        }
    }

    private func addMoments(_ row: UnsafePointer<Double>, _ counts: UnsafeMutablePointer<Double>, _ group: Int) {
        guard let means = totals?.row(group), let squares = squares?.row(group) else { return }
        for step in 0..<steps {
            let value = row[step]
            guard !Absent.matches(value) else { continue }
            counts[step] += 1
            let delta = value - means[step]
            means[step] += delta / counts[step]
            squares[step] += delta * (value - means[step])
        }
    }
}
