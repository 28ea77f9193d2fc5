import Model

/// Rows of step-aligned floats in one allocation: row `r`, step `s` stands at `r * steps + s`. Absent steps hold `Absent.value`.
///
/// Its points are charged to a query's budget as long as it lives. One owner writes at a time; disjoint rows may be written from
/// several threads.
public final class FloatMatrix: @unchecked Sendable {
    public private(set) var rows: Int
    public let steps: Int
    public let base: UnsafeMutablePointer<Double>
    private let budget: QueryBudget

    /// Uninitialised room: whoever makes it writes every row before it is read.
    public init(rows: Int, steps: Int, budget: QueryBudget) throws(QueryBudget.Exceeded) {
        precondition(rows >= 0 && steps >= 0, "a matrix of \(rows) rows and \(steps) steps")
        let (points, overflows) = rows.multipliedReportingOverflow(by: steps)
        guard !overflows && points <= budget.samplesMax else {
            throw QueryBudget.Exceeded(samplesMax: budget.samplesMax)
        }
        do {
            try budget.charge(points)
        } catch {
            budget.release(points)
            throw error
        }
        self.rows = rows
        self.steps = steps
        self.budget = budget
        base = .allocate(capacity: max(1, points))
    }

    public convenience init(
        rows: Int, steps: Int, filledWith value: Double, budget: QueryBudget
    ) throws(QueryBudget.Exceeded) {
        try self.init(rows: rows, steps: steps, budget: budget)
        base.initialize(repeating: value, count: rows * steps)
    }

    deinit {
        base.deallocate()
        budget.release(rows * steps)
    }

    public func row(_ index: Int) -> UnsafeMutablePointer<Double> {
        precondition(index >= 0 && index < rows, "row \(index) of \(rows)")
        return base + index * steps
    }

    /// Whether no step of the row has a value.
    public func isRowAbsent(_ index: Int) -> Bool {
        let values = row(index)
        for step in 0..<steps where !Absent.matches(values[step]) { return false }
        return true
    }

    /// Keeps the rows `kept`, ascending, and forgets the others.
    public func compact(_ kept: [Int]) {
        precondition(kept.count <= rows, "keeping \(kept.count) of \(rows) rows")
        for (to, from) in kept.enumerated() where from != to { row(to).update(from: row(from), count: steps) }
        budget.release((rows - kept.count) * steps)
        rows = kept.count
    }
}
