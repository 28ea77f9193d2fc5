import Model
import Testing

@testable import PromQL

@Suite struct TestScriptTests {
    private func load(_ line: String) throws -> TestScript.Series {
        let script = try TestScript(parsing: "load 1m\n  " + line)
        guard case .load(let load) = try #require(script.commands.first) else {
            throw TestScriptError(line: 0, message: "no load")
        }
        return try #require(load.series.first)
    }

    private func floats(_ items: String) throws -> [Double?] {
        try load("x " + items).values.map { if case .float(let value) = $0 { value } else { nil } }
    }

    private func failure(_ text: String) -> TestScriptError? {
        do {
            _ = try TestScript(parsing: text)
            return nil
        } catch { return error }
    }

    @Test func sequences() throws {
        #expect(try floats("5 -2 +1 1e3 0x1f .5") == [5, -2, 1, 1000, 31, 0.5])
        #expect(try floats("1 _ 2 _x3 3") == [1, nil, 2, nil, nil, nil, 3])
        #expect(try floats("2x3 0x2") == [2, 2, 2, 2, 0, 0, 0])
        #expect(try floats("1+2x3 1-2x2 -1-1x1") == [1, 3, 5, 7, 1, -1, -3, -1, -2])
        #expect(try floats("Inf -Inf infx0") == [.infinity, -.infinity, .infinity])
        #expect(try floats("NaN")[0]?.isNaN == true)
        #expect(
            try floats("stale stalex1").map { $0?.bitPattern } == [
                StaleMarker.bits, StaleMarker.bits, StaleMarker.bits,
            ])
        for bad in [
            "1+2", "x3", "1x", "a", "1,2", "{{schema:1}", "{{}}x", "{{}}+1x2", "1x99999999", "_x99999999999999999999",
        ] {
            #expect(failure("load 1m\n x " + bad) != nil, "\(bad)")
        }
    }

    @Test func histograms() throws {
        let series = try load(
            "x {{schema:1 sum:-0.3 count:3.1 z_bucket:7 z_bucket_w:0.05 buckets:[5 10 7] offset:-3 n_buckets:[4 5] n_offset:-5 counter_reset_hint:gauge}}x1"
        )
        #expect(series.values.count == 2)
        guard case .histogram(let histogram, let statesHint) = series.values[1] else {
            Issue.record("no histogram")
            return
        }
        #expect(statesHint)
        #expect(
            histogram
                == NativeHistogram(
                    schema: 1, count: 3.1, sum: -0.3, zeroThreshold: 0.05, zeroCount: 7,
                    positiveSpans: [NativeHistogram.Span(offset: -3, length: 3)], positiveBuckets: [5, 10, 7],
                    negativeSpans: [NativeHistogram.Span(offset: -5, length: 2)], negativeBuckets: [4, 5],
                    resetHint: .gauge))
        #expect(histogram.notation.contains("buckets:[5 10 7] offset:-3"))
        let steps = try load("x {{count:1 sum:1 buckets:[1 2]}}+{{count:2 sum:3 buckets:[0 1 4] offset:1}}x2")
        guard case .histogram(let last, _) = steps.values[2] else {
            Issue.record("no histogram")
            return
        }
        #expect(last.count == 5 && last.sum == 7)
        #expect(HistogramBuckets(last).positive == [0: 1, 1: 2, 2: 2, 3: 8])
    }

    @Test func metrics() throws {
        #expect(try load("a:b{x=\"1\", y='a\\'b}'} 1").labels == Labels(["__name__": "a:b", "x": "1", "y": "a'b}"]))
        #expect(try load("{\"my.name\", \"l.x\"=\"v\"} 1").labels == Labels(["__name__": "my.name", "l.x": "v"]))
        #expect(try load("sum 1").labels == Labels(["__name__": "sum"]))
        #expect(try load("{} 1").labels == .empty)
        for bad in ["{a=~\"x\"} 1", "{a=\"x\" 1", "1", "a{b} 1", "x{a=\"b\"}1"] {
            #expect(failure("load 1m\n" + bad) != nil, "\(bad)")
        }
    }

    @Test func startTimestampsStandAboveTheirSeries() throws {
        let series = try load("x@st _ -1m-1sx1 0 +5ms\n x 1 2 3 4 5")
        #expect(series.startOffsets == [nil, -60_000, -61_000, 0, 5])
        #expect(failure("load 1m\n x@st 0\n y 1") != nil)
        #expect(failure("load 1m\n x@st 0\n x 1 2") != nil)
        #expect(failure("load 1m\n x@st 0") != nil)
    }

    @Test func errorsNameTheLine() {
        #expect(failure("clear\n\nfoo bar")?.description == "line 3: unknown command \"foo\"")
        #expect(failure("load 5")?.line == 1)
        #expect(failure("eval instant at 5m")?.message == "no query")
        #expect(failure("eval range from 5m to 1m step 1m x")?.message == "range without steps")
        #expect(failure("eval instant at 0 x\n expect warm")?.line == 2)
        #expect(failure("eval instant at 0 x\n x 1\n x 2")?.line == 3)
    }

    private func outcomes(_ script: String) throws -> [PromQLTestRunner.Outcome] {
        try PromQLTestRunner().run(script, name: "own.test")
    }

    private static let data = "load 1m\n a{i=\"1\"} 0+1x10\n a{i=\"2\"} 0+2x10\n\n"

    @Test func passingScript() throws {
        let script =
            Self.data + """
                eval instant at 5m sum(a)
                  {} 15

                # A comment ends a block.
                eval instant at 5m a
                  expect ordered
                  a{i="1"} 5
                  a{i="2"} 10

                eval range from 0 to 2m step 1m a{i="1"} > 0
                  a{i="1"} _ 1 2

                eval instant at 5m scalar(a{i="1"})
                  5
                eval instant at 5m a{i="1"}[2m]
                  expect range vector from 4m to 5m step 1m
                  a{i="1"} 4 5

                eval instant at 0 "x"
                  expect string 'x'

                eval instant at 5m a + on () a
                  expect fail regex: found duplicate series

                eval instant at 5m rate(a[2m])
                  expect no_warn
                  expect info msg: PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "a" (1:6)
                  {i="1"} 0.016666666666666666
                  {i="2"} 0.03333333333333333

                clear

                eval instant at 5m a

                """
        let outcomes = try outcomes(script)
        #expect(outcomes.count == 9)
        for outcome in outcomes { #expect(outcome.failure == nil, "\(outcome.line)") }
        #expect(outcomes[0].line == 5)
    }

    @Test func failuresSayWhatCame() throws {
        func failure(_ evaluation: String) throws -> String {
            try #require(try outcomes(Self.data + evaluation).first?.failure)
        }
        #expect(try failure("eval instant at 5m sum(a)\n {} 16") == "{}: expected 16, got 15")
        #expect(try failure("eval instant at 5m a{i=\"1\"}") == "unexpected a{i=\"1\"}; got [a{i=\"1\"} 5]")
        #expect(try failure("eval instant at 5m a{i=\"1\"}\n b 1").hasPrefix("expected b, which didn't come"))
        #expect(
            try failure("eval instant at 5m a\n expect ordered\n a{i=\"2\"} 10\n a{i=\"1\"} 5").contains(
                "at position 1"))
        #expect(try failure("eval range from 0 to 1m step 1m sum(a)\n {} 0 4").contains("at 60s expected 4, got 3"))
        #expect(try failure("eval instant at 5m sum(a)\n expect fail").hasPrefix("expected an error"))
        #expect(try failure("eval instant at 5m sum(a").hasPrefix("the query doesn't parse"))
        #expect(
            try failure(
                "eval instant at 5m rate(a[2m])\n expect no_info\n {i=\"1\"} 0.016666666666666666\n {i=\"2\"} 0.03333333333333333"
            ).hasPrefix("expected no info"))
    }

    @Test func toleranceIsRelative() {
        #expect(ResultComparison.isEqual(1, 1.0000009))
        #expect(!ResultComparison.isEqual(1, 1.00001))
        #expect(!ResultComparison.isEqual(0, 1e-300))
        #expect(ResultComparison.isEqual(.nan, .nan))
        #expect(!ResultComparison.isEqual(.nan, StaleMarker.value))
        #expect(ResultComparison.isEqual(.infinity, .infinity))
        #expect(!ResultComparison.isEqual(.infinity, -.infinity))
    }

    @Test func classicHistogramsConvert() throws {
        let script = """
            load_with_nhcb 1m
              h_bucket{le="1", a="b"} 1 2
              h_bucket{le="5", a="b"} 3 5
              h_bucket{le="+Inf", a="b"} 4 7
              h_bucket{le="x", a="b"} 4 7
              h_sum{a="b"} 10 20

            eval instant at 1m h
              h{a="b"} {{schema:-53 count:7 sum:20 buckets:[2 3 2] custom_values:[1 5]}}

            """
        #expect(try outcomes(script).first?.failure == nil)
    }

    @Test func randomScriptsDoNotCrash() throws {
        var mutator = QueryMutator(seed: 17)
        let script =
            Self.data
            + "load_with_nhcb 1m\n x {{count:1 buckets:[1]}}+{{}}x3 _x2 stale\n\neval instant at 5m sum(a)\n expect no_warn\n {} 15\n"
        for _ in 0..<2000 {
            let text = String(decoding: mutator.mutate(Array(script.utf8)), as: UTF8.self)
            _ = try? TestScript(parsing: text)
        }
    }
}
