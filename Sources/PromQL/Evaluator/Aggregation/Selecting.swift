import Bedrock
import Kernels
import Model

extension Evaluator {
    /// `topk` and `bottomk`: the k extreme elements of each group, with their labels.
    func extremes(_ aggregate: Aggregate) throws -> StepMatrix {
        guard let counts = try elementCounts(aggregate) else { return try nothing() }
        var matrix = try floatsOnly(vector(aggregate.operand), aggregate)
        let grouping = Grouping(matrix, names: aggregate.grouping, without: aggregate.without)
        let largest = aggregate.op == .topk
        var order: [Int] = []
        var rankings = [Ranking](repeating: Ranking(largest: largest), count: StepTile.width)
        for members in grouping.members {
            try StepTile.forEach(grid.count) { tile in
                try context.cancellation.check()
                for step in tile { rankings[step - tile.lowerBound].restart(keeping: counts[step]) }
                for index in members {
                    let row = matrix.row(index)
                    for step in tile where !Absent.matches(row[step]) {
                        rankings[step - tile.lowerBound].offer(row[step], index)
                        row[step] = Absent.value
                    }
                }
                for step in tile {
                    let best = rankings[step - tile.lowerBound].sorted()
                    for (value, index) in best { matrix.row(index)[step] = value }
                    if grid.count == 1 { order += best.map(\.index) }
                }
            }
        }
        if grid.count == 1 {
            // An instant query shows groups one after another, the best first.
            let ranked = Set(order)
            matrix.reorder(order + matrix.labels.indices.filter { !ranked.contains($0) })
        }
        matrix.dropEmptySeries()
        return matrix
    }

    /// `limitk`: the first k elements of each group, floats or histograms.
    func limited(_ aggregate: Aggregate) throws -> StepMatrix {
        guard let counts = try elementCounts(aggregate) else { return try nothing() }
        var matrix = try vector(aggregate.operand)
        let grouping = Grouping(matrix, names: aggregate.grouping, without: aggregate.without)
        for members in grouping.members {
            for step in 0..<grid.count {
                var room = counts[step]
                for index in members where matrix.isPresent(index, step) {
                    if room > 0 { room -= 1 } else { matrix.remove(index, step) }
                }
            }
        }
        matrix.dropEmptySeries()
        return matrix
    }

    /// `limit_ratio`: a share of the elements, chosen by a hash of their labels, so that r and r - 1 are complements.
    func sampledByRatio(_ aggregate: Aggregate) throws -> StepMatrix {
        let ratios = try parameter(aggregate)
        let source = aggregate.parameter?.source ?? aggregate.source
        if ratios.contains(where: \.isNaN) { throw QueryError.execution("Ratio value is NaN") }
        let capped = ratios.map { ratio -> Double in
            guard ratio.magnitude > 1 else { return ratio }
            let cap: Double = ratio > 0 ? 1 : -1
            context.annotations.warn(
                "ratio value should be between -1 and 1, got \(NumberText.text(ratio, .general)), capping to \(NumberText.text(cap, .general))",
                source)
            return cap
        }
        var matrix = try vector(aggregate.operand)
        for index in 0..<matrix.count {
            let position = Double(matrix.labels[index].hash128.high) / 18_446_744_073_709_551_616
            for step in 0..<grid.count where matrix.isPresent(index, step) {
                let ratio = capped[step]
                let isKept = ratio >= 0 ? position < ratio || ratio == 1 : position >= 1 + ratio
                if !isKept { matrix.remove(index, step) }
            }
        }
        matrix.dropEmptySeries()
        return matrix
    }

    /// k per step, cut to whole numbers; nil where no step asks for any element.
    private func elementCounts(_ aggregate: Aggregate) throws -> [Int]? {
        let values = try parameter(aggregate)
        if !values.contains(where: { $0 >= 1 || $0.isNaN }) { return nil }
        if values.contains(where: \.isNaN) { throw QueryError.execution("Parameter value is NaN") }
        if let wrong = values.first(where: { $0 >= 9_223_372_036_854_775_808 }) {
            throw QueryError.execution("Scalar value \(NumberText.text(wrong, .general)) overflows int64")
        }
        if let wrong = values.first(where: { $0 <= -9_223_372_036_854_775_808 }) {
            throw QueryError.execution("Scalar value \(NumberText.text(wrong, .general)) underflows int64")
        }
        return values.map { max(0, Int($0)) }
    }
}

extension StepMatrix {
    /// Makes series `index` absent at `step`.
    mutating func remove(_ index: Int, _ step: Int) {
        row(index)[step] = Absent.value
        if hasHistograms { histograms[index]?[step] = nil }
    }
}
