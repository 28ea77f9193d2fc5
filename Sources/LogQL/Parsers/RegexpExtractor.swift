import Bedrock

/// The expression of `| regexp`: named groups become labels.
public struct RegexpExpression: Sendable {
    let regex: RegularExpression
    /// Groups with a name, by number.
    public let groups: [(index: Int, name: String)]

    public init(_ pattern: String) throws(PipelineError) {
        do throws(RegexError) {
            regex = try RegularExpression(pattern, anchored: false)
        } catch {
            // RE2 refuses names that occur twice by itself.
            if error.reason.contains("duplicate") {
                throw PipelineError("duplicate extracted label name in `\(pattern)`: \(error.reason)")
            }
            throw PipelineError("error parsing regexp: \(error.reason): `\(pattern)`")
        }
        var groups: [(index: Int, name: String)] = []
        for index in 0..<regex.groupCount {
            guard let name = regex.groupName(index + 1) else { continue }
            guard isLabelName(name) else {
                throw PipelineError("invalid extracted label name '\(name)' in `\(pattern)`: use letters, digits and _")
            }
            guard !groups.contains(where: { $0.name == name }) else {
                throw PipelineError("duplicate extracted label name '\(name)' in `\(pattern)`")
            }
            groups.append((index + 1, name))
        }
        guard !groups.isEmpty else {
            throw PipelineError("at least one named capture must be supplied in `\(pattern)`, as (?P<name>...)")
        }
        self.groups = groups
    }
}

/// `[A-Za-z_][A-Za-z0-9_]*`
private func isLabelName(_ name: String) -> Bool {
    guard let first = name.utf8.first, first &- 48 >= 10 else { return false }
    return name.utf8.allSatisfy(LabelNameSanitizer.isWord)
}

/// `| regexp`. Not thread-safe.
final class RegexpExtractor {
    private let expression: RegexpExpression
    private let ids: [Int32]
    @exclusivity(unchecked) private var offsets: [Int64]

    init(_ expression: RegexpExpression, _ names: LabelNames) {
        self.expression = expression
        ids = expression.groups.map { names.pin($0.name) }
        offsets = Array(repeating: -1, count: (expression.regex.groupCount + 1) * 2)
    }

    func extract(_ line: UnsafeRawBufferPointer, _ row: RowLabels) {
        guard expression.regex.captures(line, into: &offsets) else { return }
        for (i, group) in expression.groups.enumerated() {
            let start = Int(offsets[group.index * 2])
            let end = Int(offsets[group.index * 2 + 1])
            guard let target = row.target(ids[i]) else { continue }
            let value =
                start < 0
                ? UnsafeRawBufferPointer(start: nil, count: 0) : UnsafeRawBufferPointer(rebasing: line[start..<end])
            row.setExtracted(target, value)
        }
    }
}
