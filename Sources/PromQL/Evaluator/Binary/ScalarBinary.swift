import Kernels

extension BinaryOperator {
    /// Whether elements keep their name: they do where their values stay what they are, or only lose observations.
    var keepsName: Bool { comparison != nil || self == .trimUpper || self == .trimLower }
}

extension Evaluator {
    /// An operator between two scalars; comparisons give 0 or 1.
    func scalarBinary(_ binary: Binary) throws -> ScalarColumn {
        let lhs = try scalar(binary.lhs)
        let rhs = try scalar(binary.rhs)
        if let op = binary.op.arithmetic {
            return .combine(lhs, rhs) { ArithmeticKernels.apply(op, $0, $1) }
        }
        if let comparison = binary.op.comparison {
            return .combine(lhs, rhs) { comparison.holds($0, $1) ? 1 : 0 }
        }
        throw QueryError.execution("operator \"\(binary.op.rawValue)\" not allowed for Scalar operations")
    }

    /// An operator with a vector on at least one side.
    func vectorBinary(_ binary: Binary) throws -> StepMatrix {
        switch (binary.lhs.type, binary.rhs.type) {
        case (.scalar, _): return try scaled(binary, vector(binary.rhs), scalar(binary.lhs), scalarIsLeft: true)
        case (_, .scalar): return try scaled(binary, vector(binary.lhs), scalar(binary.rhs), scalarIsLeft: false)
        default:
            let lhs = try vector(binary.lhs)
            let rhs = try vector(binary.rhs)
            let matching = binary.matching ?? VectorMatching()
            switch binary.op {
            case .and, .or, .unless: return try setOperation(binary.op, lhs, rhs, matching)
            default: return try VectorMatch(self, binary, matching, lhs, rhs).result()
            }
        }
    }

    /// A vector and a scalar. Filters keep the vector's value, on whichever side it stands.
    private func scaled(
        _ binary: Binary, _ matrix: StepMatrix, _ scalar: ScalarColumn, scalarIsLeft: Bool
    ) throws -> StepMatrix {
        var matrix = matrix
        let values = scalar.values(grid.count)
        let operation = ElementOperation(context, binary)
        values.withUnsafeBufferPointer { values in
            guard let scalars = values.baseAddress else { return }
            for index in 0..<matrix.count {
                let row = matrix.row(index)
                let vector = OperandColumn(floats: row, histograms: matrix.histogramColumn(index))
                let constant = OperandColumn(floats: scalars, histograms: nil)
                let histograms = operation.apply(
                    scalarIsLeft ? constant : vector, scalarIsLeft ? vector : constant, count: grid.count,
                    keepsRight: scalarIsLeft, into: row)
                if matrix.hasHistograms { matrix.histograms[index] = histograms }
            }
        }
        if !binary.op.keepsName || binary.returnsBool { try matrix.dropNames(context) }
        if binary.op.arithmetic == nil || matrix.hasHistograms { matrix.dropEmptySeries() }
        return matrix
    }
}
