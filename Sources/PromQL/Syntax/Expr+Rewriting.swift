extension Expr {
    /// The same node with each direct subexpression replaced by what `transform` makes of it. The first error ends it.
    public func mapChildren<E: Error>(_ transform: (Expr) throws(E) -> Expr) throws(E) -> Expr {
        switch self {
        case .number, .string, .vectorSelector, .matrixSelector: return self
        case .subquery(var node):
            node.inner = try transform(node.inner)
            return .subquery(node)
        case .call(var node):
            for index in node.arguments.indices { node.arguments[index] = try transform(node.arguments[index]) }
            return .call(node)
        case .aggregate(var node):
            if let parameter = node.parameter { node.parameter = try transform(parameter) }
            node.operand = try transform(node.operand)
            return .aggregate(node)
        case .binary(var node):
            node.lhs = try transform(node.lhs)
            node.rhs = try transform(node.rhs)
            return .binary(node)
        case .unary(var node):
            node.operand = try transform(node.operand)
            return .unary(node)
        case .paren(var node):
            node.inner = try transform(node.inner)
            return .paren(node)
        }
    }

    /// Calls `visit` for this node and, where it returns true, for those below it, in text order.
    public func walk(_ visit: (Expr) -> Bool) {
        guard visit(self) else { return }
        for child in children { child.walk(visit) }
    }

    /// The expression with all source ranges blank: equal trees mean the same.
    public func withoutSourceRanges() -> Expr {
        switch mapChildren({ $0.withoutSourceRanges() }) {
        case .number(var node):
            node.source = .none
            return .number(node)
        case .string(var node):
            node.source = .none
            return .string(node)
        case .vectorSelector(let node): return .vectorSelector(node.withoutSourceRanges())
        case .matrixSelector(var node):
            node.source = .none
            node.range = node.range.withoutSourceRanges()
            node.selector = node.selector.withoutSourceRanges()
            return .matrixSelector(node)
        case .subquery(var node):
            node.source = .none
            node.range = node.range.withoutSourceRanges()
            node.step = node.step?.withoutSourceRanges()
            node.modifiers.offset = node.modifiers.offset.withoutSourceRanges()
            return .subquery(node)
        case .call(var node):
            node.source = .none
            return .call(node)
        case .aggregate(var node):
            node.source = .none
            return .aggregate(node)
        case .binary(var node):
            node.source = .none
            node.operatorSource = .none
            return .binary(node)
        case .unary(var node):
            node.source = .none
            return .unary(node)
        case .paren(var node):
            node.source = .none
            return .paren(node)
        }
    }
}

extension VectorSelector {
    fileprivate func withoutSourceRanges() -> VectorSelector {
        var copy = self
        copy.source = .none
        copy.modifiers.offset = modifiers.offset.withoutSourceRanges()
        return copy
    }
}

extension DurationValue {
    fileprivate func withoutSourceRanges() -> DurationValue {
        guard case .computed(let expr) = self else { return self }
        return .computed(expr.withoutSourceRanges())
    }
}

extension DurationExpr {
    fileprivate func withoutSourceRanges() -> DurationExpr {
        switch self {
        case .number(var number):
            number.source = .none
            return .number(number)
        case .call(let function, let arguments, _):
            return .call(function, arguments.map { $0.withoutSourceRanges() }, .none)
        case .unary(let isNegation, let operand, _):
            return .unary(isNegation: isNegation, operand.withoutSourceRanges(), .none)
        case .binary(let op, let lhs, let rhs, _):
            return .binary(op, lhs.withoutSourceRanges(), rhs.withoutSourceRanges(), .none)
        case .paren(let inner, _): return .paren(inner.withoutSourceRanges(), .none)
        }
    }
}
