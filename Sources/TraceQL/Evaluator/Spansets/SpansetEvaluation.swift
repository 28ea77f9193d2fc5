import Bedrock
import Model

/// Takes the rows of a block, grouped by trace, through the stages of a plan; all traces at once. One thread's.
final class SpansetEvaluation {
    private let plan: SpansetPlan
    private let block: any SpanBlock
    private let cancellation: Cancellation
    private let fields: FieldEvaluator
    private var forest: TraceForest?

    init(_ plan: SpansetPlan, _ block: any SpanBlock, _ cancellation: Cancellation) {
        self.plan = plan
        self.block = block
        self.cancellation = cancellation
        fields = FieldEvaluator(block, cancellation)
    }

    func run() throws -> SpansetState { try run(plan.stages, SpansetState(block)) }

    private func run(_ stages: [SpansetPlan.Stage], _ given: SpansetState) throws -> SpansetState {
        var state = given
        for stage in stages {
            try cancellation.check()
            switch stage {
            case .expr(let expr): state.rows = try rows(expr, state)
            case .scalar(let filter): try apply(filter, &state)
            case .by(let expr, let name): try split(&state, by: try fields.vector(expr), name)
            case .coalesce:
                let traces = SpansetState(block)
                state.numbers = traces.numbers
                state.groups = traces.groups
            }
        }
        return state
    }

    // MARK: Span sets

    private func rows(_ expr: SpansetPlan.Expr, _ state: SpansetState) throws -> RowMask {
        try cancellation.check()
        switch expr {
        case .head(let index, let rest):
            var found = state.rows
            let passing = try block.passes(index)
            for row in found.indices { found[row] &= passing[row] }
            if let rest { FieldEvaluator.merge(&found, try fields.mask(rest)) { $0 & $1 } }
            return found
        case .local(let condition):
            guard let condition else { return state.rows }
            var found = state.rows
            FieldEvaluator.merge(&found, try fields.mask(condition)) { $0 & $1 }
            return found
        case .pipeline(let stages): return try run(stages, state).rows
        case .binary(let op, let left, let right):
            let (a, b) = (try rows(left, state), try rows(right, state))
            switch op {
            case .or: return union(a, b)
            case .and: return both(a, b, state)
            case .structural(let relation, let form): return try relate(relation, form, a, b, state)
            }
        }
    }

    private func union(_ a: RowMask, _ b: RowMask) -> RowMask {
        var found = a
        FieldEvaluator.merge(&found, b) { $0 | $1 }
        return found
    }

    /// All of both sides in sets where neither is empty.
    private func both(_ a: RowMask, _ b: RowMask, _ state: SpansetState) -> RowMask {
        let (left, right) = (state.occupied(a), state.occupied(b))
        var found = union(a, b)
        for row in found.indices where found[row] == 1 {
            let group = Int(state.numbers[row])
            if !left[group] || !right[group] { found[row] = 0 }
        }
        return found
    }

    private func relate(
        _ relation: SpanRelation, _ form: SpansetOperator.Form, _ a: RowMask, _ b: RowMask, _ state: SpansetState
    ) throws -> RowMask {
        let forest = try self.forest ?? TraceForest(block.parents())
        self.forest = forest
        let kernels = StructuralKernels(forest: forest, groups: state.numbers, groupCount: state.groups.count)
        var found = kernels.related(relation, a, b)
        switch form {
        case .plain: break
        case .negated: FieldEvaluator.merge(&found, b) { ~$0 & $1 }
        case .union: FieldEvaluator.merge(&found, kernels.related(relation.reversed, b, a)) { $0 | $1 }
        }
        return found
    }

    // MARK: Sets by value

    private struct SplitKey: Hashable {
        let group: Int32
        let type: UInt8
        let word: Int64
    }

    private func split(_ state: inout SpansetState, by vector: FieldVector, _ name: String) throws {
        var known: [SplitKey: Int32] = [:]
        var texts = TextNumbers(vector)
        var groups: [SpansetState.Group] = []
        for row in state.rows.indices where state.rows[row] == 1 {
            let value = vector.key(row)
            let word = value.type == .string ? texts.number(value.word) : value.word
            let key = SplitKey(group: state.numbers[row], type: value.type.rawValue, word: word)
            if let group = known[key] {
                state.numbers[row] = group
                continue
            }
            let group = Int32(groups.count)
            known[key] = group
            var made = state.groups[Int(state.numbers[row])]
            made.attributes.append((name, value.type == .nil ? .nil : vector.value(row)))
            groups.append(made)
            state.numbers[row] = group
        }
        // Rows in no set still have a number, which has to be one.
        for row in state.rows.indices where state.rows[row] == 0 { state.numbers[row] = 0 }
        if groups.isEmpty { groups.append(SpansetState.Group(trace: 0)) }
        state.groups = groups
    }

    // MARK: Scalars

    private func apply(_ filter: ScalarFilter, _ state: inout SpansetState) throws {
        let left = try values(filter.lhs, &state)
        let right = try values(filter.rhs, &state)
        let isKept = left.indices.map { group in
            let (a, b) = (left[group], right[group])
            return FieldArithmetic.isNumeric(a.type) && FieldArithmetic.isNumeric(b.type)
                && FieldArithmetic.holds(filter.comparison, a, b)
        }
        for row in state.rows.indices where state.rows[row] == 1 && !isKept[Int(state.numbers[row])] {
            state.rows[row] = 0
        }
    }

    /// A value for each set.
    private func values(_ scalar: ScalarExpr, _ state: inout SpansetState) throws -> [FieldArithmetic.Value] {
        switch scalar {
        case .literal(let value):
            return [FieldArithmetic.Value](
                repeating: (value.type, value.word ?? 0), count: state.groups.count)
        case .binary(let op, let a, let b):
            let (a, b) = (try values(a, &state), try values(b, &state))
            return a.indices.map { FieldArithmetic.compute(op, a[$0], b[$0]) }
        case .aggregate(let aggregate):
            let found = try self.aggregate(aggregate, state)
            let name = scalar.description
            let occupied = state.occupied(state.rows)
            for group in found.indices where occupied[group] && found[group].type != .nil {
                state.groups[group].attributes.removeAll { $0.name == name }
                state.groups[group].attributes.append((name, SpanValue(found[group])))
            }
            return found
        }
    }

    private func aggregate(_ aggregate: SpanAggregate, _ state: SpansetState) throws -> [FieldArithmetic.Value] {
        guard let argument = aggregate.argument else {
            var counts = [Int64](repeating: 0, count: state.groups.count)
            for row in state.rows.indices where state.rows[row] == 1 { counts[Int(state.numbers[row])] += 1 }
            return counts.map { (.int, $0) }
        }
        let vector = try fields.vector(argument)
        var sums = [ScalarSum](repeating: ScalarSum(), count: state.groups.count)
        for row in state.rows.indices where state.rows[row] == 1 {
            let value = vector.single(row)
            if FieldArithmetic.isNumeric(value.type) { sums[Int(state.numbers[row])].add(value) }
        }
        return sums.map { $0.value(aggregate.operation) }
    }
}

/// What aggregates need of the values of one set.
struct ScalarSum {
    private var count: Int64 = 0
    private var whole: Int64 = 0
    private var total = 0.0
    /// Values are of one type, and their sum fits.
    private var isWhole = true
    private var type = SpanValueType.nil
    private var lowest: FieldArithmetic.Value = FieldArithmetic.none
    private var highest: FieldArithmetic.Value = FieldArithmetic.none

    mutating func add(_ value: FieldArithmetic.Value) {
        if count == 0 {
            (type, lowest, highest) = (value.type, value, value)
            isWhole = type != .float
        } else {
            if FieldArithmetic.holds(.less, value, lowest) { lowest = value }
            if FieldArithmetic.holds(.greater, value, highest) { highest = value }
        }
        count += 1
        total += FieldArithmetic.double(value)
        if value.type != type { isWhole = false }
        if isWhole {
            let (sum, overflow) = whole.addingReportingOverflow(value.word)
            whole = sum
            if overflow { isWhole = false }
        }
    }

    /// Nil where there was no number.
    func value(_ operation: SpanAggregate.Operation) -> FieldArithmetic.Value {
        if count == 0 { return operation == .count ? (.int, 0) : FieldArithmetic.none }
        switch operation {
        case .count: return (.int, count)
        case .min: return lowest
        case .max: return highest
        case .sum: return isWhole ? (type, whole) : FieldArithmetic.float(total)
        case .avg:
            let mean = total / Double(count)
            if isWhole, type == .duration, let whole = Int64(exactly: mean.rounded(.towardZero)) {
                return (.duration, whole)
            }
            return FieldArithmetic.float(mean)
        }
    }
}

/// Numbers texts of a column so that equal ones have equal numbers.
struct TextNumbers {
    private let column: SpanColumn?
    private var numbers: ContiguousArray<Int64>
    private var known: [String: Int64] = [:]

    init(_ vector: FieldVector) {
        if case .column(let column) = vector { self.column = column } else { column = nil }
        numbers = ContiguousArray(repeating: -1, count: column?.texts.count ?? 0)
    }

    mutating func number(_ word: Int64) -> Int64 {
        guard let column, numbers.indices.contains(Int(word)) else { return 0 }
        if numbers[Int(word)] >= 0 { return numbers[Int(word)] }
        let text = String(decoding: column.texts[Int(word)], as: UTF8.self)
        let number = known[text] ?? Int64(known.count)
        known[text] = number
        numbers[Int(word)] = number
        return number
    }
}
