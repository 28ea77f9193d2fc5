import Kernels
import Model

/// One side of an operator over all steps: a column of floats, and histograms if there are any.
struct OperandColumn {
    let floats: UnsafePointer<Double>
    let histograms: StepMatrix.HistogramColumn?
}

/// An arithmetic, comparison or trim operator between the elements of two columns.
struct ElementOperation {
    let binary: Binary
    private let context: QueryContext

    init(_ context: QueryContext, _ binary: Binary) {
        self.context = context
        self.binary = binary
    }

    /// `out = a op b` at each step where both have a value; returns the histograms of the result. `out` may be one of the operands.
    /// - Parameter keepsRight: filters pass on the right value instead of the left one.
    func apply(
        _ a: OperandColumn, _ b: OperandColumn, count: Int, keepsRight: Bool = false,
        into out: UnsafeMutablePointer<Double>
    ) -> StepMatrix.HistogramColumn? {
        if a.histograms == nil && b.histograms == nil && floats(a, b, count, keepsRight, out) { return nil }
        var results = StepMatrix.HistogramColumn(repeating: nil, count: count)
        for step in 0..<count {
            let left = Operand(a, step)
            let right = Operand(b, step)
            out[step] = Absent.value
            guard let left, let right, let result = element(left, right) else { continue }
            switch result {
            case .float(let value): out[step] = Absent.guarded(value)
            case .histogram(let histogram): results[step] = histogram
            case .holds(let holds):
                if binary.returnsBool {
                    out[step] = holds ? 1 : 0
                } else if holds {
                    switch keepsRight ? right : left {
                    case .float(let value): out[step] = value
                    case .histogram(let histogram): results[step] = histogram
                    }
                }
            }
        }
        return results
    }

    /// The whole column by kernels; false for operators that floats don't have.
    private func floats(
        _ a: OperandColumn, _ b: OperandColumn, _ count: Int, _ keepsRight: Bool, _ out: UnsafeMutablePointer<Double>
    ) -> Bool {
        if let op = binary.op.arithmetic {
            ArithmeticKernels.apply(op, a.floats, b.floats, count: count, into: out)
            return true
        }
        guard let comparison = binary.op.comparison else { return false }
        let result: ArithmeticKernels.ComparisonResult = binary.returnsBool ? .bool : keepsRight ? .right : .left
        ArithmeticKernels.compare(comparison, a.floats, b.floats, count: count, result: result, into: out)
        return true
    }

    private enum Operand {
        case float(Double)
        case histogram(NativeHistogram)

        init?(_ column: OperandColumn, _ step: Int) {
            if let histogram = column.histograms?[step] {
                self = .histogram(histogram)
            } else if !Absent.matches(column.floats[step]) {
                self = .float(column.floats[step])
            } else {
                return nil
            }
        }

        var typeName: String {
            switch self {
            case .float: "float"
            case .histogram: "histogram"
            }
        }
    }

    private enum Outcome {
        case float(Double)
        case histogram(NativeHistogram)
        /// Of a comparison.
        case holds(Bool)
    }

    private func element(_ a: Operand, _ b: Operand) -> Outcome? {
        switch (a, b) {
        case (.float(let x), .float(let y)):
            if let op = binary.op.arithmetic { return .float(ArithmeticKernels.apply(op, x, y)) }
            if let comparison = binary.op.comparison { return .holds(comparison.holds(x, y)) }
        case (.histogram(let x), .float(let y)):
            switch binary.op {
            case .multiply: return .histogram(x.scaled(by: y))
            case .divide: return .histogram(x.divided(by: y))
            case .trimUpper: return .histogram(x.trimmed(at: y, keepsLower: true))
            case .trimLower: return .histogram(x.trimmed(at: y, keepsLower: false))
            default: break
            }
        case (.float(let x), .histogram(let y)):
            if binary.op == .multiply { return .histogram(y.scaled(by: x)) }
        case (.histogram(let x), .histogram(let y)):
            switch binary.op {
            case .add: return combination(x.adding(y), .addition)
            case .subtract: return combination(x.subtracting(y), .subtraction)
            case .equal: return .holds(x.compacted.hasSameContent(as: y.compacted))
            case .notEqual: return .holds(!x.compacted.hasSameContent(as: y.compacted))
            default: break
            }
        }
        context.annotations.inform(
            "incompatible sample types encountered for binary operator \"\(binary.op.rawValue)\": \(a.typeName) \(binary.op.rawValue) \(b.typeName)",
            binary.source)
        return nil
    }

    private func combination(_ combination: HistogramCombination?, _ operation: HistogramOperation) -> Outcome? {
        guard let combination else {
            context.annotations.warn(
                "incompatible bucket layout encountered for binary operator \(binary.op.rawValue)", binary.source)
            return nil
        }
        context.annotations.note(combination, operation, binary.source)
        var result = combination.histogram.compacted
        if operation == .subtraction { result.resetHint = .gauge }
        return .histogram(result)
    }
}
