import Bedrock
import Formats
import Model
import Testing
import Transport

@Suite struct JaegerTests {
    let fixture: TraceFixture

    init() throws { fixture = try TraceFixture() }

    private let range: [(name: String, value: String)] = [
        ("start", String(TraceFixture.start / 1000 - 1)), ("end", String(TraceFixture.start / 1000 + 60_000_000)),
    ]

    private func search(_ more: [(name: String, value: String)]) throws -> [JSONValue] {
        try fixture.json("/jaeger/api/traces", range + more)["data"]?.array ?? []
    }

    @Test func listsServicesAndOperations() throws {
        #expect(strings(try fixture.json("/jaeger/api/services")["data"]) == ["cart", "frontend"])
        #expect(strings(try fixture.json("/jaeger/api/services/cart/operations")["data"]) == ["get"])
        let operations = try fixture.json("/jaeger/api/operations", [("service", "frontend")])["data"]
        #expect(operations?[0]?["name"]?.string == "GET /" && operations?[0]?["spanKind"]?.string == "server")
    }

    @Test func givesATraceById() throws {
        let trace = try #require(try fixture.json("/jaeger/api/traces/1")["data"]?[0])
        #expect(trace["traceID"]?.string == "00000000000000000000000000000001")
        let spans = try #require(trace["spans"]?.array)
        let call = try #require(spans.first { $0["operationName"]?.string == "get" })
        #expect(call["references"]?[0]?["refType"]?.string == "CHILD_OF")
        #expect(call["references"]?[0]?["spanID"]?.string == "000000000000000b")
        #expect(call["references"]?[1]?["refType"]?.string == "FOLLOWS_FROM")
        #expect(call["startTime"]?.int == Int(TraceFixture.start / 1000 + 10_000))
        #expect(call["logs"]?[0]?["fields"]?[0]?["value"]?.string == "exception")
        let tags = (call["tags"]?.array ?? []).map { "\($0["key"]?.string ?? "")=\($0["value"]?.string ?? "")" }
        for tag in [
            "span.kind=client", "otel.status_code=ERROR", "otel.status_description=no cart", "otel.scope.name=lib",
        ] {
            #expect(tags.contains(tag))
        }
        let process = try #require(call["processID"]?.string)
        #expect(trace["processes"]?[process]?["serviceName"]?.string == "cart")
    }

    @Test func searches() throws {
        #expect(try search([("service", "cart")]).count == 10)
        #expect(try search([("service", "cart"), ("operation", "get"), ("minDuration", "75ms")]).count == 2)
        #expect(try search([("service", "frontend"), ("tags", #"{"http.status":"500"}"#)]).count == 4)
        #expect(try search([("service", "cart"), ("tags", #"{"error":"true"}"#)]).count == 4)
        #expect(try search([("service", "cart"), ("tag", "span.kind:client"), ("limit", "3")]).count == 3)
        #expect(try search([("traceID", "3"), ("traceID", "4")]).count == 2)
        #expect(try search([("service", "nobody")]).isEmpty)
    }

    @Test func tellsErrorsInItsEnvelope() throws {
        let cases: [(path: String, parameters: [(name: String, value: String)], status: Int)] = [
            ("traces", [], 400), ("traces/zz", [], 400), ("traces/77", [], 404), ("operations", [], 400),
            ("traces", [("service", "a"), ("tags", "{")], 400), ("traces", [("service", "a"), ("limit", "x")], 400),
            ("traces", [("service", "a"), ("start", "99999999999999999999")], 400),
            ("traces", [("service", "a"), ("minDuration", "soon")], 400), ("dependencies", [("lookback", "-1")], 400),
        ]
        for (path, parameters, status) in cases {
            let response = try fixture.get("/jaeger/api/" + path, parameters)
            #expect(response.status == status, "\(path) \(parameters)")
            let error = try response.body.withUnsafeBytes { try JSONValue(parsing: $0) }["errors"]?[0]
            #expect(error?["code"]?.int == status && error?["msg"]?.string?.isEmpty == false)
        }
    }
}
