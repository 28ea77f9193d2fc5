import Kernels
import Model

/// The groups of an aggregation over one vector: once per query, for all steps.
struct Grouping {
    /// Group of each series.
    let numbers: [Int]
    /// Labels of each group.
    let labels: [Labels]
    /// Whether a group's name is to be removed at the end: that of any member is.
    let losesName: [Bool]

    var count: Int { labels.count }

    init(_ matrix: StepMatrix, names: [String], without: Bool) {
        var projection =
            without
            ? LabelProjection(.removing, names + SeriesNames.metadataLabels) : LabelProjection(.keeping, names)
        var table = LabelTable()
        var numbers = [Int](repeating: 0, count: matrix.count)
        for index in 0..<matrix.count {
            numbers[index] = projection.withProjection(matrix.labels[index]) { table.number(ofCanonical: $0) }
        }
        var losesName: [Bool] = []
        if !matrix.losesName.isEmpty {
            losesName = [Bool](repeating: false, count: table.count)
            for index in 0..<matrix.count where matrix.losesName[index] { losesName[numbers[index]] = true }
        }
        self.numbers = numbers
        self.labels = table.sets
        self.losesName = losesName
    }

    /// The series of each group, in order.
    var members: [[Int]] {
        var members = [[Int]](repeating: [], count: count)
        for (index, number) in numbers.enumerated() { members[number].append(index) }
        return members
    }
}
