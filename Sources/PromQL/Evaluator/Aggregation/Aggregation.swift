import Kernels
import Model

extension Evaluator {
    func aggregated(_ aggregate: Aggregate) throws -> StepMatrix {
        switch aggregate.op {
        case .sum: return try folded(aggregate, .sum)
        case .avg: return try folded(aggregate, .average)
        case .min: return try folded(aggregate, .minimum)
        case .max: return try folded(aggregate, .maximum)
        case .count: return try folded(aggregate, .count)
        case .group: return try folded(aggregate, .group)
        case .stddev: return try folded(aggregate, .deviation)
        case .stdvar: return try folded(aggregate, .variance)
        case .quantile: return try quantiles(aggregate)
        case .topk, .bottomk: return try extremes(aggregate)
        case .limitk: return try limited(aggregate)
        case .limitRatio: return try sampledByRatio(aggregate)
        case .countValues: return try countedValues(aggregate)
        }
    }

    /// The aggregation's scalar parameter at every step.
    func parameter(_ aggregate: Aggregate) throws -> [Double] {
        guard let parameter = aggregate.parameter else {
            throw QueryError.execution("parameter missing for aggregation operator \(aggregate.op.rawValue)")
        }
        return try scalar(parameter).values(grid.count)
    }

    /// Operators that fold each group into one value per step.
    private func folded(_ aggregate: Aggregate, _ operation: GroupAccumulator.Operation) throws -> StepMatrix {
        if let streamed = try foldedStream(aggregate, operation) { return streamed }
        let matrix = try vector(aggregate.operand)
        let grouping = Grouping(matrix, names: aggregate.grouping, without: aggregate.without)
        var accumulator = try GroupAccumulator(
            operation, groups: grouping.count, steps: grid.count, budget: context.budget)
        let countsHistograms = operation == .count || operation == .group
        for index in 0..<matrix.count {
            if let column = matrix.histogramColumn(index), countsHistograms {
                // Their values don't matter here: any float stands for them.
                let row = matrix.row(index)
                for step in 0..<grid.count where column[step] != nil { row[step] = 1 }
            }
            accumulator.add(matrix.row(index), to: grouping.numbers[index])
        }
        let floats = try context.matrix(rows: grouping.count, steps: grid.count)
        for group in 0..<grouping.count { accumulator.result(of: group, into: floats.row(group)) }
        var result = StepMatrix(labels: grouping.labels, losesName: grouping.losesName, floats: floats)
        if matrix.hasHistograms && !countsHistograms {
            if operation == .sum || operation == .average {
                addHistograms(of: matrix, grouping, isAverage: operation == .average, aggregate, to: &result)
            } else {
                context.annotations.inform(
                    "ignored histogram in \(aggregate.op.rawValue) aggregation", aggregate.operand.source)
            }
        }
        result.dropEmptySeries()
        return result
    }

    /// `quantile(φ, v)`
    private func quantiles(_ aggregate: Aggregate) throws -> StepMatrix {
        let phis = try parameter(aggregate)
        warnOfQuantiles(phis, aggregate.parameter?.source ?? aggregate.source)
        let matrix = try floatsOnly(vector(aggregate.operand), aggregate)
        let grouping = Grouping(matrix, names: aggregate.grouping, without: aggregate.without)
        let floats = try context.matrix(rows: grouping.count, steps: grid.count)
        let members = grouping.members
        let largest = members.map(\.count).max() ?? 0
        let scratch = try context.matrix(rows: StepTile.width, steps: largest)
        var found = [Int](repeating: 0, count: StepTile.width)
        for (group, members) in members.enumerated() {
            let out = floats.row(group)
            try StepTile.forEach(grid.count) { tile in
                try context.cancellation.check()
                for lane in found.indices { found[lane] = 0 }
                for index in members {
                    let row = matrix.row(index)
                    for step in tile where !Absent.matches(row[step]) {
                        let lane = step - tile.lowerBound
                        scratch.row(lane)[found[lane]] = row[step]
                        found[lane] += 1
                    }
                }
                for step in tile {
                    let lane = step - tile.lowerBound
                    let values = UnsafeMutableBufferPointer(start: scratch.row(lane), count: found[lane])
                    OrderKernels.sort(values)
                    out[step] =
                        values.isEmpty
                        ? Absent.value
                        : Absent.guarded(OrderKernels.quantile(phis[step], ofSorted: UnsafeBufferPointer(values)))
                }
            }
        }
        var result = StepMatrix(labels: grouping.labels, losesName: grouping.losesName, floats: floats)
        result.dropEmptySeries()
        return result
    }

    /// Leaves histograms out, with a remark, for operators that know only floats.
    func floatsOnly(_ matrix: StepMatrix, _ aggregate: Aggregate) -> StepMatrix {
        var matrix = matrix
        if matrix.hasHistograms {
            let isRanking = aggregate.op == .topk || aggregate.op == .bottomk
            context.annotations.inform(
                "ignored histogram in \(aggregate.op.rawValue) aggregation",
                isRanking ? aggregate.source : aggregate.operand.source)
            matrix.dropHistograms()
        }
        return matrix
    }
}
