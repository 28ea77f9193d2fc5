import Model
import Testing
import Transport

@testable import QueryServer

@Suite struct QueryEvaluationTests {
    @Test func answersInstantQueries() throws {
        let fixture = try QueryFixture()
        #expect(
            try fixture.text("query", [("query", "up")])
                == #"{"status":"success","data":{"resultType":"vector","result":["#
                + #"{"metric":{"__name__":"up","instance":"a:1","job":"node"},"value":[1700000000,"1"]},"#
                + #"{"metric":{"__name__":"up","instance":"b:1","job":"node"},"value":[1700000000,"0"]}]}}"#)
        #expect(
            try fixture.text("query", [("query", "sum by (job) (up)"), ("time", "1699999999.9996")])
                == #"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"job":"node"},"value":[1700000000,"1"]}]}}"#
        )
        #expect(
            try fixture.text("query", [("query", "scalar(up{instance='a:1'})"), ("time", "2023-11-14T22:13:19.5Z")])
                == #"{"status":"success","data":{"resultType":"scalar","result":[1699999999.5,"1"]}}"#)
        #expect(
            try fixture.text("query", [("query", "'a \"string\"'")])
                == #"{"status":"success","data":{"resultType":"string","result":[1700000000,"a \"string\""]}}"#)
        #expect(
            try fixture.text("query", [("query", "nothing")])
                == #"{"status":"success","data":{"resultType":"vector","result":[]}}"#)
        #expect(
            try fixture.text("query", [("query", "requests_total[31s]")])
                == #"{"status":"success","data":{"resultType":"matrix","result":[{"metric":"#
                + #"{"__name__":"requests_total","instance":"a:1","path":"/say \"hi\"\n"},"#
                + #""values":[[1699999970,"57"],[1699999985,"58.5"],[1700000000,"60"]]}]}}"#)
    }

    @Test func takesForms() throws {
        let fixture = try QueryFixture()
        let response = try fixture.post("/api/v1/query", [("query", "1+1"), ("time", "5")])
        #expect(response.status == 200)
        #expect(response.headers["Content-Type"] == "application/json")
        #expect(response.text == #"{"status":"success","data":{"resultType":"scalar","result":[5,"2"]}}"#)
    }

    @Test(arguments: [
        ("1e21", "1e+21"), ("1e20", "100000000000000000000"), ("1e-7", "1e-07"), ("0.000001", "0.000001"),
        ("1/0", "+Inf"), ("-1/0", "-Inf"), ("0/0", "NaN"), ("-0", "-0"), ("0.1+0.2", "0.30000000000000004"),
    ])
    func writesNumbersAsGoDoes(_ query: String, _ wanted: String) throws {
        let fixture = try QueryFixture()
        #expect(
            try fixture.text("query", [("query", query), ("time", "0")])
                == #"{"status":"success","data":{"resultType":"scalar","result":[0,"\#(wanted)"]}}"#)
    }

    @Test func answersRangeQueries() throws {
        let fixture = try QueryFixture()
        #expect(
            try fixture.text(
                "query_range",
                [("query", "up"), ("start", "1699999970"), ("end", "1700000000"), ("step", "15s")])
                == #"{"status":"success","data":{"resultType":"matrix","result":["#
                + #"{"metric":{"__name__":"up","instance":"a:1","job":"node"},"values":[[1699999970,"1"],[1699999985,"1"],[1700000000,"1"]]},"#
                + #"{"metric":{"__name__":"up","instance":"b:1","job":"node"},"values":[[1699999970,"1"],[1699999985,"1"],[1700000000,"0"]]}]}}"#
        )
        #expect(
            try fixture.text("query_range", [("query", "3"), ("start", "0"), ("end", "0.5"), ("step", "0.25")])
                == #"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[0,"3"],[0.25,"3"],[0.5,"3"]]}]}}"#
        )
    }

    @Test func writesHistograms() throws {
        let histogram = NativeHistogram(
            schema: 0, count: 10, sum: 12.5, zeroThreshold: 0.25, zeroCount: 1,
            positiveSpans: [.init(offset: 0, length: 2)], positiveBuckets: [3, 2],
            negativeSpans: [.init(offset: 1, length: 1)], negativeBuckets: [4])
        let custom = NativeHistogram(
            schema: NativeHistogram.customSchema, count: 6, sum: 7, positiveSpans: [.init(offset: 0, length: 3)],
            positiveBuckets: [1, 2, 3], customValues: [0.5, 1])
        let row = { SeriesBatch.HistogramRow(timestamp: QueryFixture.now, histogram: $0) }
        let source = QuerySource([
            .init(labels: Labels(["__name__": "h"]), histograms: [row(histogram)]),
            .init(labels: Labels(["__name__": "n"]), histograms: [row(custom)]),
        ])
        let fixture = try QueryFixture(source)
        #expect(
            try fixture.text("query", [("query", "h")])
                == #"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"h"},"histogram":[1700000000,"#
                + #"{"count":"10","sum":"12.5","buckets":[[1,"-2","-1","4"],[3,"-0.25","0.25","1"],[0,"0.5","1","3"],[0,"1","2","2"]]}]}]}}"#
        )
        #expect(
            try fixture.text("query", [("query", "n[1m]")])
                == #"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"n"},"histograms":[[1700000000,"#
                + #"{"count":"6","sum":"7","buckets":[[3,"-Inf","0.5","1"],[0,"0.5","1","2"],[0,"1","+Inf","3"]]}]]}]}}"#
        )
    }

    @Test func cutsToTheLimit() throws {
        let fixture = try QueryFixture()
        let cut = try fixture.text("query", [("query", "up"), ("limit", "1")])
        #expect(cut.contains(#""value":[1700000000,"1"]}]},"warnings":["results truncated due to limit"]}"#))
        #expect(!cut.contains("b:1"))
        #expect(!(try fixture.text("query", [("query", "up"), ("limit", "2")]).contains("warnings")))
        #expect(!(try fixture.text("query", [("query", "up"), ("limit", "0")]).contains("warnings")))
        let range = [("query", "up"), ("start", "1700000000"), ("end", "1700000000"), ("step", "1"), ("limit", "1")]
        #expect(try fixture.text("query_range", range).contains("results truncated due to limit"))
    }

    @Test func passesRemarksOn() throws {
        let fixture = try QueryFixture()
        let text = try fixture.text("query", [("query", "rate(up[5m])")])
        #expect(text.contains(#""infos":["PromQL info: metric might not be a counter"#))
        var remarks = Remarks(warnings: (0..<13).map { "warning \($0)" })
        remarks.infos = ["one"]
        let response = try Envelope.success { writer in
            writer.integer(1)
            return remarks
        }
        #expect(response.text.hasPrefix(#"{"status":"success","data":1,"warnings":["warning 0","warning 1""#))
        #expect(response.text.hasSuffix(#""warning 9","3 more warning annotations omitted"],"infos":["one"]}"#))
    }

    @Test func givesStatistics() throws {
        let fixture = try QueryFixture()
        let text = try fixture.text("query", [("query", "sum_over_time(up[1m])"), ("stats", "true")])
        #expect(text.contains(#""stats":{"timings":{"evalTotalTime":"#))
        #expect(text.contains(#""samples":{"totalQueryableSamples":8,"samplesRead":8,"peakSamples":"#))
        let odd = try fixture.text("query", [("query", "up"), ("stats", "yes")])
        #expect(odd.contains(#"value \"yes\" for parameter \"stats\" is deprecated"#))
    }

    @Test func looksBackAsFarAsAsked() throws {
        let fixture = try QueryFixture()
        let late = [("query", "up"), ("time", "1700000100")]
        #expect(try fixture.text("query", late).contains("a:1"))
        #expect(!(try fixture.text("query", late + [("lookback_delta", "1m")]).contains("a:1")))
        #expect(
            try fixture.text("query", [("query", "up"), ("time", "1700000900"), ("lookback_delta", "1h")]).contains(
                "a:1"))
    }

    struct Wrong: Sendable {
        let path: String
        /// As in a URL.
        let query: String
        let text: String

        init(_ path: String, _ query: String, _ text: String) {
            self.path = path
            self.query = query
            self.text = text
        }
    }

    static let wrong: [Wrong] = [
        Wrong(
            "query", "query=up&time=x",
            #"invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp"#),
        Wrong(
            "query", "query=up&timeout=soon",
            #"invalid parameter \"timeout\": cannot parse \"soon\" to a valid duration"#),
        Wrong("query", "query=up&limit=-1", #"invalid parameter \"limit\": limit must be non-negative"#),
        Wrong(
            "query", "query=up&limit=a", #"invalid parameter \"limit\": strconv.Atoi: parsing \"a\": invalid syntax"#),
        Wrong(
            "query", "query=up&lookback_delta=a",
            #"error parsing lookback delta duration: cannot parse \"a\" to a valid duration"#),
        Wrong(
            "query_range", "query=up&start=x&end=1&step=1",
            #"invalid parameter \"start\": cannot parse \"x\" to a valid timestamp"#),
        Wrong(
            "query_range", "query=up&start=1&step=1",
            #"invalid parameter \"end\": cannot parse \"\" to a valid timestamp"#),
        Wrong(
            "query_range", "query=up&start=2&end=1&step=1",
            #"invalid parameter \"end\": end timestamp must not be before start time"#),
        Wrong(
            "query_range", "query=up&start=0&end=1&step=0",
            #"invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer"#
        ),
        Wrong(
            "query_range", "query=up&start=0&end=1&step=-1",
            #"invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer"#
        ),
        Wrong(
            "query_range", "query=up&start=0&end=11001&step=1",
            #"exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"#
        ),
        Wrong(
            "query_range", "query=up[5m]&start=0&end=1&step=1",
            #"invalid parameter \"query\": invalid expression type \"range vector\" for range query, must be Scalar or instant Vector"#
        ),
        Wrong("query_exemplars", "query=up&start=2&end=1", #"end timestamp must not be before start timestamp"#),
    ]

    @Test(arguments: wrong) func saysWhatIsWrong(_ wrong: Wrong) throws {
        let fixture = try QueryFixture()
        let response = try fixture.get("/api/v1/\(wrong.path)?\(wrong.query)")
        #expect(response.status == 400)
        #expect(response.text == #"{"status":"error","errorType":"bad_data","error":"\#(wrong.text)"}"#)
    }

    @Test func allowsElevenThousandIntervals() throws {
        let fixture = try QueryFixture()
        let span = [("query", "vector(1)"), ("start", "0"), ("end", "11000"), ("step", "1")]
        let response = try fixture.get("/api/v1/query_range", span)
        #expect(response.status == 200)
        #expect(response.text.hasSuffix(#"[11000,"1"]]}]}}"#))
    }

    @Test func givesParseErrorsWithTheirPlace() throws {
        let fixture = try QueryFixture()
        let response = try fixture.get("/api/v1/query", [("query", "up{")])
        #expect(response.status == 400)
        #expect(
            response.text.contains(#""errorType":"bad_data","error":"invalid parameter \"query\": 1:4: parse error: "#))
        #expect(try fixture.get("/api/v1/query").status == 400)
    }

    @Test func givesExecutionErrors() throws {
        let fixture = try QueryFixture()
        let response = try fixture.get("/api/v1/query", [("query", "up * on(job) group_left up")])
        #expect(response.status == 422)
        #expect(response.text.contains(#""errorType":"execution""#))
        let tight = try QueryFixture { $0.engine.samplesMax = 10 }
        let over = try tight.get("/api/v1/query", [("query", "sum_over_time(up[10m])")])
        #expect(over.status == 422)
        #expect(over.text.contains("query processing would load too many samples into memory in query execution"))
    }

    @Test func formatsQueries() throws {
        let fixture = try QueryFixture()
        #expect(
            try fixture.text("format_query", [("query", "sum(up)   by(job) # all of them")])
                == #"{"status":"success","data":"sum by (job) (up)"}"#)
        #expect(try fixture.post("/api/v1/format_query", [("query", "(")]).status == 400)
    }

    @Test func showsExemplarsOfAllSelectors() throws {
        let fixture = try QueryFixture()
        let span = [("start", "1"), ("end", "2000.5")]
        #expect(
            try fixture.text("query_exemplars", [("query", "rate(traced_total[5m]) / on() sum(other)")] + span)
                == #"{"status":"success","data":[{"seriesLabels":{"__name__":"traced_total"},"exemplars":["#
                + #"{"labels":{},"value":"1","timestamp":2},"#
                + #"{"labels":{"trace_id":"4bf9"},"value":"+Inf","timestamp":2000.5}]}]}"#)
        #expect(try fixture.text("query_exemplars", [("query", "up")] + span) == #"{"status":"success","data":[]}"#)
        #expect(try fixture.text("query_exemplars", [("query", "1")] + span) == #"{"status":"success","data":[]}"#)
        let one = [("query", "traced_total"), ("end", "100")]
        #expect(try fixture.text("query_exemplars", one).contains(#""timestamp":2}]}]}"#))
        #expect(try fixture.get("/api/v1/query_exemplars", [("query", "up{")]).status == 400)
    }
}
