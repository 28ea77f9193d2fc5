import Bedrock
import Model

/// A pipeline prepared for a source: which conditions go down to it, what is left to do with the rows, and which fields that needs. Immutable.
struct SpansetPlan: Sendable {
    /// What finds spans.
    indirect enum Expr: Sendable {
        /// Rows that pass filter `index` of the request; `rest` is what the filter doesn't say.
        case head(Int, rest: FieldExpr?)
        /// A condition on rows that are there; nil: all of them.
        case local(FieldExpr?)
        case binary(SpansetOperator, Expr, Expr)
        case pipeline([Stage])
    }

    indirect enum Stage: Sendable {
        case expr(Expr)
        case scalar(ScalarFilter)
        /// With its name in results.
        case by(FieldExpr, String)
        case coalesce
    }

    /// Conditions that go down; at least one.
    private(set) var filters: [SpanFilter] = []
    private(set) var stages: [Stage] = []
    /// Fields that evaluating needs.
    private(set) var computed: [SpanField] = []
    /// Fields that the query mentions or selects, in its order.
    private(set) var mentioned: [SpanField] = []
    /// Whether relations between spans matter.
    private(set) var needsStructure = false
    /// More different conditions than a request may have: then they go down as one, and are told apart here.
    private var isCrowded = false
    private var indexes: [FieldExpr?: Int] = [:]

    private static let filtersMax = 64

    init(_ pipeline: SpansetPipeline) throws(TraceQLQueryError) {
        let stages = Self.simplified(pipeline.stages)
        var heads: [FieldExpr?] = []
        Self.collectHeads(stages, &heads)
        isCrowded = Set(heads).count > Self.filtersMax
        if isCrowded {
            var all: [SpanFilter] = []
            for head in Set(heads) { all.append(try FieldFilter(head).filter) }
            filters = [.any(all)]
        }
        self.stages = try prepare(stages, isHead: true)
        indexes = [:]
    }

    /// The one condition that is the whole pipeline, up to what doesn't change which spans there are.
    var singleHead: (filter: SpanFilter, rest: FieldExpr?)? {
        guard stages.count == 1, case .expr(.head(let index, let rest)) = stages[0] else { return nil }
        return (filters[index], rest)
    }

    // MARK: Preparing

    /// Conditions one behind the other are one; a pipeline begins with spans.
    private static func simplified(_ stages: [SpansetStage]) -> [SpansetStage] {
        var rest = stages[...]
        var parts: [FieldExpr] = []
        while case .spanset(.filter(let expr))? = rest.first {
            if let expr { parts.append(expr) }
            rest = rest.dropFirst()
        }
        guard rest.count < stages.count else {
            if case .spanset? = stages.first { return stages }
            return [.spanset(.filter(nil))] + stages
        }
        let merged: FieldExpr? = parts.count > 1 ? .all(parts) : parts.first
        return [.spanset(.filter(merged))] + rest
    }

    /// Conditions that look at all spans of the store.
    private static func collectHeads(_ stages: [SpansetStage], _ heads: inout [FieldExpr?]) {
        if case .spanset(let expr)? = stages.first { collectHeads(expr, &heads) }
    }

    private static func collectHeads(_ expr: SpansetExpr, _ heads: inout [FieldExpr?]) {
        switch expr {
        case .filter(let condition): heads.append(condition)
        case .binary(_, let a, let b):
            collectHeads(a, &heads)
            collectHeads(b, &heads)
        case .pipeline(let pipeline): collectHeads(simplified(pipeline.stages), &heads)
        }
    }

    private mutating func prepare(_ stages: [SpansetStage], isHead: Bool) throws(TraceQLQueryError) -> [Stage] {
        var prepared: [Stage] = []
        for (place, stage) in stages.enumerated() {
            switch stage {
            case .spanset(let expr): prepared.append(.expr(try prepare(expr, isHead: isHead && place == 0)))
            case .scalarFilter(let filter):
                compute(filter.lhs)
                compute(filter.rhs)
                prepared.append(.scalar(filter))
            case .by(let expr):
                compute(expr)
                prepared.append(.by(expr, "by(\(expr))"))
            case .coalesce: prepared.append(.coalesce)
            case .select(let fields): fields.forEach { mention($0) }
            }
        }
        return prepared
    }

    private mutating func prepare(_ expr: SpansetExpr, isHead: Bool) throws(TraceQLQueryError) -> Expr {
        switch expr {
        case .filter(let condition):
            condition?.forEachField { mention($0) }
            guard isHead, !isCrowded else {
                if let condition { compute(condition) }
                return .local(condition)
            }
            let found = try FieldFilter(condition)
            let index = indexes[condition] ?? filters.count
            if index == filters.count {
                filters.append(found.filter)
                indexes[condition] = index
            }
            guard !found.isExact, let condition else { return .head(index, rest: nil) }
            compute(condition)
            return .head(index, rest: condition)
        case .binary(let op, let a, let b):
            if case .structural = op { needsStructure = true }
            return .binary(op, try prepare(a, isHead: isHead), try prepare(b, isHead: isHead))
        case .pipeline(let pipeline):
            return .pipeline(
                try prepare(isHead ? Self.simplified(pipeline.stages) : pipeline.stages, isHead: isHead))
        }
    }

    private mutating func compute(_ expr: FieldExpr) {
        expr.forEachField { field in
            mention(field)
            if !computed.contains(field) { computed.append(field) }
        }
    }

    private mutating func compute(_ scalar: ScalarExpr) {
        switch scalar {
        case .literal: return
        case .aggregate(let aggregate): if let argument = aggregate.argument { compute(argument) }
        case .binary(_, let a, let b):
            compute(a)
            compute(b)
        }
    }

    private mutating func mention(_ field: SpanField) { if !mentioned.contains(field) { mentioned.append(field) } }
}
