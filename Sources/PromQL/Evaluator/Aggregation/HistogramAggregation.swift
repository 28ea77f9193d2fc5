import Kernels
import Model

extension Evaluator {
    /// Adds up, or averages, the native histograms of each group, beside the floats that `result` holds already.
    /// Where a group has both at one step it has no result.
    func addHistograms(
        of matrix: StepMatrix, _ grouping: Grouping, isAverage: Bool, _ aggregate: Aggregate,
        to result: inout StepMatrix
    ) {
        let source = aggregate.operand.source
        var columns = [StepMatrix.HistogramColumn?](repeating: nil, count: result.count)
        for (group, members) in grouping.members.enumerated() {
            let members = members.filter { matrix.histogramColumn($0) != nil }
            guard !members.isEmpty else { continue }
            var column = StepMatrix.HistogramColumn(repeating: nil, count: grid.count)
            let floats = result.row(group)
            for step in 0..<grid.count {
                var sum = HistogramSum(averages: isAverage)
                for index in members {
                    if let histogram = matrix.histogram(index, step) { sum.add(histogram) }
                }
                guard sum.count > 0 else { continue }
                guard Absent.matches(floats[step]) else {
                    context.annotations.warn(
                        "encountered a mix of histograms and floats for aggregation", source)
                    floats[step] = Absent.value
                    continue
                }
                if sum.isIncompatible {
                    let name = members.first.flatMap { matrix.labels[$0][Labels.metricName] } ?? ""
                    context.annotations.warn(
                        "vector contains a mix of histograms with exponential and custom buckets schemas for metric name \(quoted(name))",
                        source)
                    continue
                }
                context.annotations.note(sum, source)
                column[step] = sum.result
            }
            columns[group] = column
        }
        result.histograms = columns.contains { $0 != nil } ? columns : []
    }
}
