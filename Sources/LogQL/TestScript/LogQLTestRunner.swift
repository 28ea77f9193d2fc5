import Bedrock
import Model

/// Runs `.logqltest` scripts against the engine. Not thread-safe; make one for each script that runs at the same time.
public struct LogQLTestRunner {
    /// What came of one evaluation.
    public struct Outcome: Sendable {
        /// The script's name, as given.
        public var file: String
        /// Line of the evaluation, from 1.
        public var line: Int
        public var query: String
        /// What was expected and came instead; nil when it passed.
        public var failure: String?

        public var passed: Bool { failure == nil }
    }

    /// Time 0 of scripts: 2026-01-01T00:00:00Z, in nanoseconds.
    public static let epoch: Int64 = 1_767_225_600_000_000_000

    private let engine: LogQLEngine
    private let source: MemoryLogSource

    /// - Parameter partRows: rows of a part of the storage.
    public init(engine: LogQLEngine = LogQLEngine(), partRows: Int = 64) {
        self.engine = engine
        source = MemoryLogSource(partRows: partRows)
    }

    /// Runs all commands of a script in order, on a storage that is empty at first.
    ///
    /// - Parameter name: shown in outcomes, a file name mostly.
    /// - Throws: for a text that is no script; failing evaluations are outcomes.
    public func run(_ script: String, name: String) throws(LogTestScript.ScriptError) -> [Outcome] {
        let script = try LogTestScript(parsing: script)
        source.removeAll()
        var outcomes: [Outcome] = []
        for command in script.commands {
            switch command {
            case .clear: source.removeAll()
            case .load(let entries):
                for entry in entries {
                    source.append(
                        entry.stream, timestamp: Self.epoch &+ entry.time, line: entry.line, metadata: entry.metadata)
                }
            case .evaluate(let evaluation):
                outcomes.append(
                    Outcome(
                        file: name, line: evaluation.line, query: evaluation.query, failure: failure(evaluation)))
            }
        }
        return outcomes
    }

    private func evaluate(_ evaluation: LogTestScript.Evaluation) throws -> LogQLResult {
        guard case .metric(let metric) = try LogQLParser.parse(evaluation.query) else {
            throw LogQLQueryError.execution("scripts evaluate metric queries")
        }
        switch evaluation.times {
        case .instant(let time): return try engine.instant(metric, at: Self.epoch &+ time, source: source)
        case .range(let start, let end, let step):
            return try engine.range(
                metric, start: Self.epoch &+ start, end: Self.epoch &+ end, step: step, source: source)
        }
    }

    /// What is wrong with an evaluation, nil if nothing is.
    private func failure(_ evaluation: LogTestScript.Evaluation) -> String? {
        let result: LogQLResult
        do { result = try evaluate(evaluation) } catch {
            guard let condition = evaluation.failure else { return "expected a result, got the error: \(error)" }
            let text = "\(error)"
            let holds =
                switch condition {
                case .any: true
                case .containing(let wanted): text.contains(wanted)
                case .matching(let regex): regex.matches(text)
                }
            return holds ? nil : "expected another error, got: \(text)"
        }
        if evaluation.failure != nil { return "expected an error, got a result" }
        switch result.value {
        case .scalar(let value):
            guard let wanted = evaluation.scalar else { return "expected series, got the scalar \(value)" }
            return Self.isEqual(wanted, value) ? nil : "expected \(wanted), got \(value)"
        case .vector(let vector):
            return difference(
                evaluation, vector.map { LogTestScript.Series(labels: $0.labels, values: [$0.value]) })
        case .matrix(let matrix): return difference(evaluation, matrix.map { series($0, evaluation.times) })
        }
    }

    /// A series of the result by position.
    private func series(_ found: LogQLSeries, _ times: LogTestScript.Times) -> LogTestScript.Series {
        guard case .range(let start, let end, let step) = times else {
            return LogTestScript.Series(labels: found.labels, values: [])
        }
        var values = [Double?](repeating: nil, count: Int((end - start) / step) + 1)
        for (time, value) in zip(found.timestamps, found.values) {
            values[Int((time - Self.epoch - start) / step)] = value
        }
        return LogTestScript.Series(labels: found.labels, values: values)
    }

    private func difference(_ evaluation: LogTestScript.Evaluation, _ found: [LogTestScript.Series]) -> String? {
        if evaluation.scalar != nil { return "expected a scalar, got series: \(Self.text(found))" }
        var rest = found
        for (position, wanted) in evaluation.series.enumerated() {
            let isNothing = wanted.values.allSatisfy { $0 == nil }
            guard let index = rest.firstIndex(where: { $0.labels == wanted.labels }) else {
                if isNothing { continue }
                return "expected \(wanted.labels), got: \(Self.text(found))"
            }
            if evaluation.isOrdered && found[position].labels != wanted.labels {
                return "expected \(wanted.labels) at place \(position + 1), got: \(Self.text(found))"
            }
            let series = rest.remove(at: index)
            let isSame =
                series.values.count == wanted.values.count
                && zip(series.values, wanted.values).allSatisfy { got, wanted in
                    guard let got, let wanted else { return got == nil && wanted == nil }
                    return Self.isEqual(wanted, got)
                }
            if !isSame { return "expected \(Self.text([wanted])), got \(Self.text([series]))" }
        }
        return rest.isEmpty ? nil : "unexpected series: \(Self.text(rest))"
    }

    /// Equal but for rounding.
    private static func isEqual(_ a: Double, _ b: Double) -> Bool {
        if a.isNaN || b.isNaN { return a.isNaN && b.isNaN }
        if a == b { return true }
        return abs(a - b) <= 1e-6 * max(abs(a), abs(b))
    }

    private static func text(_ series: [LogTestScript.Series]) -> String {
        series.map { series in
            let values = series.values.map { $0.map { NumberText.text($0, .general) } ?? "_" }
            return "\(series.labels) \(values.joined(separator: " "))"
        }.joined(separator: "; ")
    }
}
