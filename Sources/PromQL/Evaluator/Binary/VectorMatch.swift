import Kernels
import Model

/// Arithmetic, comparison or trimming between two vectors: partners are found once by their matching labels, then whole columns are
/// combined. "Many" is the side that keeps its labels (the left one, one to one), "one" the other.
struct VectorMatch {
    /// Elements of the one side that a many element meets: at most one per step, all adding the same labels to the result.
    private struct Variant {
        /// Values of `include`d labels by position; nil removes the label.
        let included: [String?]
        let column: OneColumn
    }

    /// A column of the one side.
    private final class OneColumn {
        let floats: FloatMatrix
        let row: Int
        var histograms: StepMatrix.HistogramColumn?

        init(_ floats: FloatMatrix, _ row: Int, _ histograms: StepMatrix.HistogramColumn?) {
            self.floats = floats
            self.row = row
            self.histograms = histograms
        }

        var operand: OperandColumn { OperandColumn(floats: floats.row(row), histograms: histograms) }
        func isPresent(_ step: Int) -> Bool { !Absent.matches(floats.row(row)[step]) || histograms?[step] != nil }
    }

    private let context: QueryContext
    private let evaluator: Evaluator
    private let steps: Int
    private let binary: Binary
    private let matching: VectorMatching
    private let manyIsLeft: Bool
    private let many: StepMatrix
    private let one: StepMatrix
    private let manyMembers: [[Int]]
    private let oneMembers: [[Int]]
    private let manyNumbers: [Int]
    private let signatures: [Labels]
    private let fillMany: Double?
    private let fillOne: Double?

    init(
        _ evaluator: Evaluator, _ binary: Binary, _ matching: VectorMatching, _ lhs: StepMatrix, _ rhs: StepMatrix
    ) {
        context = evaluator.context
        self.evaluator = evaluator
        steps = evaluator.grid.count
        self.binary = binary
        self.matching = matching
        manyIsLeft = matching.cardinality != .oneToMany
        many = manyIsLeft ? lhs : rhs
        one = manyIsLeft ? rhs : lhs
        // As in Prometheus 3: with `group_right`, too, `fill_left` stands for the many side.
        fillMany = matching.fillLeft
        fillOne = matching.fillRight
        let found = MatchSignatures(lhs.labels, rhs.labels, matching)
        signatures = found.labels
        manyNumbers = manyIsLeft ? found.left : found.right
        manyMembers = Self.members(manyNumbers, found.count)
        oneMembers = Self.members(manyIsLeft ? found.right : found.left, found.count)
    }

    private static func members(_ numbers: [Int], _ count: Int) -> [[Int]] {
        var members = [[Int]](repeating: [], count: count)
        for (index, number) in numbers.enumerated() { members[number].append(index) }
        return members
    }

    func result() throws -> StepMatrix {
        if (many.count == 0 && fillMany == nil) || (one.count == 0 && fillOne == nil) { return try evaluator.nothing() }
        try checkUniqueness()
        var pairs: [(many: Int?, signature: Int, variant: Variant)] = []
        let variants = try signatures.indices.map { try self.variants(of: $0) }
        for index in 0..<many.count {
            for variant in variants[manyNumbers[index]] { pairs.append((index, manyNumbers[index], variant)) }
        }
        if fillMany != nil {
            for signature in signatures.indices where !oneMembers[signature].isEmpty {
                for variant in try oneVariants(signature) { pairs.append((nil, signature, variant)) }
            }
        }
        return try combined(pairs)
    }

    // MARK: Columns

    private func combined(_ pairs: [(many: Int?, signature: Int, variant: Variant)]) throws -> StepMatrix {
        let operation = ElementOperation(context, binary)
        let floats = try context.matrix(rows: pairs.count, steps: steps)
        var histograms: [StepMatrix.HistogramColumn?] = []
        var labels: [Labels] = []
        var losesName: [Bool] = []
        var naming = ResultLabels(binary, matching, delaysNameRemoval: context.options.delaysNameRemoval)
        for (index, pair) in pairs.enumerated() {
            if index % 256 == 0 { try context.cancellation.check() }
            let filler = try pair.many == nil ? manyFiller(pair.signature) : nil
            let manyColumn: OperandColumn
            if let row = pair.many {
                manyColumn = OperandColumn(floats: many.row(row), histograms: many.histogramColumn(row))
            } else if let filler {
                manyColumn = OperandColumn(floats: filler.row(0), histograms: nil)
            } else {
                continue
            }
            let oneColumn = pair.variant.column.operand
            histograms.append(
                operation.apply(
                    manyIsLeft ? manyColumn : oneColumn, manyIsLeft ? oneColumn : manyColumn, count: steps,
                    into: floats.row(index)))
            let base = pair.many.map { many.labels[$0] } ?? signatures[pair.signature]
            labels.append(naming.labels(base, pair.variant.included))
            losesName.append(naming.marksName || pair.many.map { many.losesName($0) } ?? false)
        }
        var result = StepMatrix(
            labels: labels, losesName: losesName.contains(true) ? losesName : [], floats: floats,
            histograms: histograms)
        result.dropEmptySeries()
        try result.mergeEqualSeries(
            context,
            orThrow: .execution("multiple matches for labels: grouping labels must ensure unique matches"))
        return result
    }

    /// The fill value at the steps where no many element has the signature.
    private func manyFiller(_ signature: Int) throws -> FloatMatrix? {
        guard let fillMany else { return nil }
        let filler = try FloatMatrix(rows: 1, steps: steps, filledWith: fillMany, budget: context.budget)
        for row in manyMembers[signature] {
            for step in 0..<steps where many.isPresent(row, step) { filler.base[step] = Absent.value }
        }
        return filler
    }

    /// What many elements of a signature meet, the fill value included.
    private func variants(of signature: Int) throws -> [Variant] {
        guard !manyMembers[signature].isEmpty else { return [] }
        var found = try oneVariants(signature)
        guard let fillOne else { return found }
        let filler = try FloatMatrix(rows: 1, steps: steps, filledWith: fillOne, budget: context.budget)
        for variant in found {
            for step in 0..<steps where variant.column.isPresent(step) { filler.base[step] = Absent.value }
        }
        found.append(
            Variant(included: matching.include.map { _ in nil }, column: OneColumn(filler, 0, nil)))
        return found
    }

    /// The one side's columns of a signature, those with equal included labels put together.
    private func oneVariants(_ signature: Int) throws -> [Variant] {
        let rows = oneMembers[signature]
        var found: [Variant] = []
        for row in rows {
            let included = matching.include.map { one.labels[row][$0] }
            guard let known = found.firstIndex(where: { $0.included == included }) else {
                found.append(
                    Variant(included: included, column: OneColumn(one.floats, row, one.histogramColumn(row))))
                continue
            }
            found[known] = Variant(included: included, column: try merged(found[known].column, row))
        }
        return found
    }

    /// A copy of `column` with the elements of `row`, which are at other steps.
    private func merged(_ column: OneColumn, _ row: Int) throws -> OneColumn {
        let floats = try context.matrix(rows: 1, steps: steps)
        floats.base.update(from: column.floats.row(column.row), count: steps)
        var histograms = column.histograms
        for step in 0..<steps where one.isPresent(row, step) {
            floats.base[step] = one.row(row)[step]
            if let histogram = one.histogram(row, step) {
                if histograms == nil { histograms = StepMatrix.HistogramColumn(repeating: nil, count: steps) }
                histograms?[step] = histogram
            }
        }
        return OneColumn(floats, 0, histograms)
    }

    // MARK: Errors

    /// Refuses signatures that have more than one element per step where only one may be.
    private func checkUniqueness() throws {
        for signature in signatures.indices where oneMembers[signature].count > 1 {
            try checkOneSide(signature)
        }
        guard matching.cardinality == .oneToOne else { return }
        for signature in signatures.indices where manyMembers[signature].count > 1 {
            let partners = oneMembers[signature]
            for step in 0..<steps {
                let present = manyMembers[signature].lazy.filter { many.isPresent($0, step) }
                guard present.prefix(2).count > 1 else { continue }
                if fillOne != nil || partners.contains(where: { one.isPresent($0, step) }) {
                    throw QueryError.execution(
                        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)")
                }
            }
        }
    }

    private func checkOneSide(_ signature: Int) throws {
        for step in 0..<steps {
            let present = oneMembers[signature].filter { one.isPresent($0, step) }
            guard present.count > 1 else { continue }
            // Where the other side has no element at all, nothing is matched.
            guard fillMany != nil || (0..<many.count).contains(where: { many.isPresent($0, step) }) else { continue }
            let pair = present.prefix(2).map { GoFormat.labels(one.labels[$0]) }.sorted(by: utf8Precedes)
            throw QueryError.execution(
                "found duplicate series for the match group \(GoFormat.labels(signatures[signature])) on the \(manyIsLeft ? "right" : "left") hand-side of the operation: [\(pair.joined(separator: ", "))];many-to-many matching not allowed: matching labels must be unique on one side"
            )
        }
    }
}

/// Labels of the elements that a vector match gives.
private struct ResultLabels: ~Copyable {
    /// The name stays on the labels, marked for removal.
    let marksName: Bool
    private let include: [String]
    private var projection: LabelProjection
    private var builder = LabelsBuilder()

    init(_ binary: Binary, _ matching: VectorMatching, delaysNameRemoval: Bool) {
        let isFilter = binary.op.keepsName
        marksName = isFilter && binary.returnsBool && delaysNameRemoval
        let dropped = isFilter && (!binary.returnsBool || delaysNameRemoval) ? [] : SeriesNames.metadataLabels
        include = matching.include
        guard matching.cardinality == .oneToOne else {
            projection = LabelProjection(.removing, dropped)
            return
        }
        projection =
            matching.isOn
            ? LabelProjection(.keeping, matching.labels.filter { !dropped.contains($0) })
            : LabelProjection(.removing, matching.labels + dropped)
    }

    mutating func labels(_ many: Labels, _ included: [String?]) -> Labels {
        let base = projection.project(many)
        guard !include.isEmpty else { return base }
        builder.reset(base)
        for (name, value) in zip(include, included) { builder.set(name, value ?? "") }
        return builder.labels()
    }
}

extension GoFormat {
    /// A label set as Prometheus' errors show it: `{__name__="x", a="b"}`.
    static func labels(_ labels: Labels) -> String {
        let parts = labels.list.map { label in
            (isLegacyLabelName(label.name) ? label.name : quoted(label.name)) + "=" + quoted(label.value)
        }
        return "{" + parts.joined(separator: ", ") + "}"
    }
}
