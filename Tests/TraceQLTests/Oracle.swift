import Bedrock
import Model
import TraceKit
import TraceQL

/// Evaluates queries the slow and plain way: trace by trace, span by span, over lists.
struct Oracle {
    let facts: SpanFacts

    struct SpanGroup {
        var spans: [Int]
    }

    /// Sets of each trace that has any.
    func search(_ pipeline: SpansetPipeline) -> [TraceID: [[Int]]] {
        var found: [TraceID: [[Int]]] = [:]
        for (id, spans) in facts.members {
            let sets = run(pipeline.stages, [SpanGroup(spans: spans)]).map(\.spans).filter { !$0.isEmpty }
            if !sets.isEmpty { found[id] = sets }
        }
        return found
    }

    private func run(_ stages: [SpansetStage], _ given: [SpanGroup]) -> [SpanGroup] {
        var groups = given
        for stage in stages {
            switch stage {
            case .spanset(let expr): groups = groups.map { SpanGroup(spans: evaluate(expr, $0.spans)) }
            case .scalarFilter(let filter):
                groups = groups.filter { group in
                    guard let a = scalar(filter.lhs, group), let b = scalar(filter.rhs, group) else { return false }
                    return SpanFacts.compare(a, filter.comparison, b)
                }
            case .by(let expr):
                groups = groups.flatMap { group -> [SpanGroup] in
                    var keys: [SpanValue] = []
                    var members: [SpanValue: [Int]] = [:]
                    for span in group.spans {
                        var key = values(expr, span).first ?? .nil
                        if case .float(let number) = key, number.isNaN { key = .nil }
                        if members[key] == nil { keys.append(key) }
                        members[key, default: []].append(span)
                    }
                    return keys.map { SpanGroup(spans: members[$0] ?? []) }
                }
            case .coalesce:
                let all = Set(groups.flatMap(\.spans))
                groups = [SpanGroup(spans: given.flatMap(\.spans).filter(all.contains))]
            case .select: break
            }
            groups.removeAll { $0.spans.isEmpty }
        }
        return groups
    }

    // MARK: Span sets

    private func evaluate(_ expr: SpansetExpr, _ universe: [Int]) -> [Int] {
        switch expr {
        case .filter(let condition): return universe.filter { span in condition.map { isTrue($0, span) } ?? true }
        case .pipeline(let pipeline):
            let kept = Set(run(pipeline.stages, [SpanGroup(spans: universe)]).flatMap(\.spans))
            return universe.filter(kept.contains)
        case .binary(let op, let left, let right):
            let (a, b) = (evaluate(left, universe), evaluate(right, universe))
            var kept: Set<Int>
            switch op {
            case .or: kept = Set(a + b)
            case .and: kept = a.isEmpty || b.isEmpty ? [] : Set(a + b)
            case .structural(let relation, let form):
                func has(_ y: Int, _ x: Int) -> Bool { isRelated(relation, x, y) }
                switch form {
                case .plain: kept = Set(b.filter { y in a.contains { has(y, $0) } })
                case .negated: kept = Set(b.filter { y in !a.contains { has(y, $0) } })
                case .union:
                    kept = Set(b.filter { y in a.contains { has(y, $0) } })
                    kept.formUnion(a.filter { x in b.contains { has($0, x) } })
                }
            }
            return universe.filter(kept.contains)
        }
    }

    private func isRelated(_ relation: SpanRelation, _ x: Int, _ y: Int) -> Bool {
        switch relation {
        case .child: facts.parents[y] == x
        case .parent: facts.parents[x] == y
        case .descendant: isAncestor(x, of: y)
        case .ancestor: isAncestor(y, of: x)
        case .sibling: x != y && facts.parents[x] != nil && facts.parents[x] == facts.parents[y]
        }
    }

    private func isAncestor(_ x: Int, of y: Int) -> Bool {
        var at = facts.parents[y]
        while let span = at {
            if span == x { return true }
            at = facts.parents[span]
        }
        return false
    }

    // MARK: Scalars

    private func scalar(_ expr: ScalarExpr, _ group: SpanGroup) -> SpanValue? {
        switch expr {
        case .literal(let value): return value
        case .binary(let op, let a, let b):
            guard let a = scalar(a, group), let b = scalar(b, group) else { return nil }
            return Self.compute(op, a, b)
        case .aggregate(let aggregate):
            guard let argument = aggregate.argument else { return .int(Int64(group.spans.count)) }
            let numbers = group.spans.compactMap { span -> SpanValue? in
                let found = values(argument, span)
                guard found.count == 1, SpanFacts.number(found[0]) != nil else { return nil }
                return found[0]
            }
            guard !numbers.isEmpty else { return nil }
            let doubles = numbers.compactMap(SpanFacts.number)
            switch aggregate.operation {
            case .count: return .int(Int64(numbers.count))
            case .min: return numbers.first { SpanFacts.number($0) == doubles.min() }
            case .max: return numbers.first { SpanFacts.number($0) == doubles.max() }
            case .sum: return .float(doubles.reduce(0, +))
            case .avg:
                let mean = doubles.reduce(0, +) / Double(doubles.count)
                let areDurations = numbers.allSatisfy { if case .duration = $0 { true } else { false } }
                return areDurations ? .duration(Int64(mean)) : .float(mean)
            }
        }
    }

    // MARK: Conditions

    func isTrue(_ expr: FieldExpr, _ span: Int) -> Bool { values(expr, span).contains(.bool(true)) }

    /// All values; none for what is missing.
    func values(_ expr: FieldExpr, _ span: Int) -> [SpanValue] {
        switch expr {
        case .literal(.nil): return []
        case .literal(let value): return [value]
        case .field(let field): return facts.values(field, span)
        case .not(let operand):
            let inner = values(operand, span)
            if case .field = operand { return inner.contains(.bool(false)) ? [.bool(true)] : falsity(inner) }
            guard inner.count == 1, case .bool(let flag) = inner[0] else { return [] }
            return [.bool(!flag)]
        case .negate(let operand):
            let inner = values(operand, span)
            return inner.count == 1 ? Self.negated(inner[0]) : []
        case .all(let operands): return [.bool(operands.allSatisfy { isTrue($0, span) })]
        case .any(let operands): return [.bool(operands.contains { isTrue($0, span) })]
        case .compare(let op, let a, let b):
            return [.bool(compare(op, a, b, span))]
        case .matches(let operand, let pattern, let isNegated):
            guard let regex = try? RegularExpression(pattern, anchored: true) else { return [.bool(false)] }
            let hits = values(operand, span).map { value -> Bool in
                guard case .string(let text) = value else { return false }
                return regex.matches(text) != isNegated
            }
            return [.bool(isNegated ? !hits.isEmpty && !hits.contains(false) : hits.contains(true))]
        case .arithmetic(let op, let a, let b):
            let (x, y) = (values(a, span), values(b, span))
            guard x.count == 1, y.count == 1, let value = Self.compute(op, x[0], y[0]) else { return [] }
            return [value]
        }
    }

    private func falsity(_ values: [SpanValue]) -> [SpanValue] { values.contains(.bool(true)) ? [.bool(false)] : [] }

    private func compare(_ op: SpanCondition.Comparison, _ a: FieldExpr, _ b: FieldExpr, _ span: Int) -> Bool {
        let (x, y) = (values(a, span), values(b, span))
        for (side, other) in [(a, y), (b, x)] where side == .literal(.nil) {
            return op == .equal ? other.isEmpty : op == .notEqual && !other.isEmpty
        }
        let pairs = x.flatMap { x in y.map { y in SpanFacts.compare(x, op, y) } }
        return op == .notEqual ? !pairs.isEmpty && !pairs.contains(false) : pairs.contains(true)
    }

    private static func negated(_ value: SpanValue) -> [SpanValue] {
        switch value {
        case .int(let number): number == .min ? [] : [.int(-number)]
        case .duration(let number): number == .min ? [] : [.duration(-number)]
        case .float(let number): [.float(-number)]
        default: []
        }
    }

    /// `+ - * / %` of small numbers.
    static func compute(_ op: ArithmeticOperator, _ a: SpanValue, _ b: SpanValue) -> SpanValue? {
        func whole(_ x: Int64, _ y: Int64) -> Int64? {
            switch op {
            case .add: x + y
            case .subtract: x - y
            case .multiply: x.multipliedReportingOverflow(by: y).overflow ? nil : x * y
            case .divide: y == 0 ? nil : x / y
            case .modulo: y == 0 ? nil : x % y
            case .power: nil
            }
        }
        switch (a, b) {
        case (.int(let x), .int(let y)): return whole(x, y).map { .int($0) }
        case (.duration(let x), .duration(let y)): return whole(x, y).map { .duration($0) }
        default:
            guard let x = SpanFacts.number(a), let y = SpanFacts.number(b) else { return nil }
            switch op {
            case .add: return .float(x + y)
            case .subtract: return .float(x - y)
            case .multiply: return .float(x * y)
            case .divide: return .float(x / y)
            case .modulo: return .float(x.truncatingRemainder(dividingBy: y))
            case .power: return nil
            }
        }
    }
}
