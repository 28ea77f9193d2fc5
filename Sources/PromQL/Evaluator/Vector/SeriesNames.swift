import Kernels
import Model

/// Metric names as labels: what dropping a name drops, and what happens to series that it makes equal.
enum SeriesNames {
    /// Labels that describe the metric and go where its name goes.
    static let metadataLabels = [Labels.metricName, "__type__", "__unit__"]
    static let sameLabelset = QueryError.execution("vector cannot contain metrics with the same labelset")

    static func projection() -> LabelProjection { LabelProjection(.removing, metadataLabels) }
}

extension StepMatrix {
    /// Takes away the metric names, or marks them for removal at the end, as the engine is set.
    /// - Throws: where two series become equal at one step.
    mutating func dropNames(_ context: QueryContext) throws {
        if context.options.delaysNameRemoval {
            losesName = [Bool](repeating: true, count: count)
        } else {
            removeNames()
            try mergeEqualSeries(context)
        }
    }

    /// Takes away the metric names at once.
    mutating func removeNames() {
        var projection = SeriesNames.projection()
        for index in labels.indices { labels[index] = projection.project(labels[index]) }
        losesName = []
    }

    /// Takes away the names that were marked.
    mutating func removeMarkedNames(_ context: QueryContext) throws {
        guard losesName.contains(true) else { return }
        var projection = SeriesNames.projection()
        for index in labels.indices where losesName[index] { labels[index] = projection.project(labels[index]) }
        losesName = []
        try mergeEqualSeries(context)
    }

    /// Makes one series of each group with equal labels.
    /// - Throws: where two of them have a value at the same step.
    mutating func mergeEqualSeries(
        _ context: QueryContext, orThrow failure: @autoclosure () -> QueryError = SeriesNames.sameLabelset
    ) throws {
        var table = LabelTable(capacity: count)
        let numbers = labels.map { table.number(of: $0) }
        guard table.count < count else { return }
        var firsts = [Int](repeating: -1, count: table.count)
        var kept: [Int] = []
        for index in 0..<count {
            let first = firsts[numbers[index]]
            guard first >= 0 else {
                firsts[numbers[index]] = index
                kept.append(index)
                continue
            }
            guard merge(index, into: first) else { throw failure() }
        }
        keep(kept)
    }

    /// Moves the values of one series into another; false where both have one at the same step.
    private mutating func merge(_ index: Int, into target: Int) -> Bool {
        for step in 0..<steps where isPresent(index, step) {
            if isPresent(target, step) { return false }
            row(target)[step] = row(index)[step]
            if let histogram = histogram(index, step) {
                if histograms[target] == nil { histograms[target] = HistogramColumn(repeating: nil, count: steps) }
                histograms[target]?[step] = histogram
            }
        }
        if !losesName.isEmpty && losesName[index] { losesName[target] = true }
        return true
    }
}
