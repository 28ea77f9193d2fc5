import Kernels
import Model

extension MetricEvaluator {
    func aggregated(_ node: VectorAggregation) throws -> StepVector {
        switch node.operation {
        case .sum:
            // Counts are added up per group as they are made.
            if case .range(let inner) = node.operand, Self.isCount(inner) {
                return try ranged(inner, summedBy: node.grouping ?? MetricGrouping([]))
            }
            return try folded(node, .sum)
        case .avg: return try folded(node, .average)
        case .min: return try folded(node, .minimum)
        case .max: return try folded(node, .maximum)
        case .count: return try folded(node, .count)
        case .stddev: return try folded(node, .deviation)
        case .stdvar: return try folded(node, .variance)
        case .topk, .bottomk: return try extremes(node, largest: node.operation == .topk)
        case .approxTopk:
            guard isInstant else {
                throw LogQLQueryError.execution("approx_topk is only supported on instant queries")
            }
            return try extremes(node, largest: true)
        case .sort, .sortDesc: return try sorted(node)
        }
    }

    private func groups(_ found: StepVector, _ grouping: MetricGrouping?) -> (numbers: [Int], labels: [Labels]) {
        var projection = SeriesKey(grouping ?? MetricGrouping([])).projection
        var table = LabelTable()
        let numbers = found.labels.map { labels in
            projection.withProjection(labels) { table.number(ofCanonical: $0) }
        }
        return (numbers, table.sets)
    }

    /// Operators that fold each group into one value per step.
    private func folded(_ node: VectorAggregation, _ operation: GroupAccumulator.Operation) throws -> StepVector {
        let found = try vector(node.operand)
        let (numbers, labels) = groups(found, node.grouping)
        var accumulator = try GroupAccumulator(
            operation, groups: labels.count, steps: grid.count, budget: context.budget)
        for index in 0..<found.count { accumulator.add(found.row(index), to: numbers[index]) }
        let floats = try matrix(labels.count)
        for group in labels.indices { accumulator.result(of: group, into: floats.row(group)) }
        var result = StepVector(labels: labels, floats: floats)
        result.dropEmptySeries()
        return result
    }

    /// The k extreme elements of each group, with their labels; in an instant query groups one after another, the best first.
    private func extremes(_ node: VectorAggregation, largest: Bool) throws -> StepVector {
        let found = try vector(node.operand)
        let (numbers, labels) = groups(found, node.grouping)
        var members = [[Int]](repeating: [], count: labels.count)
        for (index, number) in numbers.enumerated() { members[number].append(index) }
        var order: [Int] = []
        var rankings = [Ranking](repeating: Ranking(largest: largest), count: StepTile.width)
        for members in members {
            try StepTile.forEach(grid.count) { tile in
                try context.cancellation.check()
                for step in tile { rankings[step - tile.lowerBound].restart(keeping: node.parameter ?? 1) }
                for index in members {
                    let row = found.row(index)
                    for step in tile where !Absent.matches(row[step]) {
                        rankings[step - tile.lowerBound].offer(row[step], index)
                        row[step] = Absent.value
                    }
                }
                for step in tile {
                    let best = rankings[step - tile.lowerBound].sorted()
                    for (value, index) in best { found.row(index)[step] = value }
                    if isInstant { order += best.map(\.index) }
                }
            }
        }
        return isInstant ? try reordered(found, order) : found
    }

    private func sorted(_ node: VectorAggregation) throws -> StepVector {
        let found = try vector(node.operand)
        guard isInstant else { return found }
        let isDescending = node.operation == .sortDesc
        let order = found.labels.indices.sorted { a, b in
            let x = found.row(a)[0]
            let y = found.row(b)[0]
            if x.isNaN || y.isNaN { return !x.isNaN && y.isNaN }
            return isDescending ? x > y : x < y
        }
        return try reordered(found, order)
    }

    /// The series `order`, in that order.
    private func reordered(_ found: StepVector, _ order: [Int]) throws -> StepVector {
        let floats = try matrix(order.count)
        for (to, from) in order.enumerated() { floats.row(to).update(from: found.row(from), count: grid.count) }
        return StepVector(labels: order.map { found.labels[$0] }, floats: floats)
    }
}
