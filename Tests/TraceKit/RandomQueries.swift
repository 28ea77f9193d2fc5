import Bedrock
import Model
import TraceQL

/// Makes traces and queries by chance, out of few words, so that they meet.
public struct RandomQueries {
    public var random: SeededGenerator

    public init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    public mutating func chance(_ of: Int) -> Bool { Int.random(in: 0..<of, using: &random) == 0 }
    public mutating func pick<T>(_ from: [T]) -> T { from[Int.random(in: 0..<from.count, using: &random)] }

    // MARK: Spans

    public mutating func traces(_ count: Int) -> [TestSpan] {
        var spans: [TestSpan] = []
        for trace in 1...count {
            let size = Int.random(in: 1...9, using: &random)
            for number in 1...size {
                // Some parents never came.
                let parent =
                    number == 1
                    ? (chance(6) ? 77 : 0) : chance(12) ? 0 : UInt64.random(in: 1..<UInt64(number), using: &random)
                var span = TestSpan(
                    trace: UInt64(trace), span: UInt64(trace * 100 + number),
                    parent: parent == 0 || parent == 77 ? parent : UInt64(trace * 100) + parent, pick(["a", "b", "c"]),
                    start: Int64.random(in: 0..<100, using: &random) * 1_000_000,
                    duration: Int64.random(in: 0..<6, using: &random))
                span.kind = pick([.server, .client, .internal])
                span.status = pick([.unset, .ok, .error])
                span.resource["service.name"] = .string(pick(["x", "y"]))
                for name in ["n", "m", "s"] where !chance(3) { span.attributes[name] = value() }
                if chance(2) { span.resource["n"] = value() }
                for _ in 0..<Int.random(in: 0...2, using: &random) where chance(2) {
                    span.events.append(TestEvent(pick(["a", "b"]), at: 2, ["n": value()]))
                }
                spans.append(span)
            }
        }
        return spans
    }

    private mutating func value() -> AttributeValue {
        switch Int.random(in: 0..<7, using: &random) {
        case 0: .string(pick(["a", "b", "x"]))
        case 1: .bool(chance(2))
        case 2: .double(pick([0.5, 2, -1]))
        case 3: .array([.int(1), .string("a")])
        default: .int(Int64.random(in: -2...4, using: &random))
        }
    }

    // MARK: Queries

    public mutating func pipeline(_ depth: Int = 2) -> SpansetPipeline {
        var stages: [SpansetStage] = []
        for place in 0...Int.random(in: 0...2, using: &random) {
            switch Int.random(in: 0..<7, using: &random) {
            case 0: stages.append(.by(pick([field(), field(), numeric(1)])))
            case 1 where place > 0: stages.append(.coalesce)
            case 2: stages.append(scalarFilter())
            case 3: stages.append(.select([pick(fields)]))
            default: stages.append(.spanset(spanset(depth, isOperand: false)))
            }
        }
        // By constants is no query.
        return SpansetPipeline(stages)
    }

    /// Only operands are pipelines: as a stage, the parser would take their stages for the outer one's.
    private mutating func spanset(_ depth: Int, isOperand: Bool = true) -> SpansetExpr {
        if depth == 0 || chance(3) { return .filter(chance(4) ? nil : condition(2)) }
        if isOperand, chance(6) {
            let inner = pipeline(depth - 1)
            if inner.stages.count > 1 { return .pipeline(inner) }
        }
        let op: SpansetOperator =
            switch Int.random(in: 0..<5, using: &random) {
            case 0: .and
            case 1: .or
            default: .structural(pick(SpanRelation.allCases), pick(SpansetOperator.Form.allCases))
            }
        return .binary(op, spanset(depth - 1), spanset(depth - 1))
    }

    private mutating func scalarFilter() -> SpansetStage {
        let aggregate: SpanAggregate =
            chance(3)
            ? SpanAggregate(.count)
            : SpanAggregate(pick([.avg, .min, .max, .sum]), chance(2) ? .field(.attribute(.any, "n")) : numeric(1))
        var scalar = ScalarExpr.aggregate(aggregate)
        if chance(4) { scalar = .binary(pick([.add, .multiply]), scalar, .literal(.int(2))) }
        let literal = ScalarExpr.literal(pick([.int(1), .int(2), .float(1.5), .duration(3), .int(0)]))
        return .scalarFilter(
            chance(4) ? ScalarFilter(literal, comparison(), scalar) : ScalarFilter(scalar, comparison(), literal))
    }

    private let fields: [SpanField] = [
        .attribute(.any, "n"), .attribute(.span, "n"), .attribute(.resource, "n"), .attribute(.span, "m"),
        .attribute(.any, "s"), .attribute(.event, "n"), .intrinsic(.name), .intrinsic(.eventName),
        .intrinsic(.childCount), .intrinsic(.duration), .intrinsic(.rootName), .attribute(.resource, "service.name"),
    ]

    private mutating func field() -> FieldExpr { .field(pick(fields)) }

    private mutating func comparison() -> SpanCondition.Comparison {
        pick([.equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual])
    }

    /// A number that looks at spans.
    private mutating func numeric(_ depth: Int) -> FieldExpr {
        let base = FieldExpr.field(pick([fields[0], fields[1], fields[3], fields[5], fields[8], fields[9]]))
        if depth == 0 { return base }
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return base
        case 1: return .negate(base)
        default:
            let other = chance(2) ? numeric(depth - 1) : .literal(pick([.int(2), .float(0.5), .duration(1), .int(-1)]))
            let op: ArithmeticOperator = pick([.add, .subtract, .multiply, .divide, .modulo])
            return chance(2) ? .arithmetic(op, base, other) : .arithmetic(op, other, base)
        }
    }

    public mutating func condition(_ depth: Int) -> FieldExpr {
        if depth > 0 {
            switch Int.random(in: 0..<6, using: &random) {
            case 0: return chain(depth, isAll: true)
            case 1: return chain(depth, isAll: false)
            case 2: return .not(condition(depth - 1))
            default: break
            }
        }
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return .field(pick([fields[0], fields[3], fields[4], fields[5]]))
        case 1:
            return .matches(
                .field(pick([fields[0], fields[4], fields[6], fields[7]])), pick(["a|b", "x", ".*"]),
                isNegated: chance(2))
        case 2:
            return .compare(
                chance(2) ? .equal : .notEqual, .field(pick([fields[0], fields[3], fields[5]])), .literal(.nil))
        case 3: return .compare(comparison(), numeric(2), numeric(1))
        case 4: return .compare(comparison(), .field(fields[4]), pick([.field(fields[6]), .field(fields[0])]))
        case 5: return .compare(chance(2) ? .equal : .notEqual, .field(.intrinsic(.status)), .literal(.status(.error)))
        case 6:
            let value: SpanValue = pick([.string("a"), .string("b"), .bool(true), .int(1), .float(0.5)])
            let isOrdered = value.type != .bool
            return .compare(
                isOrdered ? comparison() : .notEqual, .field(pick([fields[0], fields[3], fields[4]])), .literal(value))
        default: return .compare(comparison(), .literal(pick([.int(1), .int(2), .duration(2)])), numeric(1))
        }
    }

    /// The first is no chain of its own kind, as the parser has it.
    private mutating func chain(_ depth: Int, isAll: Bool) -> FieldExpr {
        var operands: [FieldExpr] = []
        while operands.count < 2 {
            let next = condition(depth - 1)
            switch next {
            case .all where isAll && operands.isEmpty: continue
            case .any where !isAll && operands.isEmpty: continue
            default: operands.append(next)
            }
        }
        return isAll ? .all(operands) : .any(operands)
    }
}
