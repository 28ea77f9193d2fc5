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
        self.init(matrix.labels, losesName: matrix.losesName, names: names, without: without)
    }

    /// - Parameter losesName: as long as `members`, or empty.
    init(_ members: some Collection<Labels>, losesName marks: [Bool] = [], names: [String], without: Bool) {
        var projection =
            without
            ? LabelProjection(.removing, names + SeriesNames.metadataLabels) : LabelProjection(.keeping, names)
        var table = LabelTable()
        var numbers: [Int] = []
        numbers.reserveCapacity(members.count)
        for labels in members {
            numbers.append(projection.withProjection(labels) { table.number(ofCanonical: $0) })
        }
        var losesName: [Bool] = []
        if !marks.isEmpty {
            losesName = [Bool](repeating: false, count: table.count)
            for index in marks.indices where marks[index] { losesName[numbers[index]] = true }
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
