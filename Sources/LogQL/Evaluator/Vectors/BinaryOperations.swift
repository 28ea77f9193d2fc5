import Kernels
import Model

extension MetricEvaluator {
    func combined(_ node: MetricBinary) throws -> StepVector {
        if case .literal(let number) = node.lhs {
            return try scaled(node, vector(node.rhs), number.value, scalarIsLeft: true)
        }
        if case .literal(let number) = node.rhs {
            return try scaled(node, vector(node.lhs), number.value, scalarIsLeft: false)
        }
        let lhs = try vector(node.lhs)
        let rhs = try vector(node.rhs)
        return node.op.isSetOperator ? try setOperation(node, lhs, rhs) : try matched(node, lhs, rhs)
    }

    /// One column of an operator. Anything divided by zero is NaN. `out` may be one of the operands.
    private func apply(
        _ node: MetricBinary, _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>,
        keeping side: ArithmeticKernels.ComparisonResult = .left, into out: UnsafeMutablePointer<Double>
    ) {
        let count = grid.count
        if let comparison = node.op.comparison {
            let result = node.returnsBool ? ArithmeticKernels.ComparisonResult.bool : side
            return ArithmeticKernels.compare(comparison, a, b, count: count, result: result, into: out)
        }
        guard let op = node.op.arithmetic else { return }
        guard op == .divide else { return ArithmeticKernels.apply(op, a, b, count: count, into: out) }
        let divisors = (0..<count).map { b[$0] == 0 ? .nan : b[$0] }
        divisors.withUnsafeBufferPointer {
            guard let divisor = $0.baseAddress else { return }
            ArithmeticKernels.apply(op, a, divisor, count: count, into: out)
        }
    }

    /// A vector and a number. Filters keep the vector's value, on whichever side it stands.
    private func scaled(
        _ node: MetricBinary, _ vector: StepVector, _ scalar: Double, scalarIsLeft: Bool
    ) throws -> StepVector {
        var result = vector
        let column = [Double](repeating: Absent.guarded(scalar), count: grid.count)
        column.withUnsafeBufferPointer { column in
            guard let constant = column.baseAddress else { return }
            for index in 0..<result.count {
                let row = result.row(index)
                let values = UnsafePointer(row)
                apply(
                    node, scalarIsLeft ? constant : values, scalarIsLeft ? values : constant,
                    keeping: scalarIsLeft ? .right : .left, into: row)
            }
        }
        result.dropEmptySeries()
        return result
    }

    // MARK: Two vectors

    /// "Many" is the side that keeps its labels (the left one, one to one), "one" the other.
    private func matched(_ node: MetricBinary, _ lhs: StepVector, _ rhs: StepVector) throws -> StepVector {
        let signatures = MatchSignatures(lhs.labels, rhs.labels, node.matching)
        let manyIsLeft = node.matching.cardinality != .oneToMany
        let many = manyIsLeft ? lhs : rhs
        let one = manyIsLeft ? rhs : lhs
        let manyNumbers = manyIsLeft ? signatures.left : signatures.right
        let manyMembers = Self.members(manyNumbers, signatures.count)
        let oneMembers = Self.members(manyIsLeft ? signatures.right : signatures.left, signatures.count)
        try checkUniqueness(many, one, manyMembers, oneMembers, node.matching, oneIsRight: manyIsLeft)
        let pairs = manyNumbers.enumerated().flatMap { index, number in oneMembers[number].map { (index, $0) } }
        let floats = try matrix(pairs.count)
        var labels: [Labels] = []
        for (index, pair) in pairs.enumerated() {
            if index % 256 == 0 { try context.cancellation.check() }
            let manyRow = many.row(pair.0)
            let oneRow = one.row(pair.1)
            apply(node, manyIsLeft ? manyRow : oneRow, manyIsLeft ? oneRow : manyRow, into: floats.row(index))
            labels.append(Self.labels(node.matching, many.labels[pair.0], one.labels[pair.1]))
        }
        var result = StepVector(labels: labels, floats: floats)
        result.dropEmptySeries()
        try result.mergeEqualSeries(
            orThrow: "multiple matches for labels: grouping labels must ensure unique matches")
        return result
    }

    private static func members(_ numbers: [Int], _ count: Int) -> [[Int]] {
        var members = [[Int]](repeating: [], count: count)
        for (index, number) in numbers.enumerated() { members[number].append(index) }
        return members
    }

    private static func labels(_ matching: VectorMatching, _ many: Labels, _ one: Labels) -> Labels {
        var result = many
        if matching.cardinality == .oneToOne {
            var projection = LabelProjection(matching.isOn ? .keeping : .removing, matching.labels)
            result = projection.project(many)
        }
        if matching.include.isEmpty { return result }
        var builder = LabelsBuilder(result)
        for name in matching.include { builder.set(name, one[name] ?? "") }
        return builder.labels()
    }

    /// Refuses steps at which more than one element has a signature where only one may.
    private func checkUniqueness(
        _ many: StepVector, _ one: StepVector, _ manyMembers: [[Int]], _ oneMembers: [[Int]],
        _ matching: VectorMatching, oneIsRight: Bool
    ) throws {
        for step in 0..<grid.count {
            let isManyEmpty = !(0..<many.count).contains { many.isPresent($0, step) }
            for members in oneMembers where members.count > 1 && !isManyEmpty {
                guard members.lazy.filter({ one.isPresent($0, step) }).prefix(2).count > 1 else { continue }
                throw LogQLQueryError.execution(
                    "found duplicate series on the \(oneIsRight ? "right" : "left") hand-side; many-to-many matching not allowed: matching labels must be unique on one side"
                )
            }
            guard matching.cardinality == .oneToOne else { continue }
            for (number, members) in manyMembers.enumerated() where members.count > 1 {
                guard members.lazy.filter({ many.isPresent($0, step) }).prefix(2).count > 1,
                    oneMembers[number].contains(where: { one.isPresent($0, step) })
                else { continue }
                throw LogQLQueryError.execution(
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)")
            }
        }
    }

    // MARK: Sets

    /// `and`, `or`, `unless`: elements stay or go by whether the other side has one of the same matching labels at that step.
    private func setOperation(_ node: MetricBinary, _ lhs: StepVector, _ rhs: StepVector) throws -> StepVector {
        let signatures = MatchSignatures(lhs.labels, rhs.labels, node.matching)
        switch node.op {
        case .and, .unless:
            let present = presence(rhs, signatures.right, signatures.count)
            return masked(lhs, signatures.left, present, keeps: node.op == .and)
        default:
            let present = presence(lhs, signatures.left, signatures.count)
            let others = masked(rhs, signatures.right, present, keeps: false)
            let floats = try matrix(lhs.count + others.count)
            floats.base.update(from: lhs.floats.base, count: lhs.count * grid.count)
            (floats.base + lhs.count * grid.count).update(from: others.floats.base, count: others.count * grid.count)
            var result = StepVector(labels: lhs.labels + others.labels, floats: floats)
            try result.mergeEqualSeries(orThrow: "vector cannot contain metrics with the same labelset")
            return result
        }
    }

    /// Per signature and step, whether any series is there.
    private func presence(_ vector: StepVector, _ numbers: [Int], _ count: Int) -> [[Bool]] {
        var result = [[Bool]](repeating: [], count: count)
        for index in 0..<vector.count {
            let number = numbers[index]
            if result[number].isEmpty { result[number] = [Bool](repeating: false, count: grid.count) }
            for step in 0..<grid.count where vector.isPresent(index, step) { result[number][step] = true }
        }
        return result
    }

    private func masked(_ vector: StepVector, _ numbers: [Int], _ presence: [[Bool]], keeps: Bool) -> StepVector {
        var vector = vector
        for index in 0..<vector.count {
            let present = presence[numbers[index]]
            for step in 0..<grid.count where (present.isEmpty ? false : present[step]) != keeps {
                vector.row(index)[step] = Absent.value
            }
        }
        vector.dropEmptySeries()
        return vector
    }
}
