import Bedrock
import Model

/// Runs test scripts against the engine. Not thread-safe; make one for each script that runs at the same time.
public struct PromQLTestRunner {
    /// What came of one evaluation.
    public struct Outcome: Sendable {
        /// The script's name, as given.
        public var file: String
        /// Line of the evaluation, from 1.
        public var line: Int
        public var query: String
        /// What was expected and what came; nil when it passed.
        public var failure: String?

        public var passed: Bool { failure == nil }
    }

    /// Checks beyond the plain evaluation of instant queries.
    public struct Checks: Sendable {
        /// With `@` on all selectors the result must be the same at other evaluation times.
        public var pinsTime = true
        /// As the middle step of a range query the result must be the same.
        public var asRange = true

        public init() {}

        /// Plain evaluation alone.
        public static let none: Checks = {
            var checks = Checks()
            (checks.pinsTime, checks.asRange) = (false, false)
            return checks
        }()
    }

    private let engine: Engine
    private let checks: Checks
    private let source = MemorySeriesSource()

    public init(engine: Engine = Engine(PromQLTestRunner.engineOptions), checks: Checks = Checks()) {
        self.engine = engine
        self.checks = checks
    }

    /// The settings that scripts are written for.
    public static var engineOptions: EngineOptions {
        var options = EngineOptions()
        options.samplesMax = 10_000
        options.delaysNameRemoval = true
        return options
    }

    /// Runs all commands of a script in order, on a storage that is empty at first.
    ///
    /// - Parameter name: shown in outcomes, a file name mostly.
    /// - Throws: for a text that is no script; failing evaluations are outcomes.
    public func run(_ script: String, name: String) throws(TestScriptError) -> [Outcome] {
        let script = try TestScript(parsing: script)
        source.removeAll()
        var outcomes: [Outcome] = []
        for command in script.commands {
            switch command {
            case .clear: source.removeAll()
            case .load(let load): self.load(load)
            case .evaluate(let evaluation):
                outcomes.append(
                    Outcome(file: name, line: evaluation.line, query: evaluation.query, failure: failure(evaluation)))
            }
        }
        return outcomes
    }

    // MARK: Loading

    private func load(_ load: TestScript.Load) {
        var classic = ClassicHistogramConversion()
        for series in load.series {
            var points: [MemorySeriesSource.Point] = []
            for (position, value) in series.values.enumerated() {
                let time = Int64(position) &* load.interval
                let offset = position < series.startOffsets.count ? series.startOffsets[position] : nil
                let start = offset.map { time &+ $0 } ?? 0
                switch value {
                case .missing: continue
                case .float(let value):
                    points.append(MemorySeriesSource.Point(timestamp: time, startTimestamp: start, value: value))
                    if load.convertsClassicHistograms { classic.add(series.labels, timestamp: time, value: value) }
                case .histogram(let histogram, _):
                    points.append(
                        MemorySeriesSource.Point(timestamp: time, startTimestamp: start, histogram: histogram))
                }
            }
            source.append(series.labels, ResetHints.asStored(points))
        }
        for (labels, points) in classic.results() { source.append(labels, ResetHints.asStored(points)) }
    }

    // MARK: Evaluating

    /// What is wrong with an evaluation, nil if nothing is.
    private func failure(_ evaluation: TestScript.Evaluation) -> String? {
        let expr: Expr
        do { expr = try PromQLParser.parse(evaluation.query) } catch { return "the query doesn't parse: \(error)" }
        let expected = evaluation.expected
        do {
            let result = try evaluate(expr, evaluation.times)
            if let condition = expected.failure {
                return "expected an error \(condition.text), got \(ResultComparison.kind(result.value))"
            }
            if let difference = difference(result, evaluation) { return difference }
        } catch {
            guard let condition = expected.failure else { return "expected a result, got the error: \(error)" }
            return condition.holds(for: error.description) ? nil : "expected an error \(condition.text), got: \(error)"
        }
        guard case .instant(let time) = evaluation.times else { return nil }
        return failureWhenPinned(expr, evaluation, time) ?? failureAsRange(expr, evaluation, time)
    }

    private func evaluate(_ expr: Expr, _ times: TestScript.Times) throws(QueryError) -> QueryResult {
        switch times {
        case .instant(let time): try engine.instant(expr, at: time, source: source)
        case .range(let start, let end, let step):
            try engine.range(expr, start: start, end: end, step: step, source: source)
        }
    }

    private func difference(_ result: QueryResult, _ evaluation: TestScript.Evaluation) -> String? {
        let expected = evaluation.expected
        if let difference = valueDifference(result.value, expected, evaluation.times) { return difference }
        let warnings = result.warnings.map { $0.text(in: evaluation.query) }
        let infos = result.infos.map { $0.text(in: evaluation.query) }
        return ResultComparison.difference(
            expected.warnings, forbidden: expected.forbidsWarnings, warnings, kind: "warning")
            ?? ResultComparison.difference(expected.infos, forbidden: expected.forbidsInfos, infos, kind: "info")
    }

    private func valueDifference(
        _ value: QueryValue, _ expected: TestScript.Expectations, _ times: TestScript.Times
    ) -> String? {
        let comparison = ResultComparison(expected: expected)
        switch expected.rangeVector ?? times {
        case .instant(let time): return comparison.difference(value, start: time, step: 1)
        case .range(let start, _, let step): return comparison.difference(value, start: start, step: step)
        }
    }

    private func failureWhenPinned(_ expr: Expr, _ evaluation: TestScript.Evaluation, _ time: Int64) -> String? {
        guard checks.pinsTime, evaluation.expected.rangeVector == nil, evaluation.expected.string == nil,
            let pinned = PinnedQuery.pinned(expr, at: time)
        else { return nil }
        for other in PinnedQuery.otherTimes(time) {
            let context = "pinned as \(pinned) and evaluated at \(PrometheusDuration.format(milliseconds: other)): "
            do {
                let result = try engine.instant(pinned, at: other, source: source)
                if let difference = valueDifference(result.value, evaluation.expected, evaluation.times) {
                    return context + difference
                }
            } catch {
                return context + error.description
            }
        }
        return nil
    }

    private func failureAsRange(_ expr: Expr, _ evaluation: TestScript.Evaluation, _ time: Int64) -> String? {
        guard checks.asRange, evaluation.expected.rangeVector == nil, evaluation.expected.string == nil,
            expr.type == .vector || expr.type == .scalar, !dependsOnRange(expr)
        else { return nil }
        let context = "as a step of a range query: "
        do {
            let result = try engine.range(
                expr, start: time - 60_000, end: time + 60_000, step: 60_000, source: source)
            guard case .matrix(let matrix) = result.value else { return context + "no range vector came" }
            var expected = evaluation.expected
            expected.isOrdered = false
            let middle = QueryValue(step: time, of: matrix, asScalar: expected.scalar != nil)
            return valueDifference(middle, expected, evaluation.times).map { context + $0 }
        } catch {
            return context + error.description
        }
    }

    /// Whether the query looks at its own range.
    private func dependsOnRange(_ expr: Expr) -> Bool {
        let text = expr.description
        return ["start()", "end()", "range()", "step()"].contains { text.contains($0) }
    }
}

extension QueryValue {
    /// One step of a matrix as the value of an instant query.
    fileprivate init(step time: Int64, of matrix: [ResultSeries], asScalar: Bool) {
        var vector = ResultVector(timestamp: time, labels: [], values: [])
        for series in matrix {
            if let row = series.histograms.first(where: { $0.timestamp == time }) {
                vector.histograms[vector.count] = row.histogram
                vector.labels.append(series.labels)
                vector.values.append(.nan)
            } else if let index = series.timestamps.firstIndex(of: time) {
                vector.labels.append(series.labels)
                vector.values.append(series.values[index])
            }
        }
        if asScalar, vector.count == 1 {
            self = .scalar(timestamp: time, vector.values[0])
        } else {
            self = .vector(vector)
        }
    }
}
