import Bedrock
import Model
import Testing
import TraceKit
import TraceQL

@Suite struct MetricsTests {
    private let second: Int64 = 1_000_000_000

    /// One span each: (seconds, service, milliseconds, attribute).
    private func source(_ rows: [(Double, String, Int64, Int64?)], partRows: Int = 3) -> MemorySpanSource {
        MemorySpanSource(
            rows.enumerated().map { index, row in
                var span = TestSpan(
                    trace: UInt64(index / 2 + 1), span: UInt64(index + 1), "op", start: Int64(row.0 * 1e9),
                    duration: row.2 * 1_000_000)
                span.resource["service.name"] = .string(row.1)
                if let number = row.3 { span.attributes["n"] = .int(number) }
                return span
            }, partRows: partRows)
    }

    private var small: MemorySpanSource {
        source([
            (1, "a", 10, 1), (10, "a", 20, nil), (10.5, "b", 40, 4), (15, "a", 80, 8), (20, "b", 160, 16),
            (29.9, "a", 320, nil), (31, "c", 1, 100),
        ])
    }

    private func run(_ query: String, _ source: MemorySpanSource? = nil, exemplars: Int = 0) throws
        -> TraceQLMetricsResult
    {
        try TraceQLEngine().metrics(
            TraceQLParser.parse(query), start: 0, end: 30 * second, step: 10 * second, exemplars: exemplars,
            source: source ?? small)
    }

    /// `{labels} value@seconds …`, a line a series.
    private func text(_ result: TraceQLMetricsResult) -> [String] {
        result.series.map { series in
            let labels = series.labels.map { label -> String in
                if case .string(let text) = label.value { return label.name + "=" + text }
                if case .float(let number) = label.value { return label.name + "=\(number)" }
                return label.name + "=\(label.value)"
            }
            let samples = zip(series.timestamps, series.values).map { "\($1)@\($0 / second)" }
            return "{" + labels.joined(separator: ",") + "} " + samples.joined(separator: " ")
        }
    }

    @Test func functionsGiveSeries() throws {
        let cases: [(String, [String])] = [
            ("{ } | count_over_time()", ["{__name__=count_over_time} 2.0@10 3.0@20 1.0@30"]),
            ("{ } | rate()", ["{__name__=rate} 0.2@10 0.3@20 0.1@30"]),
            ("{ name = \"no\" } | rate()", ["{__name__=rate} 0.0@10 0.0@20 0.0@30"]),
            ("{ name = \"no\" } | rate() by (name)", []),
            (
                "{ } | count_over_time() by (resource.service.name)",
                [
                    "{resource.service.name=a} 2.0@10 1.0@20 1.0@30",
                    "{resource.service.name=b} 0.0@10 2.0@20 0.0@30",
                ]
            ),
            (
                "{ } | count_over_time() by (.n, name)",
                [
                    "{.n=int(1),name=op} 1.0@10 0.0@20 0.0@30", "{.n=int(4),name=op} 0.0@10 1.0@20 0.0@30",
                    "{.n=int(8),name=op} 0.0@10 1.0@20 0.0@30", "{.n=int(16),name=op} 0.0@10 1.0@20 0.0@30",
                    "{.n=nil,name=op} 1.0@10 0.0@20 1.0@30",
                ].sorted { ($0.contains("nil") ? 0 : 1) < ($1.contains("nil") ? 0 : 1) }
            ),
            ("{ } | sum_over_time(.n)", ["{__name__=sum_over_time} 1.0@10 28.0@20"]),
            ("{ } | avg_over_time(.n)", ["{__name__=avg_over_time} 1.0@10 9.333333333333334@20"]),
            ("{ } | min_over_time(duration)", ["{__name__=min_over_time} 0.01@10 0.04@20 0.32@30"]),
            ("{ } | max_over_time(duration)", ["{__name__=max_over_time} 0.02@10 0.16@20 0.32@30"]),
            (
                "{ } | histogram_over_time(.n)",
                [
                    "{__bucket=1.0} 1.0@10 0.0@20 0.0@30", "{__bucket=4.0} 0.0@10 1.0@20 0.0@30",
                    "{__bucket=8.0} 0.0@10 1.0@20 0.0@30", "{__bucket=16.0} 0.0@10 1.0@20 0.0@30",
                ]
            ),
            (
                "{ } | quantile_over_time(.n, 0.5, 1)",
                ["{p=0.5} 1.0@10 8.0@20", "{p=1.0} 1.0@10 16.0@20"]
            ),
            (
                "{ } | count_over_time() by (resource.service.name) | topk(1)",
                ["{resource.service.name=a} 2.0@10 1.0@30", "{resource.service.name=b} 2.0@20"]
            ),
            (
                "{ } | count_over_time() by (resource.service.name) | bottomk(1)",
                ["{resource.service.name=a} 1.0@20", "{resource.service.name=b} 0.0@10 0.0@30"]
            ),
            ("{ } | count_over_time() > 1", ["{__name__=count_over_time} 2.0@10 3.0@20"]),
            ("{ } | max_over_time(duration) >= 160ms", ["{__name__=max_over_time} 0.16@20 0.32@30"]),
            ("({ } | count_over_time()) * 2 + 1", ["{} 5.0@10 7.0@20 3.0@30"]),
            ("1 / ({ .n > 0 } | count_over_time())", ["{} 1.0@10 0.3333333333333333@20"]),
            (
                "({ .n > 0 } | count_over_time() by (resource.service.name)) / ({ } | count_over_time())",
                [
                    "{resource.service.name=a} 0.5@10 0.3333333333333333@20 0.0@30",
                    "{resource.service.name=b} 0.0@10 0.6666666666666666@20 0.0@30",
                ]
            ),
            (
                "({ } | count_over_time() by (name)) - ({ .n > 0 } | count_over_time() by (name))",
                ["{name=op} 1.0@10 0.0@20 1.0@30"]
            ),
            ("{ .n + 1 > 5 } | count_over_time()", ["{__name__=count_over_time} 0.0@10 2.0@20 0.0@30"]),
            ("{ } && { .n = 16 } | count_over_time()", ["{__name__=count_over_time} 0.0@10 1.0@20 1.0@30"]),
            ("{ } | by(name) | count() > 1 | count_over_time()", ["{__name__=count_over_time} 2.0@10 3.0@20 1.0@30"]),
        ]
        for (query, wanted) in cases {
            for partRows in [1, 3, 100] {
                let spans = MemorySpanSource(small.facts.spans, partRows: partRows)
                #expect(try text(run(query, spans)) == wanted, "\(query)")
            }
        }
    }

    @Test func quantilesGrowExponentially() throws {
        // 8 values in (4, 8], 2 in (8, 16].
        let rows = (0..<10).map {
            (Double($0) / 2 + 1, "a", Int64(1), Int64($0 < 8 ? 6 : 12)) as (Double, String, Int64, Int64?)
        }
        let found = try text(run("{ } | quantile_over_time(.n, 0.4, 0.8, 0.9)", source(rows)))
        #expect(found == ["{p=0.4} 5.656854249492381@10", "{p=0.8} 8.0@10", "{p=0.9} 11.313708498984761@10"])
        let seconds = try text(run("{ } | histogram_over_time(duration)", source([(1, "a", 1, nil)])))
        #expect(seconds == ["{__bucket=0.001048576} 1.0@10 0.0@20 0.0@30"])
    }

    @Test func exemplarsAreOfTheirSeries() throws {
        let result = try run("{ } | max_over_time(duration) by (resource.service.name)", exemplars: 3)
        #expect(result.series.count == 2)
        for series in result.series {
            #expect(!series.exemplars.isEmpty && series.exemplars.count <= 3)
            for exemplar in series.exemplars {
                let span = small.facts.spans.first { $0.start == exemplar.timestamp }
                #expect(span?.traceID == exemplar.traceID && Double(span?.duration ?? 0) / 1e9 == exemplar.value)
                #expect(span?.resource["service.name"].map { "\($0)" } == "\(series.labels[0].value)")
            }
        }
        #expect(try run("{ } | rate() with (exemplars=2)").series[0].exemplars.map(\.value).allSatisfy { $0 > 0 })
        #expect(try run("{ } | rate() with (exemplars=false)", exemplars: 5).series[0].exemplars.isEmpty)
    }

    @Test func compareTellsSelectedFromOthers() throws {
        let found = try text(run("{ } | compare({ resource.service.name = \"b\" }, 1)"))
        #expect(found.contains("{__meta_type=selection,resource.service.name=b} 0.0@10 2.0@20 0.0@30"))
        #expect(found.contains("{__meta_type=baseline,resource.service.name=a} 2.0@10 1.0@20 1.0@30"))
        #expect(found.contains("{__meta_type=selection_total,span.n=nil} 0.0@10 2.0@20 0.0@30"))
        #expect(found.contains("{__meta_type=baseline,span.n=int(1)} 1.0@10 0.0@20 0.0@30"))
        #expect(!found.contains { $0.hasPrefix("{__meta_type=baseline,span.n=int(8)") })
    }

    @Test func instantCountsTheWholeRange() throws {
        let result = try TraceQLEngine().instant(
            TraceQLParser.parse("{ } | rate() by (resource.service.name)"), start: second, end: 31 * second,
            source: small)
        #expect(result.series.map { $0.values[0] * 30 } == [3, 2, 1])
        #expect(result.series.allSatisfy { $0.timestamps == [31 * second] })
    }

    @Test func limitsAreKept() throws {
        var options = TraceQLEngineOptions()
        options.seriesMax = 2
        let query = try TraceQLParser.parse("{ } | rate() by (.n)")
        #expect(throws: TraceQLQueryError.self) {
            try TraceQLEngine(options).metrics(query, start: 0, end: 30 * second, step: 10 * second, source: small)
        }
        for (start, end, step) in [(0, 0, 1), (10, 5, 1), (0, 10, 0), (0, Int64.max, 1), (-5, 5, 1), (0, 1 << 40, 1)]
            as [(Int64, Int64, Int64)]
        {
            #expect(throws: TraceQLQueryError.self) {
                try TraceQLEngine().metrics(query, start: start, end: end, step: step, source: small)
            }
        }
        let traces = try TraceQLParser.parse("{ }")
        #expect(throws: TraceQLQueryError.self) {
            try TraceQLEngine().metrics(traces, start: 0, end: second, step: second, source: small)
        }
        #expect(throws: TraceQLQueryError.self) {
            try TraceQLEngine().search(query, range: Fixture.everything, source: small)
        }
    }
}
