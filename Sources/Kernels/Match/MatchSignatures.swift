import Model

/// Which series of two vectors match: each distinct set of matching labels has a number.
public struct MatchSignatures {
    /// The number of each series of the left side.
    public let left: [Int]
    /// Likewise of the right side.
    public let right: [Int]
    /// The matching labels of each number.
    public let labels: [Labels]

    /// How many numbers there are.
    public var count: Int { labels.count }

    /// Of the series of the left and the right side. The metric name never matches, unless `on` names it.
    public init(_ lhs: [Labels], _ rhs: [Labels], _ matching: VectorMatching) {
        var projection =
            matching.isOn
            ? LabelProjection(.keeping, matching.labels)
            : LabelProjection(.removing, matching.labels + [Labels.metricName])
        var table = LabelTable(capacity: lhs.count + rhs.count)
        var left = [Int](repeating: 0, count: lhs.count)
        for index in 0..<lhs.count {
            left[index] = projection.withProjection(lhs[index]) { table.number(ofCanonical: $0) }
        }
        var right = [Int](repeating: 0, count: rhs.count)
        for index in 0..<rhs.count {
            right[index] = projection.withProjection(rhs[index]) { table.number(ofCanonical: $0) }
        }
        self.left = left
        self.right = right
        labels = table.sets
    }
}
