import Bedrock
import Obs
import Testing
import Transport

@Suite struct ServerTests {
    @Test func contextCrossesProcesses() async throws {
        let collector = try CollectorServer()
        let telemetry = Telemetry(collector.options())
        let server = ServerInstrumentation(telemetry)
        let logger = telemetry.logger("shop")
        let tracer = telemetry.tracer("shop")
        let http = HTTPServer(
            HTTPServerOptions(),
            routes: [
                server.observed(
                    HTTPRoute([.get], "/orders/*") { request, respond in
                        logger.info("asked") { $0.set("user", Context.current.baggage?["user"] ?? "") }
                        respond(HTTPResponse(status: request.path.hasSuffix("bad") ? 503 : 200))
                    })
            ])
        try http.start()
        let client = TracedCaller(HTTPClient(), telemetry)
        let root = tracer.startSpan("root")
        for path in ["good", "bad"] {
            let url = http.url.replacing("http://", with: "http://user:secret@") + "/orders/" + path
            _ = try await Context(span: root, baggage: ["user": "anna"]).run {
                try await client.response(to: HTTPCall(.get, url))
            }
        }
        root.end()
        let status = await server.serve(
            method: "BREW", route: "/tea", header: { _ in nil }, status: { $0 }
        ) { _ in 418 }
        #expect(status == 418)
        #expect(await telemetry.shutdown().isComplete)

        let spans = try collector.requests("/v1/traces").flatMap { try WireMessage($0.body).messages(1, 2, 2) }
        let served = spans.filter { $0.text(5) == "GET /orders/*" }
        let called = spans.filter { $0.text(5) == "GET" }
        #expect(served.count == 2 && called.count == 2)
        for span in served {
            #expect(span.bytes(1) == Self.bytes(root.traceID))
            #expect(called.contains { $0.bytes(2) == span.bytes(4) })
            #expect(span.integer(16) == 0x301)
        }
        let statuses = try served.map { try $0.attributes(9)["http.response.status_code"] ?? "" }
        #expect(statuses.sorted() == ["200", "503"])
        #expect(try served.filter { try !$0.messages(15).isEmpty }.count == 1)
        #expect(try called.allSatisfy { try !($0.attributes(9)["url.full"] ?? "secret").contains("secret") })
        let logs = try collector.requests("/v1/logs").flatMap { try WireMessage($0.body).messages(1, 2, 2) }
        #expect(try logs.map { try $0.attributes(6)["user"] ?? "" } == ["anna", "anna"])
        #expect(logs.allSatisfy { log in served.contains { $0.bytes(2) == log.bytes(10) } })
        let text = String(decoding: telemetry.exposition().body, as: UTF8.self)
        #expect(text.contains("http_server_active_requests{http_request_method=\"GET\"} 0\n"))
        #expect(
            text.contains(
                "http_server_request_duration_seconds_count{http_request_method=\"_OTHER\","
                    + "http_response_status_code=\"418\",http_route=\"/tea\"} 1\n"))
    }

    private static func bytes(_ id: TraceID) -> [UInt8] {
        [id.high, id.low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) } }
    }
}
