import Model

/// Checks what grammar alone doesn't: types, argument counts, and which modifiers go together. Prometheus' texts.
struct TypeChecker {
    /// The query, for positions.
    let text: [UInt8]

    func check(_ expr: Expr) throws(ParseError) {
        switch expr {
        case .number, .string: break
        case .vectorSelector(let selector): try check(selector)
        case .matrixSelector(let matrix): try check(matrix.selector)
        case .subquery(let subquery): try check(subquery)
        case .call(let call): try check(call)
        case .aggregate(let aggregate): try check(aggregate)
        case .binary(let binary): try check(binary)
        case .unary(let unary): try check(unary)
        case .paren(let paren): try check(paren.inner)
        }
    }

    private func error(_ message: String, _ range: SourceRange, hint: String? = nil) -> ParseError {
        ParseError(message, range, in: text, hint: hint)
    }

    private func expect(_ type: ValueType, _ expr: Expr, in context: String) throws(ParseError) {
        guard expr.type != type else { return }
        let message = "expected type \(type.documentedName) in \(context), got \(expr.type.documentedName)"
        throw error(message, expr.source, hint: hint(wanted: type, got: expr))
    }

    private func hint(wanted: ValueType, got expr: Expr) -> String? {
        switch (wanted, expr.type) {
        case (.matrix, .vector):
            if case .vectorSelector = expr { return "add a range to the selector: [5m]" }
            return "make it a subquery: [5m:]"
        case (.vector, .scalar): return "vector(…) makes a vector of a scalar"
        case (.scalar, .vector): return "scalar(…) makes a scalar of a vector with one element"
        case (.vector, .matrix): return "a range vector goes through a function such as rate(…) or avg_over_time(…)"
        default: return nil
        }
    }

    // MARK: Selectors

    private func check(_ selector: VectorSelector, isLabelSelector: Bool = false) throws(ParseError) {
        if let name = selector.name {
            for matcher in selector.matchers.dropLast() where matcher.name == Labels.metricName {
                throw error(
                    "metric name must not be set twice: \(quoted(name)) or \(quoted(matcher.value))", selector.source)
            }
            return
        }
        if isLabelSelector || selector.matchers.contains(where: { !$0.matchesEmpty }) { return }
        throw error("vector selector must contain at least one non-empty matcher", selector.source)
    }

    private func check(_ subquery: Subquery) throws(ParseError) {
        try check(subquery.inner)
        guard subquery.inner.type == .vector else {
            let got = subquery.inner.type.apiName
            throw error("subquery is only allowed on instant vector, got \(got) instead", subquery.source)
        }
    }

    // MARK: Calls

    private func check(_ call: Call) throws(ParseError) {
        let signature = call.function.signature
        let name = quoted(call.function.name)
        let count = call.arguments.count
        let got = "argument(s) in call to \(name), got \(count)"
        if signature.argumentsMax == signature.argumentsMin {
            if count != signature.argumentsMin { throw error("expected \(signature.argumentsMin) \(got)", call.source) }
        } else if count < signature.argumentsMin {
            throw error("expected at least \(signature.argumentsMin) \(got)", call.source)
        } else if let most = signature.argumentsMax, count > most {
            throw error("expected at most \(most) \(got)", call.source)
        }
        for (index, argument) in call.arguments.enumerated() {
            if call.function == .info && index == 1 {
                try checkLabelSelector(argument)
                continue
            }
            try check(argument)
            if let type = signature.argumentType(index) { try expect(type, argument, in: "call to function \(name)") }
        }
    }

    /// The second argument of `info`: matchers without a name, which may all match the empty string.
    private func checkLabelSelector(_ argument: Expr) throws(ParseError) {
        guard case .vectorSelector(let selector) = argument else {
            throw error("expected label selectors only", argument.source)
        }
        if selector.name != nil {
            throw error("expected label selectors only, got vector selector instead", argument.source)
        }
        if selector.modifiers != TimeModifiers() || selector.extended != nil {
            throw error("expected label selectors only, got modifiers too", argument.source)
        }
        try check(selector, isLabelSelector: true)
    }

    // MARK: Operators

    private func check(_ aggregate: Aggregate) throws(ParseError) {
        try check(aggregate.operand)
        try expect(.vector, aggregate.operand, in: "aggregation expression")
        if let parameter = aggregate.parameter, let type = aggregate.op.parameterType {
            try check(parameter)
            try expect(type, parameter, in: "aggregation parameter")
        }
    }

    private func check(_ unary: Unary) throws(ParseError) {
        try check(unary.operand)
        let type = unary.operand.type
        guard type == .scalar || type == .vector else {
            let allowed = "unary expression only allowed on expressions of type scalar or instant vector"
            throw error("\(allowed), got \(quoted(type.documentedName))", unary.source)
        }
    }

    private func check(_ binary: Binary) throws(ParseError) {
        try check(binary.lhs)
        try check(binary.rhs)
        let op = binary.op
        let types = (binary.lhs.type, binary.rhs.type)
        if binary.returnsBool && !op.isComparison {
            throw error("bool modifier can only be used on comparison operators", binary.operatorSource)
        }
        if op.isComparison && !binary.returnsBool && types == (.scalar, .scalar) {
            throw error(
                "comparisons between scalars must use BOOL modifier", binary.operatorSource,
                hint: "write \(op.rawValue) bool")
        }
        if let matching = binary.matching, matching.isOn,
            let shared = matching.labels.first(where: matching.include.contains)
        {
            throw error("label \(quoted(shared)) must not occur in ON and GROUP clause at once", binary.operatorSource)
        }
        for side in [binary.lhs, binary.rhs] where side.type != .scalar && side.type != .vector {
            throw error(
                "binary expression must contain only scalar and instant vector types", side.source,
                hint: hint(wanted: .vector, got: side))
        }
        try checkMatching(binary, hasScalar: types.0 == .scalar || types.1 == .scalar)
    }

    private func checkMatching(_ binary: Binary, hasScalar: Bool) throws(ParseError) {
        let op = binary.op
        if let matching = binary.matching {
            if hasScalar {
                throw error("vector matching only allowed between instant vectors", binary.source)
            }
            if op.isSetOperator && matching.cardinality != .manyToMany {
                throw error("no grouping allowed for \(quoted(op.rawValue)) operation", binary.source)
            }
            if op.isSetOperator && (matching.fillLeft != nil || matching.fillRight != nil) {
                throw error("filling in missing series not allowed for set operators", binary.source)
            }
        }
        if op.isSetOperator && hasScalar {
            throw error("set operator \(quoted(op.rawValue)) not allowed in binary scalar expression", binary.source)
        }
    }
}
