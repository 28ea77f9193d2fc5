import Bedrock
import Kernels
import Model

extension Evaluator {
    /// `count_values("label", v)`: how many elements have each value, the value as a label.
    func countedValues(_ aggregate: Aggregate) throws -> StepMatrix {
        guard let parameter = aggregate.parameter else {
            throw QueryError.execution("parameter missing for aggregation operator count_values")
        }
        let label = try labelName(parameter)
        let matrix = try vector(aggregate.operand)
        let grouping = Grouping(matrix, names: aggregate.grouping, without: aggregate.without)
        var table = LabelTable()
        var counts: [[Double]] = []
        var losesName: [Bool] = []
        var numbers: [CountedValue: Int] = [:]
        var builder = LabelsBuilder()

        func number(_ index: Int, _ key: CountedValue, _ text: @autoclosure () -> String) -> Int {
            if let known = numbers[key] { return known }
            builder.reset(grouping.labels[key.group])
            builder.set(label, text())
            let number = table.number(of: builder.labels())
            numbers[key] = number
            if number == counts.count {
                counts.append([Double](repeating: 0, count: grid.count))
                losesName.append(false)
            }
            return number
        }
        for index in 0..<matrix.count {
            let group = grouping.numbers[index]
            let row = matrix.row(index)
            try context.cancellation.check()
            for step in 0..<grid.count {
                let found: Int
                if let histogram = matrix.histogram(index, step) {
                    let text = histogram.text
                    found = number(index, CountedValue(group: group, bits: 0, text: text), text)
                } else if !Absent.matches(row[step]) {
                    let value = row[step]
                    let bits = value.isNaN ? Double.nan.bitPattern : value.bitPattern
                    found = number(
                        index, CountedValue(group: group, bits: bits, text: ""), NumberText.text(value, .fixed))
                } else {
                    continue
                }
                counts[found][step] += 1
                if matrix.losesName(index) { losesName[found] = true }
            }
        }
        let floats = try context.matrix(rows: counts.count, steps: grid.count)
        for (index, column) in counts.enumerated() {
            let row = floats.row(index)
            for step in 0..<grid.count { row[step] = column[step] == 0 ? Absent.value : column[step] }
        }
        return StepMatrix(labels: table.sets, losesName: losesName, floats: floats)
    }
}

/// A distinct value within a group.
private struct CountedValue: Hashable {
    let group: Int
    let bits: UInt64
    let text: String
}
