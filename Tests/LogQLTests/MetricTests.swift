import Bedrock
import Kernels
import Model
import Testing

@testable import LogQL

@Suite struct MetricTests {
    /// One aggregation of a window's rows, by itself.
    private struct Naive: Sendable {
        let name: String
        let needsUnwrap: Bool
        let value: @Sendable ([(bytes: Int, sample: Double)], Double) -> Double
    }

    private static let functions: [Naive] = [
        Naive(name: "count_over_time", needsUnwrap: false) { rows, _ in Double(rows.count) },
        Naive(name: "rate", needsUnwrap: false) { rows, seconds in Double(rows.count) / seconds },
        Naive(name: "bytes_over_time", needsUnwrap: false) { rows, _ in Double(rows.reduce(0) { $0 + $1.bytes }) },
        Naive(name: "bytes_rate", needsUnwrap: false) { rows, seconds in
            Double(rows.reduce(0) { $0 + $1.bytes }) / seconds
        },
        Naive(name: "sum_over_time", needsUnwrap: true) { rows, _ in rows.reduce(0) { $0 + $1.sample } },
        Naive(name: "max_over_time", needsUnwrap: true) { rows, _ in rows.map(\.sample).max() ?? 0 },
        Naive(name: "avg_over_time", needsUnwrap: true) { rows, _ in
            rows.reduce(0) { $0 + $1.sample } / Double(rows.count)
        },
        Naive(name: "rate", needsUnwrap: true) { rows, seconds in rows.reduce(0) { $0 + $1.sample } / seconds },
    ]

    private func metric(_ text: String) throws -> MetricExpr {
        guard case .metric(let metric) = try LogQLParser.parse(text) else {
            throw LogQLQueryError.execution("no metric query")
        }
        return metric
    }

    private func range(_ expr: MetricExpr) -> RangeAggregation? {
        switch expr {
        case .range(let node): node
        case .vector(let node): range(node.operand)
        default: nil
        }
    }

    /// Over random rows, parts, pipelines, windows and groupings the engine gives what a naive evaluation gives.
    @Test(arguments: 0..<6) func equalsNaiveEvaluation(_ seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed) &+ 100)
        let logs = RandomLogs(&random, count: Int.random(in: 1...300, using: &random))
        let source = logs.source(partRows: Int.random(in: 1...80, using: &random))
        let engine = RandomLogs.engine(Int.random(in: 1...3, using: &random))
        for pipeline in RandomLogs.pipelines {
            for function in Self.functions {
                let seconds = Int64.random(in: 1...40, using: &random) * 5
                let offset = Int64.random(in: -3...3, using: &random) * 5
                let grouping =
                    ["", "", "sum", "sum by (app)", "sum by (host, level)", "sum without (host)", "sum by (trace)"]
                    .randomElement(using: &random) ?? ""
                let stages = function.needsUnwrap ? "\(pipeline) | logfmt | unwrap v" : pipeline
                let call = "\(function.name)({app=~\"a|b\"} \(stages) [\(seconds)s] offset \(offset)s)"
                let expr = try metric(grouping.isEmpty ? call : "\(grouping) (\(call))")
                let step = Int64.random(in: 1...20, using: &random) * 5
                let start = RandomLogs.start + Int64.random(in: -20...60, using: &random) * 5_000_000_000
                let count = Int.random(in: 1...30, using: &random)
                let grid = (0..<count).map { start + Int64($0) * step * 1_000_000_000 }
                let got = try engine.range(
                    expr, start: start, end: grid[count - 1], step: step * 1_000_000_000, source: source)
                let node = try #require(range(expr))
                let wanted = try naive(node, expr, function, logs, grid)
                guard case .matrix(let matrix) = got.value else { continue }
                var found: [Labels: [Int64: Double]] = [:]
                for series in matrix {
                    found[series.labels] = Dictionary(uniqueKeysWithValues: zip(series.timestamps, series.values))
                }
                #expect(isEqual(found, wanted), "\(expr) step \(step)s: got \(found), wanted \(wanted)")
            }
        }
    }

    private func isEqual(_ a: [Labels: [Int64: Double]], _ b: [Labels: [Int64: Double]]) -> Bool {
        guard Set(a.keys) == Set(b.keys) else { return false }
        return a.allSatisfy { labels, points in
            guard let other = b[labels], other.count == points.count else { return false }
            return points.allSatisfy { time, value in
                other[time].map { abs($0 - value) < 1e-9 * max(1, abs(value)) } ?? false
            }
        }
    }

    private func naive(
        _ node: RangeAggregation, _ expr: MetricExpr, _ function: Naive, _ logs: RandomLogs, _ grid: [Int64]
    ) throws -> [Labels: [Int64: Double]] {
        let rows = try logs.processed(node.query).compactMap { $0 }
        var result: [Labels: [Int64: Double]] = [:]
        for time in grid {
            let end = time - node.offset
            let held = rows.filter { $0.row.time > end - node.range && $0.row.time <= end }
            for (labels, members) in Dictionary(grouping: held, by: \.labels) {
                let value = function.value(
                    members.map { (bytes: $0.line.count, sample: $0.sample ?? 0) }, Double(node.range) / 1e9)
                var key = labels
                if case .vector(let outer) = expr {
                    var projection = SeriesKey(outer.grouping ?? MetricGrouping([])).projection
                    key = projection.project(labels)
                }
                result[key, default: [:]][time, default: 0] += value
            }
        }
        return result
    }

    @Test func countsOfWholeRunsReadNothing() throws {
        let source = MemoryLogSource(partRows: 100)
        for index in 0..<1000 {
            let host = Labels(["app": "a", "host": "h\(index % 5)"])
            source.append(host, timestamp: Int64(index + 1) * 1_000_000_000, line: "line")
        }
        let counting = CountingSource(source)
        let result = try RandomLogs.engine(2).instant(
            metric("topk(2, sum by (host) (count_over_time({app=\"a\"}[1h])))"), at: 1000 * 1_000_000_000,
            source: counting)
        guard case .vector(let vector) = result.value else { return }
        #expect(vector.map(\.value) == [200, 200])
        #expect(counting.counts.opened == 0)
        // Windows that cut runs need times, never lines.
        _ = try RandomLogs.engine(2).range(
            metric("sum(count_over_time({app=\"a\"}[1m]))"), start: 0, end: 1000 * 1_000_000_000, step: 60_000_000_000,
            source: counting)
        #expect(counting.counts.opened == 10 && counting.counts.lines == 0)
        // Bytes ask for lengths; a label that only metadata could have asks for nothing where there is none.
        let bytes = try RandomLogs.engine(2).range(
            metric("sum(bytes_over_time({app=\"a\"}[1m]))"), start: 60_000_000_000, end: 960_000_000_000,
            step: 60_000_000_000, source: counting)
        guard case .matrix(let matrix) = bytes.value else { return }
        #expect(matrix.map(\.values) == [[Double](repeating: 240, count: 16)])
        #expect(counting.counts.lines == 0)
        let opened = counting.counts.opened
        _ = try RandomLogs.engine(2).instant(
            metric("sum by (trace) (count_over_time({app=\"a\"}[1h]))"), at: 1000 * 1_000_000_000, source: counting)
        #expect(counting.counts.opened == opened)
    }

    @Test func errorsFailAndLimitsHold() throws {
        let source = MemoryLogSource()
        for index in 0..<20 {
            source.append(
                Labels(["app": "a", "n": "\(index)"]), timestamp: 1_000_000_000, line: index == 7 ? "{" : "{}")
        }
        func failure(_ text: String, _ options: LogQLEngineOptions = LogQLEngineOptions()) throws -> String {
            do {
                _ = try LogQLEngine(options).instant(metric(text), at: 2_000_000_000, source: source)
                return ""
            } catch { return "\(error)" }
        }
        #expect(
            try failure("count_over_time({app=\"a\"} | json [5s])").hasPrefix(
                "pipeline error: 'JSONParserErr' for series: '{"))
        #expect(try failure("count_over_time({app=\"a\"} | json | __error__=\"\" [5s])") == "")
        var options = LogQLEngineOptions()
        options.seriesMax = 19
        #expect(try failure("count_over_time({app=\"a\"}[5s])", options).hasPrefix("maximum number of series (19)"))
        #expect(try failure("sum(count_over_time({app=\"a\"}[5s]))", options) == "")
        options.samplesMax = 10
        #expect(try failure("count_over_time({app=\"a\"}[5s])", options).contains("too many samples"))
        let cancelled = Cancellation()
        cancelled.cancel()
        #expect(throws: LogQLQueryError.self) {
            try LogQLEngine().instant(metric("rate({app=\"a\"}[5s])"), at: 2, source: source, cancellation: cancelled)
        }
    }
}
