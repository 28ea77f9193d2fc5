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
                var traces = SpansetState(block)
                traces.rows = state.rows
                state = traces
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
        let kernels = StructuralKernels(forest: forest, groups: state.numbers, groupCount: state.groupCount)
        var found = kernels.related(relation, a, b)
        switch form {
        case .plain: break
        case .negated: FieldEvaluator.merge(&found, b) { ~$0 & $1 }
        case .union: FieldEvaluator.merge(&found, kernels.related(relation.reversed, b, a)) { $0 | $1 }
        }
        return found
    }

    // MARK: Sets by value

    private func split(_ state: inout SpansetState, by vector: FieldVector, _ name: String) throws {
        var values = ValueNumbers(vector)
        // Of each value the last set that had it, and the set that its rows are in now.
        var last: ContiguousArray<(group: Int32, made: Int32)> = []
        var known: [UInt64: Int32] = [:]
        var rows: ContiguousArray<Int32> = []
        var parents: ContiguousArray<Int32> = []
        for row in state.rows.indices where state.rows[row] == 1 {
            if row & 0xFFFF == 0xFFFF { try cancellation.check() }
            let group = state.numbers[row]
            let value = values.number(row)
            while value >= last.count { last.append((-1, -1)) }
            if last[value].group == group {
                state.numbers[row] = last[value].made
                continue
            }
            let key = UInt64(UInt32(bitPattern: group)) << 32 | UInt64(UInt32(truncatingIfNeeded: value))
            var made = state.isContiguous ? nil : known[key]
            if made == nil {
                made = Int32(rows.count)
                rows.append(Int32(row))
                parents.append(group)
                if !state.isContiguous { known[key] = made }
            }
            last[value] = (group, made ?? 0)
            state.numbers[row] = made ?? 0
        }
        // Rows in no set still have a number, which has to be one.
        for row in state.rows.indices where state.rows[row] == 0 { state.numbers[row] = 0 }
        state.groupCount = max(1, rows.count)
        state.isContiguous = false
        if rows.isEmpty {
            rows.append(0)
            parents.append(0)
        }
        state.history.append(.split(name: name, vector, rows: rows, parents: parents))
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
                repeating: (value.type, value.word ?? 0), count: state.groupCount)
        case .binary(let op, let a, let b):
            let (a, b) = (try values(a, &state), try values(b, &state))
            return a.indices.map { FieldArithmetic.compute(op, a[$0], b[$0]) }
        case .aggregate(let aggregate):
            let found = try self.aggregate(aggregate, state)
            state.history.append(.scalar(name: scalar.description, found))
            return found
        }
    }

    private func aggregate(_ aggregate: SpanAggregate, _ state: SpansetState) throws -> [FieldArithmetic.Value] {
        guard let argument = aggregate.argument else {
            var counts = [Int64](repeating: 0, count: state.groupCount)
            for row in state.rows.indices where state.rows[row] == 1 { counts[Int(state.numbers[row])] += 1 }
            return counts.map { (.int, $0) }
        }
        let vector = try fields.vector(argument)
        var sums = [ScalarSum](repeating: ScalarSum(), count: state.groupCount)
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

/// Numbers the values of rows so that equal ones have equal numbers, from 0.
struct ValueNumbers {
    private let vector: FieldVector
    private let column: SpanColumn?
    private var ofText: ContiguousArray<Int32>
    private var texts: [String: Int32] = [:]
    private var count: Int32 = 0
    private var last: (type: SpanValueType, word: Int64, number: Int32) = (.nil, 0, -1)
    private var ofType: [SpanValueType: [Int64: Int32]] = [:]

    init(_ vector: FieldVector) {
        self.vector = vector
        if case .column(let values) = vector { column = values.column } else { column = nil }
        ofText = ContiguousArray(repeating: -1, count: column?.texts.count ?? 0)
    }

    mutating func number(_ row: Int) -> Int {
        let value = vector.key(row)
        if value.type == .string, let column {
            let known = ofText[Int(value.word)]
            if known >= 0 { return Int(known) }
            let text = String(decoding: column.texts[Int(value.word)], as: UTF8.self)
            let number = texts[text] ?? next()
            texts[text] = number
            ofText[Int(value.word)] = number
            return Int(number)
        }
        if last.number >= 0, last.type == value.type, last.word == value.word { return Int(last.number) }
        let number = ofType[value.type]?[value.word] ?? next()
        ofType[value.type, default: [:]][value.word] = number
        last = (value.type, value.word, number)
        return Int(number)
    }

    private mutating func next() -> Int32 {
        count += 1
        return count - 1
    }
}
