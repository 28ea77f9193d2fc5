import Bedrock
import Client
import Model

/// The variables of a dashboard with what can be chosen and what is.
public struct VariableState: Equatable, Sendable {
    public var options: [String: [Variable.Option]] = [:]
    /// Values chosen, by variable; `Variable.all` alone stands for All.
    public var chosen: [String: [String]] = [:]
    /// Why a variable has no options.
    public var errors: [String: String] = [:]

    public init() {}

    public func isAll(_ name: String) -> Bool { chosen[name] == [Variable.all] }

    /// For a line of variables: the texts of what is chosen.
    public func text(_ variable: Variable) -> String {
        if isAll(variable.name) { return "All" }
        let values = chosen[variable.name] ?? []
        let known = options[variable.name] ?? []
        return values.map { value in
            // An interval that is a built-in follows the step.
            value.hasPrefix("$__") ? "auto" : known.first { $0.value == value }?.text ?? value
        }.joined(separator: " + ")
    }

    /// Values for interpolation.
    public func interpolation(_ variables: [Variable]) -> Interpolation {
        var result = Interpolation()
        for variable in variables { result.values[variable.name] = value(variable) }
        return result
    }

    func value(_ variable: Variable) -> Interpolation.Value {
        let known = options[variable.name] ?? []
        let isPattern = variable.isMulti || variable.includesAll
        if isAll(variable.name) {
            return Interpolation.Value(
                known, isPattern: true, verbatim: variable.allValue.isEmpty ? nil : variable.allValue)
        }
        let values = chosen[variable.name] ?? []
        return Interpolation.Value(
            values.map { value in known.first { $0.value == value } ?? Variable.Option(value) }, isPattern: isPattern)
    }
}

/// Finds out what variables can be, and keeps what was chosen where that is still possible.
public struct VariableResolver: Sendable {
    public let variables: [Variable]
    public let client: PrometheusClient

    public init(variables: [Variable], client: PrometheusClient) {
        self.variables = variables
        self.client = client
    }

    /// Asks the server, each variable after those its query refers to.
    /// - Parameters:
    ///   - wanted: values asked for from outside (a flag, an earlier choice), by name.
    public func resolve(wanted: [String: [String]], range: TimeRange) async -> VariableState {
        var state = VariableState()
        for level in Self.levels(variables) {
            let before = state
            await withTaskGroup(of: (Variable, Result<[Variable.Option], VariableFailure>).self) { group in
                for variable in level {
                    group.addTask { (variable, await options(variable, before, range)) }
                }
                for await (variable, outcome) in group {
                    switch outcome {
                    case .success(let found): state.options[variable.name] = found
                    case .failure(let failure):
                        state.options[variable.name] = []
                        state.errors[variable.name] = failure.reason
                    }
                    state.chosen[variable.name] = Self.choose(
                        variable, state.options[variable.name] ?? [], wanted[variable.name])
                }
            }
        }
        return state
    }

    /// Variables in groups: each refers only to earlier groups. References in a circle are cut at the first.
    static func levels(_ variables: [Variable]) -> [[Variable]] {
        let names = Set(variables.map(\.name))
        var waiting = variables.map { variable in
            (
                variable,
                VariableReferences.names(in: variable.query + " " + variable.pattern).intersection(names).subtracting([
                    variable.name
                ])
            )
        }
        var done: Set<String> = []
        var result: [[Variable]] = []
        while !waiting.isEmpty {
            var ready = waiting.filter { $0.1.isSubset(of: done) }.map(\.0)
            if ready.isEmpty { ready = [waiting[0].0] }
            let readyNames = Set(ready.map(\.name))
            result.append(ready)
            done.formUnion(readyNames)
            waiting.removeAll { readyNames.contains($0.0.name) }
        }
        return result
    }

    private struct VariableFailure: Error {
        var reason: String
    }

    private func options(
        _ variable: Variable, _ state: VariableState, _ range: TimeRange
    ) async -> Result<[Variable.Option], VariableFailure> {
        switch variable.kind {
        case .custom, .interval:
            let own = VariableOptions.custom(variable.query)
            return .success(own.isEmpty ? variable.options : own)
        case .constant, .textBox: return .success([Variable.Option(variable.query)])
        case .dataSource: return .success([Variable.Option(text: "default", value: "default")])
        case .adHoc, .unknown: return .success(variable.options)
        case .query: break
        }
        let interpolation = state.interpolation(variables)
        let values: [String]
        do throws(ClientError) {
            let query = VariableQuery(interpolation.expand(variable.query))
            values =
                variable.dataSource.kind(variables) == "loki"
                ? try await askLogs(query, range) : try await ask(query, range)
        } catch {
            return .failure(VariableFailure(reason: error.description))
        }
        do throws(RegexError) {
            return .success(
                try VariableOptions.make(
                    values, pattern: interpolation.expand(variable.pattern), sorting: variable.sorting))
        } catch {
            return .failure(VariableFailure(reason: error.description))
        }
    }

    private func ask(_ query: VariableQuery, _ range: TimeRange) async throws(ClientError) -> [String] {
        switch query {
        case .labelValues(let label, let selector):
            return try await client.labelValues(label, matching: selector.map { [$0] } ?? [], range: range)
        case .labelNames(let selector):
            return try await client.labelNames(matching: selector.map { [$0] } ?? [], range: range)
        case .metrics(let pattern):
            let names = try await client.labelValues(Labels.metricName, range: range)
            guard let expression = try? RegularExpression(pattern, anchored: false) else { return [] }
            return names.filter { expression.matches($0) }
        case .queryResult(let expression):
            return Self.lines(try await client.query(expression, at: range.end))
        case .series(let selector):
            return selector.isEmpty
                ? [] : try await client.series(matching: [selector], range: range).map(\.description)
        }
    }

    /// Of a Loki data source, which knows streams only.
    private func askLogs(_ query: VariableQuery, _ range: TimeRange) async throws(ClientError) -> [String] {
        let logs = LokiClient(beside: client)
        let range = LogTimeRange(milliseconds: range)
        switch query {
        case .labelValues(let label, let selector):
            return try await logs.labelValues(label, matching: selector, range: range)
        case .labelNames(let selector): return try await logs.labelNames(matching: selector, range: range)
        case .series(let selector):
            return selector.isEmpty ? [] : try await logs.streams(matching: selector, range: range).map(\.description)
        case .metrics, .queryResult: return []
        }
    }

    /// `name{a="b"} 1.5 1700000000000`, as Grafana shows results to a pattern.
    private static func lines(_ answer: QueryAnswer) -> [String] {
        func line(_ name: String, _ value: Double, _ time: Int64) -> String {
            let number = value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
            return (name.isEmpty ? "" : name + " ") + number + " " + String(time)
        }
        switch answer.result {
        case .vector(let table), .matrix(let table):
            return (0..<table.count).compactMap { index in
                let points = table.points(index)
                guard let last = points.last else { return nil }
                return line(table.labels[index].description, table.values[last], table.timestamps[last])
            }
        case .scalar(let sample): return [line("", sample.value, sample.timestamp)]
        case .string(_, let text): return [text]
        }
    }

    /// What was wanted, else what the document chose, else the first; only what exists counts, where anything exists.
    static func choose(_ variable: Variable, _ options: [Variable.Option], _ wanted: [String]?) -> [String] {
        let isFree = variable.kind == .textBox || variable.kind == .constant || variable.kind == .interval
        func valid(_ values: [String]) -> [String]? {
            if values.contains(Variable.all) || (values == ["All"] && variable.includesAll) {
                return variable.includesAll ? [Variable.all] : nil
            }
            let kept = isFree ? values : values.filter { value in options.contains { $0.value == value } }
            return kept.isEmpty || kept == [""] ? nil : variable.isMulti ? kept : [kept[0]]
        }
        if let wanted, let kept = valid(wanted) { return kept }
        if variable.kind == .interval, variable.current.first?.value.hasPrefix("$__auto") == true {
            return options.first.map { [$0.value] } ?? []
        }
        if let kept = valid(variable.current.map(\.value)) { return kept }
        // Nothing is there to choose from: what the document holds keeps queries readable.
        if options.isEmpty { return variable.current.map(\.value).filter { !$0.isEmpty } }
        if variable.includesAll { return [Variable.all] }
        return [options[0].value]
    }
}
