import Bedrock
import Model

/// Evaluates expressions in braces for all rows of a block at once. One thread's.
struct FieldEvaluator {
    let block: any SpanBlock
    let cancellation: Cancellation
    private var rowCount: Int { block.rowCount }

    init(_ block: any SpanBlock, _ cancellation: Cancellation) {
        self.block = block
        self.cancellation = cancellation
    }

    /// Which rows meet a condition.
    func mask(_ expr: FieldExpr) throws -> RowMask {
        try cancellation.check()
        switch expr {
        case .literal(let value): return RowMask(repeating: value == .bool(true) ? 1 : 0, count: rowCount)
        case .field, .negate, .arithmetic: return isBool(try vector(expr), true)
        case .not:
            let (base, isNegated) = expr.strippedOfNot
            guard base.isCondition else { return isBool(try vector(base), !isNegated) }
            var found = try mask(base)
            if isNegated { for row in found.indices { found[row] ^= 1 } }
            return found
        case .all(let operands):
            var found = RowMask(repeating: 1, count: rowCount)
            for operand in operands { Self.merge(&found, try mask(operand)) { $0 & $1 } }
            return found
        case .any(let operands):
            var found = RowMask(repeating: 0, count: rowCount)
            for operand in operands { Self.merge(&found, try mask(operand)) { $0 | $1 } }
            return found
        case .compare(let op, let a, let b): return try compare(op, a, b)
        case .matches(let operand, let pattern, let isNegated):
            return match(try vector(operand), try compiledPattern(pattern), isNegated: isNegated)
        }
    }

    @inline(__always) static func merge(_ a: inout RowMask, _ b: RowMask, _ op: (UInt8, UInt8) -> UInt8) {
        a.withUnsafeMutableBufferPointer { a in
            b.withUnsafeBufferPointer { b in for row in 0..<min(a.count, b.count) { a[row] = op(a[row], b[row]) } }
        }
    }

    /// Values of an expression.
    func vector(_ expr: FieldExpr) throws -> FieldVector {
        if let value = expr.constantValue { return .constant(value) }
        switch expr {
        case .literal(let value): return .constant(value)
        case .field(let field): return .of(try block.column(field))
        case .negate(let operand):
            let operand = try vector(operand)
            return try computed { FieldArithmetic.negate(operand.single($0)) }
        case .arithmetic(let op, let a, let b):
            let (a, b) = (try vector(a), try vector(b))
            return try computed { FieldArithmetic.compute(op, a.single($0), b.single($0)) }
        case .not:
            let (base, isNegated) = expr.strippedOfNot
            if base.isCondition { return .bools(try mask(expr)) }
            let operand = try vector(base)
            return try computed { row in
                let value = operand.single(row)
                guard value.type == .bool else { return FieldArithmetic.none }
                return (.bool, (value.word != 0) != isNegated ? 1 : 0)
            }
        case .all, .any, .compare, .matches: return .bools(try mask(expr))
        }
    }

    private func computed(_ value: (Int) -> FieldArithmetic.Value) throws -> FieldVector {
        try cancellation.check()
        var types = ContiguousArray<UInt8>()
        var words = ContiguousArray<Int64>()
        types.reserveCapacity(rowCount)
        words.reserveCapacity(rowCount)
        for row in 0..<rowCount {
            let found = value(row)
            types.append(found.type.rawValue)
            words.append(found.word)
        }
        return .computed(types: types, words: words)
    }

    /// Rows whose value is this bool; of several values any.
    private func isBool(_ vector: FieldVector, _ wanted: Bool) -> RowMask {
        let wanted = FieldOperand(type: .bool, word: wanted ? 1 : 0)
        return rows { row in anyValue(vector, row) { $0.compares(.equal, wanted) } }
    }

    private func rows(_ holds: (Int) -> Bool) -> RowMask {
        RowMask(unsafeUninitializedCapacity: rowCount) { target, count in
            for row in 0..<rowCount { target[row] = holds(row) ? 1 : 0 }
            count = rowCount
        }
    }

    // MARK: Comparing

    private func compare(_ op: SpanCondition.Comparison, _ a: FieldExpr, _ b: FieldExpr) throws -> RowMask {
        var (left, right) = (try vector(a), try vector(b))
        if case .constant(.nil) = right { return isNil(left, op) }
        if case .constant(.nil) = left { return isNil(right, op) }
        if case .field(let field) = a, case .constant(let value) = right {
            right = .constant(field.canonical(value, op))
        }
        if case .field(let field) = b, case .constant(let value) = left { left = .constant(field.canonical(value, op)) }
        return withConstantText(left) { leftText in
            withConstantText(right) { rightText in
                rows { row in
                    holds(left, leftText, row, wantsAll: op == .notEqual) { a in
                        holds(right, rightText, row, wantsAll: op == .notEqual) { b in a.compares(op, b) }
                    }
                }
            }
        }
    }

    private func isNil(_ vector: FieldVector, _ op: SpanCondition.Comparison) -> RowMask {
        guard op == .equal || op == .notEqual else { return RowMask(repeating: 0, count: rowCount) }
        return rows { row in anyValue(vector, row) { $0.type != .nil } != (op == .equal) }
    }

    private func match(_ vector: FieldVector, _ regex: RegularExpression, isNegated: Bool) -> RowMask {
        withConstantText(vector) { text in
            rows { row in
                holds(vector, text, row, wantsAll: isNegated) { value in
                    guard let text = value.text else { return false }
                    return regex.matches(text) != isNegated
                }
            }
        }
    }

    /// Whether `test` holds for any value of the row, or for all of them and there is one.
    @inline(__always) private func holds(
        _ vector: FieldVector, _ constantText: UnsafeRawBufferPointer?, _ row: Int, wantsAll: Bool,
        _ test: (FieldOperand) -> Bool
    ) -> Bool {
        guard case .column(let column) = vector else {
            let value = vector.single(row)
            return test(FieldOperand(type: value.type, word: value.word, text: constantText))
        }
        let range = column.range(row)
        for index in range where test(column.operand(index)) != wantsAll { return !wantsAll }
        return wantsAll && !range.isEmpty
    }

    private func anyValue(_ vector: FieldVector, _ row: Int, _ test: (FieldOperand) -> Bool) -> Bool {
        holds(vector, nil, row, wantsAll: false, test)
    }

    private func withConstantText<R>(_ vector: FieldVector, _ body: (UnsafeRawBufferPointer?) -> R) -> R {
        guard case .constant(.string(var text)) = vector else { return body(nil) }
        return text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }
}
