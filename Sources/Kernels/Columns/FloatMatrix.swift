/// Rows of step-aligned floats in one allocation: row `r`, step `s` stands at `r * steps + s`. Absent steps hold `Absent.value`.
///
/// One owner writes at a time; disjoint rows may be written from several threads.
public final class FloatMatrix: @unchecked Sendable {
    public let rows: Int
    public let steps: Int
    public let base: UnsafeMutablePointer<Double>

    /// Uninitialised room: whoever makes it writes every row before it is read.
    public init(rows: Int, steps: Int) {
        precondition(rows >= 0 && steps >= 0, "a matrix of \(rows) rows and \(steps) steps")
        self.rows = rows
        self.steps = steps
        base = .allocate(capacity: max(1, rows * steps))
    }

    public convenience init(rows: Int, steps: Int, filledWith value: Double) {
        self.init(rows: rows, steps: steps)
        base.initialize(repeating: value, count: rows * steps)
    }

    deinit { base.deallocate() }

    public func row(_ index: Int) -> UnsafeMutablePointer<Double> {
        precondition(index >= 0 && index < rows, "row \(index) of \(rows)")
        return base + index * steps
    }

    public func column(_ index: Int) -> UnsafeMutableBufferPointer<Double> {
        UnsafeMutableBufferPointer(start: row(index), count: steps)
    }

    /// Whether no step of the row has a value.
    public func isRowAbsent(_ index: Int) -> Bool {
        let values = row(index)
        for step in 0..<steps where !Absent.matches(values[step]) { return false }
        return true
    }
}
