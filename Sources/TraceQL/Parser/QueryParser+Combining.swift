import Model

/// What operators outside of braces make of their sides.
extension QueryParser {
    mutating func combine(
        _ a: Operand, _ symbol: Token.Symbol, _ place: SourceRange, _ b: Operand
    ) throws(TraceQLError) -> Operand {
        var result = Operand(part: a.part, range: a.range.through(b.range))
        result.height = try height(above: a.height, b.height)
        result.aggregates = a.aggregates + b.aggregates
        if let arithmetic = symbol.arithmetic {
            result.part = try compute(a, arithmetic, place, b)
            return result
        }
        if let left = a.spanset, let right = b.spanset {
            if symbol == .and || symbol == .or {
                result.part = .spanset(.binary(symbol == .and ? .and : .or, left, right))
                return result
            }
            if let op = symbol.structural {
                result.part = .spanset(.binary(op, left, right))
                return result
            }
        }
        guard let comparison = symbol.comparison else { throw misplaced(symbol, place, a, b) }
        if case .metrics(let metrics) = a.part, !metrics.isNumber, b.isNumber {
            judgeUse(of: metrics, result.range)
            result.part = .metrics(.filter(metrics, comparison, try filterValue(b)))
            return result
        }
        guard case .scalar(let stages, let lhs) = a.part, case .scalar(let others, let rhs) = b.part,
            !a.isNumber || !b.isNumber
        else { throw misplaced(symbol, place, a, b) }
        let filter = ScalarFilter(lhs, comparison, rhs)
        if result.aggregates > 1 || !others.isEmpty {
            note("comparing aggregates with each other is not supported", result.range, .unsupported)
        }
        result.aggregates = 0
        result.part = stages.isEmpty ? .scalarFilter(filter) : .stages(stages + [.scalarFilter(filter)])
        return result
    }

    private func misplaced(_ symbol: Token.Symbol, _ place: SourceRange, _ a: Operand, _ b: Operand) -> TraceQLError {
        let hint: String? =
            if symbol.comparison != nil && (a.spanset != nil || b.spanset != nil) {
                "conditions on spans stand in braces, those on their number read count() > 1"
            } else {
                nil
            }
        return error(
            "syntax error: unexpected \(symbol.rawValue) between \(a.described) and \(b.described)", place, hint: hint)
    }

    private mutating func compute(
        _ a: Operand, _ op: ArithmeticOperator, _ place: SourceRange, _ b: Operand
    ) throws(TraceQLError) -> Operand.Part {
        if case .scalar(let stages, let lhs) = a.part, case .scalar(let others, let rhs) = b.part {
            if a.aggregates > 0 && b.aggregates > 0 || !stages.isEmpty || !others.isEmpty {
                note(
                    "arithmetic between aggregates is not supported", a.range.through(b.range), .unsupported)
            }
            if case .literal(.int(0)) = rhs, op == .divide || op == .modulo { note("division by zero", place) }
            return .scalar(stages: stages.isEmpty ? others : stages, .binary(op, lhs, rhs))
        }
        guard let lhs = try metricsSide(a), let rhs = try metricsSide(b) else {
            let symbol = Token.Symbol(rawValue: op.rawValue) ?? .add
            throw misplaced(symbol, place, a, b)
        }
        if op == .modulo || op == .power {
            throw error("syntax error: unexpected \(op.rawValue), metrics know + - * / only", place)
        }
        judgeUse(of: lhs, a.range)
        judgeUse(of: rhs, b.range)
        return .metrics(.binary(op, lhs, rhs))
    }

    /// Series or a plain number; nil for anything else.
    private func metricsSide(_ operand: Operand) throws(TraceQLError) -> MetricsExpr? {
        if case .metrics(let metrics) = operand.part { return metrics }
        guard operand.isNumber else { return nil }
        return .number(try plainNumber(operand))
    }

    private func plainNumber(_ operand: Operand) throws(TraceQLError) -> Double {
        switch operand.number {
        case .int(let number)?: return Double(number)
        case .float(let number)? where number.isFinite: return number
        case .float?: throw error("number is out of range", operand.range)
        default:
            throw error(
                "syntax error: unexpected DURATION in arithmetic", operand.range, hint: "write seconds as a number")
        }
    }

    private func filterValue(_ operand: Operand) throws(TraceQLError) -> SpanValue {
        if case .duration(let nanoseconds)? = operand.number { return .duration(nanoseconds) }
        return .float(try plainNumber(operand))
    }
}
