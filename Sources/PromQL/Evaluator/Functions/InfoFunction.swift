import Kernels
import Model

extension Evaluator {
    /// `info(v, {matchers})`: adds the labels of info series (such as `target_info`) that have the same identifying labels.
    func infoCall(_ arguments: [Expr]) throws -> StepMatrix {
        let base = try vector(arguments[0])
        var request = InfoRequest(matchers: [])
        if arguments.count > 1, case .vectorSelector(let selector) = arguments[1].unwrapped {
            request = InfoRequest(matchers: selector.matchers)
        }
        let modifiers = firstSelector(arguments[0])?.modifiers ?? TimeModifiers()
        let index = try infoIndex(request, modifiers)
        return try enriched(base, request, index)
    }

    /// Reads the info series, and groups them by their identifying labels.
    private func infoIndex(_ request: InfoRequest, _ modifiers: TimeModifiers) throws -> InfoIndex {
        let selector = VectorSelector(matchers: try request.seriesMatchers(), modifiers: modifiers)
        if try instantSelector(selector).hasHistograms {
            throw QueryError.execution("this should be an info metric with float samples, not a native histogram")
        }
        return InfoIndex(try instantSelector(selector, .time))
    }

    private func enriched(_ base: StepMatrix, _ request: InfoRequest, _ index: InfoIndex) throws -> StepMatrix {
        var rows = EnrichedRows(steps: grid.count)
        for row in 0..<base.count {
            let labels = base.labels[row]
            let isInfo = request.isInfoName(labels[Labels.metricName] ?? "")
            let candidates = isInfo ? [] : index.series(for: labels)
            for step in 0..<grid.count where base.isPresent(row, step) {
                let found = try index.newest(candidates, step)
                if found.isEmpty && !isInfo && !request.acceptsEmpty { continue }
                let target = found.isEmpty ? labels : try self.labels(labels, adding: found, request)
                rows.add(target, base, row, step)
            }
        }
        var result = try rows.matrix(context)
        try result.mergeEqualSeries(context)
        return result
    }

    /// `base` with the wanted labels of `infos`; labels that it has stay.
    private func labels(_ base: Labels, adding infos: [Labels], _ request: InfoRequest) throws -> Labels {
        var builder = LabelsBuilder(base)
        var added: [String: String] = [:]
        for info in infos {
            for label in info.list where request.wants(label.name) && base[label.name] == nil {
                if let other = added[label.name], other != label.value {
                    throw QueryError.execution("conflicting label: \(label.name)")
                }
                added[label.name] = label.value
                builder.set(label.name, label.value)
            }
        }
        return builder.labels()
    }

    private func firstSelector(_ expression: Expr) -> VectorSelector? {
        switch expression {
        case .vectorSelector(let selector): return selector
        case .matrixSelector(let matrix): return matrix.selector
        default:
            for child in expression.children {
                if let found = firstSelector(child) { return found }
            }
            return nil
        }
    }
}

/// Which info series and labels a call wants.
private struct InfoRequest {
    static let identifyingLabels = ["instance", "job"]

    private let nameMatchers: [Matcher]
    private let dataMatchers: [Matcher]
    private let wantedLabels: Set<String>

    init(matchers: [Matcher]) {
        nameMatchers = matchers.filter { $0.name == Labels.metricName }
        dataMatchers = matchers.filter { $0.name != Labels.metricName }
        wantedLabels = Set(dataMatchers.map(\.name))
    }

    /// Conditions on info series: positive ones on the name as they are, `target_info` without any, all that end in `_info` where there
    /// are only negative ones.
    func seriesMatchers() throws -> [Matcher] { try infoNameMatchers() + dataMatchers }

    private func infoNameMatchers() throws -> [Matcher] {
        if nameMatchers.isEmpty { return [Matcher(Labels.metricName, equals: "target_info")] }
        let hasPositive = nameMatchers.contains { $0.operation == .equal || $0.operation == .regex }
        if hasPositive { return nameMatchers }
        return nameMatchers + [try Matcher(Labels.metricName, .regex, ".+_info")]
    }

    /// Whether a series of this name is itself an info series, and passes unchanged.
    func isInfoName(_ name: String) -> Bool {
        guard let matchers = try? infoNameMatchers() else { return false }
        return matchers.allSatisfy { $0.matches(name) }
    }

    /// Whether series stay that have no info series.
    var acceptsEmpty: Bool { dataMatchers.allSatisfy(\.matchesEmpty) }

    func wants(_ label: String) -> Bool {
        label != Labels.metricName && !Self.identifyingLabels.contains(label)
            && (wantedLabels.isEmpty || wantedLabels.contains(label))
    }
}

/// Info series by their identifying labels.
private struct InfoIndex {
    /// Times of the samples, in seconds.
    private let times: StepMatrix
    private let table: LabelTable
    private let members: [[Int]]

    init(_ times: StepMatrix) {
        self.times = times
        var projection = LabelProjection(.keeping, InfoRequest.identifyingLabels)
        var table = LabelTable()
        var members: [[Int]] = []
        for row in 0..<times.count {
            let number = projection.withProjection(times.labels[row]) { table.number(ofCanonical: $0) }
            if number == members.count { members.append([]) }
            members[number].append(row)
        }
        self.table = table
        self.members = members
    }

    /// Info series with the same identifying labels; none for a series without any.
    func series(for labels: Labels) -> [Int] {
        var projection = LabelProjection(.keeping, InfoRequest.identifyingLabels)
        let identity = projection.project(labels)
        guard !identity.isEmpty, let number = table.existing(identity) else { return [] }
        return members[number]
    }

    /// Labels of the candidates that count at `step`: of each info metric the one with the newest sample.
    func newest(_ candidates: [Int], _ step: Int) throws -> [Labels] {
        var best: [(name: String, row: Int)] = []
        for row in candidates where times.isPresent(row, step) {
            let name = times.labels[row][Labels.metricName] ?? ""
            guard let known = best.firstIndex(where: { $0.name == name }) else {
                best.append((name, row))
                continue
            }
            let earlier = times.row(best[known].row)[step]
            let time = times.row(row)[step]
            if earlier == time {
                throw QueryError.execution(
                    "found duplicate series for info metric: existing \(GoFormat.labels(times.labels[best[known].row])), new \(GoFormat.labels(times.labels[row]))"
                )
            }
            if time > earlier { best[known].row = row }
        }
        return best.map { times.labels[$0.row] }
    }
}

/// Collects single elements into rows by their labels.
private struct EnrichedRows {
    private struct Key: Hashable {
        let labels: Labels
        let losesName: Bool
        let row: Int
    }

    private let steps: Int
    private var numbers: [Key: Int] = [:]
    private var labels: [Labels] = []
    private var losesName: [Bool] = []
    private var values: [[Double]] = []
    private var histograms: [StepMatrix.HistogramColumn?] = []

    init(steps: Int) { self.steps = steps }

    mutating func add(_ target: Labels, _ base: StepMatrix, _ row: Int, _ step: Int) {
        let key = Key(labels: target, losesName: base.losesName(row), row: row)
        let number: Int
        if let known = numbers[key] {
            number = known
        } else {
            number = labels.count
            numbers[key] = number
            labels.append(target)
            losesName.append(key.losesName)
            values.append([Double](repeating: Absent.value, count: steps))
            histograms.append(nil)
        }
        values[number][step] = base.row(row)[step]
        if let histogram = base.histogram(row, step) {
            if histograms[number] == nil { histograms[number] = .init(repeating: nil, count: steps) }
            histograms[number]?[step] = histogram
        }
    }

    func matrix(_ context: QueryContext) throws -> StepMatrix {
        let floats = try context.matrix(rows: labels.count, steps: steps)
        for (index, column) in values.enumerated() {
            for step in 0..<steps { floats.row(index)[step] = column[step] }
        }
        return StepMatrix(labels: labels, losesName: losesName, floats: floats, histograms: histograms)
    }
}
