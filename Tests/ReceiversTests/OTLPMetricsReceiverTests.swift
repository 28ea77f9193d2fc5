import Bedrock
import Formats
import Model
import Receivers
import Testing
import Transport

@Suite struct OTLPMetricsReceiverTests {
    private let json: HTTPHeaders = ["Content-Type": "application/json"]

    private func request(_ points: String) -> [UInt8] {
        Array(
            #"{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s"}}]},"scopeMetrics":[{"metrics":[{"name":"up.time","unit":"s","sum":{"isMonotonic":true,"aggregationTemporality":2,"dataPoints":[\#(points)]}}]}]}]}"#
                .utf8)
    }

    private let point = #"{"timeUnixNano":"5000000","asInt":"7"}"#

    @Test(arguments: ["/v1/metrics", "/otlp/v1/metrics", "/api/v1/otlp/v1/metrics"]) func storesSeries(_ path: String)
        throws
    {
        let test = try TestReceiver()
        var headers = json
        headers["X-Scope-OrgID"] = "t1"
        let answer = try test.post(path, request(point), headers)
        #expect(answer.status == 200 && answer.text == "{}" && answer.headers["Content-Type"] == "application/json")
        #expect(test.sink.written.map(\.samples) == [["up_time_seconds_total{job=\"s\"} 7.0 5"]])
        #expect(test.sink.written.map(\.tenant) == ["t1"])
        let empty = try test.post(path, [], ["Content-Type": "application/x-protobuf"])
        #expect(empty.status == 200 && empty.headers["Content-Type"] == "application/x-protobuf")
    }

    @Test func tellsWhatItRefuses() throws {
        let test = try TestReceiver()
        let answer = try test.post("/v1/metrics", request(point + #",{"timeUnixNano":"6000000"}"#), json)
        #expect(answer.status == 200 && answer.text.contains(#""rejectedDataPoints":"1""#))
        #expect(answer.text.contains("a point without a value") && test.sink.written.count == 1)
        #expect(test.ledger.table.map(\.reason) == ["no_value"])
        #expect(try test.post("/v1/metrics", Array("{".utf8), json).status == 400)
        #expect(try test.post("/v1/metrics", [], ["Content-Type": "text/csv"]).status == 415)
        test.sink.answer(.failure(.overloaded("busy", retryAfterSeconds: 2)))
        let busy = try test.post("/v1/metrics", request(point), json)
        #expect(busy.status == 503 && busy.headers["Retry-After"] == "2" && busy.text.contains(#""code":14"#))
    }

    @Test func addsUpDeltasPerTenant() throws {
        let test = try TestReceiver()
        for (tenant, time) in [("a", 1), ("a", 2), ("b", 2)] {
            let body = String(decoding: request(#"{"timeUnixNano":"\#(time)000000","asInt":"7"}"#), as: UTF8.self)
                .replacing(#""aggregationTemporality":2"#, with: #""aggregationTemporality":1"#)
            var headers = json
            headers["X-Scope-OrgID"] = tenant
            #expect(try test.post("/v1/metrics", Array(body.utf8), headers).status == 200)
        }
        #expect(
            test.sink.written.flatMap(\.samples) == [
                "up_time_seconds_total{job=\"s\"} 7.0 1", "up_time_seconds_total{job=\"s\"} 14.0 2",
                "up_time_seconds_total{job=\"s\"} 7.0 2",
            ])
    }
}
