import Bedrock
import Model
import PromQL
import Testing

@Suite struct EvaluatorTests {
    /// Random counters and gauges with gaps, stale markers, resets and now and then a native histogram.
    static func source(seed: UInt64, series: Int) -> MemorySeriesSource {
        var random = SeededGenerator(seed: seed)
        let source = MemorySeriesSource()
        for index in 0..<series {
            var labels = [
                Label("__name__", index % 3 == 0 ? "jobs_total" : "load"), Label("instance", "i\(index / 4)"),
                Label("zone", "z\(index % 4)"),
            ]
            if index % 5 == 0 { labels.append(Label("le", ["0.1", "1", "+Inf"][index / 5 % 3])) }
            var points: [MemorySeriesSource.Point] = []
            var value = 0.0
            for step in 0..<80 {
                let time = Int64(step) * 15_000 + Int64(random.next() % 400)
                switch random.next() % 20 {
                case 0: continue
                case 1: points.append(.init(timestamp: time, value: StaleMarker.value))
                case 2: value = 0
                default: value += Double(random.next() % 100) / 4
                }
                if index % 11 == 10 {
                    let buckets = [Double(random.next() % 9), 1, Double(random.next() % 5)]
                    let histogram = NativeHistogram(
                        schema: 1, count: buckets.reduce(0, +), sum: value,
                        positiveSpans: [.init(offset: 0, length: 3)], positiveBuckets: buckets)
                    points.append(.init(timestamp: time, histogram: histogram))
                } else {
                    points.append(.init(timestamp: time, value: value))
                }
            }
            source.append(Labels(labels), points)
        }
        return source
    }

    static let queries = [
        "load", "load offset 1m", "load @ 300", "-load", "load * 2 > 10", "3 < load",
        "load + on(instance, zone) jobs_total",
        "load == bool 0", "rate(jobs_total[2m])", "increase(jobs_total[2m] offset 30s)", "irate(load[1m])",
        "delta(load[5m])",
        "resets(load[5m])", "changes(load[5m])", "deriv(load[2m])", "predict_linear(load[2m], 60)", "sum(load)",
        "sum by (instance) (rate(load[3m]))", "avg without (zone) (load)", "max(max_over_time(load[3m]))",
        "stddev(load)",
        "quantile by (zone) (0.7, load)", "quantile_over_time(0.3, load[4m])", "mad_over_time(load[2m])",
        "stddev_over_time(load[3m])", "topk(3, load)", "bottomk by (zone) (1, load)", "count_values(\"v\", load)",
        "load and jobs_total", "load unless on (zone) (load > 50)", "load > 20 or jobs_total",
        "sum_over_time(sum(load)[2m:30s])", "max_over_time(rate(load[1m])[3m:])", "absent(load{zone=\"none\"})",
        "absent_over_time(load[1m])", "histogram_quantile(0.8, sum by (le) (jobs_total))", "clamp(load, 5, 40)",
        "label_replace(load, \"dst\", \"$1\", \"instance\", \"i(.*)\")", "scalar(sum(load)) + load", "timestamp(load)",
        "vector(time())", "hour(load)", "histogram_count(load)", "histogram_quantile(0.5, load)",
        "avg_over_time(load[3m])",
        "last_over_time(load[1m])", "limitk(2, load)", "sum(load) / on() group_right load", "load ^ 2 % 7 atan2 load",
        "double_exponential_smoothing(load[3m], 0.5, 0.3)", "group by (zone) (load)", "rate(load[2m] smoothed)",
    ]

    @Test(arguments: queries) func aRangeQueryIsManyInstantQueries(_ query: String) throws {
        let source = Self.source(seed: 3, series: 33)
        let engine = Engine()
        let expression = try PromQLParser.parse(query)
        let whole = try engine.range(expression, start: 60_000, end: 960_000, step: 37_000, source: source)
        guard case .matrix(let matrix) = whole.value else { Issue.record("no matrix"); return }
        var found = 0
        for time in stride(from: Int64(60_000), through: 960_000, by: 37_000) {
            let step = try engine.instant(expression, at: time, source: source)
            guard case .vector(let vector) = step.value else { Issue.record("no vector"); return }
            for index in 0..<vector.count {
                found += 1
                let series = matrix.first { $0.labels == vector.labels[index] }
                if let histogram = vector.histograms[index] {
                    #expect(series?.histograms.first { $0.timestamp == time }?.histogram == histogram)
                    continue
                }
                let position = series?.timestamps.firstIndex(of: time)
                let value = position.flatMap { position in series.map { $0.values[position] } }
                #expect(
                    value.map { $0.isClose(to: vector.values[index]) } == true,
                    "\(vector.labels[index]) at \(time): \(vector.values[index]) alone, \(String(describing: value)) in the range"
                )
            }
        }
        #expect(found == matrix.reduce(0) { $0 + $1.timestamps.count + $1.histograms.count })
    }

    @Test(arguments: queries) func threadsChangeNothing(_ query: String) throws {
        let source = Self.source(seed: 5, series: 400)
        let expression = try PromQLParser.parse(query)
        var options = EngineOptions()
        options.pool = QueryPool(threads: 1)
        let one = Engine(options)
        options.pool = QueryPool(threads: 4)
        let four = Engine(options)
        func run(_ engine: Engine) throws -> [ResultSeries] {
            let result = try engine.range(expression, start: 0, end: 1_200_000, step: 7_000, source: source)
            guard case .matrix(let matrix) = result.value else { return [] }
            return matrix
        }
        do {
            let alone = try run(one)
            let together = try run(four)
            #expect(alone.map(\.labels) == together.map(\.labels))
            for (a, b) in zip(alone, together) {
                #expect(a.timestamps == b.timestamps && a.histograms.count == b.histograms.count)
                #expect(zip(a.values, b.values).allSatisfy { $0.isClose(to: $1) })
            }
        } catch {
            #expect(throws: QueryError.self) { try run(four) }
        }
    }

    @Test func tooManySamplesAreRefused() throws {
        let source = Self.source(seed: 1, series: 50)
        var options = EngineOptions()
        options.samplesMax = 2000
        let engine = Engine(options)
        let heavy = try PromQLParser.parse("rate(load[5m]) + rate(load[5m])")
        #expect(throws: QueryError.tooManySamples(samplesMax: 2000)) {
            try engine.range(heavy, start: 0, end: 1_200_000, step: 1000, source: source)
        }
        // A subquery of more steps than could ever be held is refused before anything is allocated.
        let endless = try PromQLParser.parse("sum_over_time(vector(1)[100y:1ms])")
        #expect(throws: QueryError.tooManySamples(samplesMax: 2000)) {
            try engine.instant(endless, at: 0, source: source)
        }
        // What a query holds goes with it.
        let light = try PromQLParser.parse("sum(load)")
        for _ in 0..<20 { _ = try engine.instant(light, at: 600_000, source: source) }
    }

    @Test func aCancelledQueryStops() throws {
        let source = Self.source(seed: 1, series: 10)
        let cancellation = Cancellation()
        cancellation.cancel()
        let expression = try PromQLParser.parse("sum(load)")
        #expect(throws: QueryError.cancelled) {
            try Engine().instant(expression, at: 0, source: source, cancellation: cancellation)
        }
        let late = Cancellation(deadlineNanoseconds: 1)
        #expect(throws: QueryError.timeout) {
            try Engine().instant(expression, at: 0, source: source, cancellation: late)
        }
    }

    @Test func queriesOfTheWrongShapeAreRefused() throws {
        let engine = Engine()
        let source = MemorySeriesSource()
        let matrix = try PromQLParser.parse("load[5m]")
        #expect {
            try engine.range(matrix, start: 0, end: 10, step: 1, source: source)
        } throws: {
            ($0 as? QueryError)?.description
                == "invalid expression type \"range vector\" for range query, must be Scalar or instant Vector"
        }
        let scalar = try PromQLParser.parse("1")
        for (start, end, step) in [(0, 20_000_000, 1000), (0, 10, 0), (10, 0, 1), (.min, .max, 1)]
            as [(Int64, Int64, Int64)]
        {
            #expect(throws: QueryError.self) {
                try engine.range(scalar, start: start, end: end, step: step, source: source)
            }
        }
        #expect(throws: QueryError.self) { try engine.instant(scalar, at: .max, source: source) }
    }

    @Test func extremeTimesDoNotOverflow() throws {
        let source = Self.source(seed: 1, series: 10)
        let engine = Engine()
        for query in [
            "load offset 290y", "load offset -290y", "load @ 9e15", "rate(load[290y] offset 290y)",
            "sum_over_time(load[290y:100y])",
        ] {
            let expression = try PromQLParser.parse(query)
            for time in [-(Int64(1) << 60), 0, 1 << 60] { _ = try engine.instant(expression, at: time, source: source) }
        }
    }

    @Test func namesGoAtOnceUnlessDelayed() throws {
        let source = MemorySeriesSource()
        for name in ["a_total", "b_total"] {
            source.append(
                Labels(["__name__": name, "x": "1"]),
                (0..<10).map { .init(timestamp: Int64($0) * 60_000, value: Double($0)) })
        }
        let restoring = try PromQLParser.parse(
            "label_replace(rate({x=\"1\"}[5m]), \"__name__\", \"$1\", \"__name__\", \"(.+)_total\")")
        #expect(throws: QueryError.execution("vector cannot contain metrics with the same labelset")) {
            try Engine().instant(restoring, at: 500_000, source: source)
        }
        var options = EngineOptions()
        options.delaysNameRemoval = true
        let result = try Engine(options).instant(restoring, at: 500_000, source: source)
        guard case .vector(let vector) = result.value else { Issue.record("no vector"); return }
        #expect(vector.labels.map { $0["__name__"] } == ["a", "b"])
    }

    @Test func remarksSayWhere() throws {
        let source = Self.source(seed: 1, series: 10)
        let query = "sum(rate(load[5m]))\n  + quantile(2, load)"
        let result = try Engine().instant(PromQLParser.parse(query), at: 600_000, source: source)
        #expect(
            result.warnings.map { $0.text(in: query) } == [
                "PromQL warning: quantile value should be between 0 and 1, got 2 (2:14)"
            ])
        #expect(
            result.infos.map { $0.text(in: query) } == [
                "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"load\" (1:10)"
            ])
    }

    @Test func costsAreCounted() throws {
        let source = Self.source(seed: 1, series: 12)
        let result = try Engine().instant(PromQLParser.parse("sum(load)"), at: 600_000, source: source)
        let request = SeriesRequest(matchers: [Matcher("__name__", equals: "load")], range: .everything)
        let matching = try source.snapshot(tenant: .default).select(request).count
        // An aggregation that turns out not to be foldable selects once more.
        #expect(result.statistics.seriesSelected >= matching)
        #expect(result.statistics.samplesRead >= matching)
        #expect(result.statistics.samplesPeak >= result.statistics.samplesRead / 8)
    }
}

extension Double {
    /// Equal up to rounding, which may differ where sums are taken in another order.
    fileprivate func isClose(to other: Double) -> Bool {
        if isNaN || other.isNaN { return isNaN && other.isNaN }
        return self == other || (self - other).magnitude <= 1e-9 * max(magnitude, other.magnitude)
    }
}
