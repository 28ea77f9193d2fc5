import Foundation
import Obs
import ObsFoundation
import Testing
import Transport

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

@Suite struct TracedSessionTests {
    @Test func passesTheContextOn() async throws {
        let server = HTTPServer(
            HTTPServerOptions(),
            routes: [
                HTTPRoute([.get], "/x") { request, respond in
                    let parent = request.headers["traceparent"] ?? ""
                    respond(HTTPResponse(status: 404, contentType: "text/plain", parent))
                }
            ])
        try server.start()
        var options = TelemetryOptions()
        options.traces.isEnabled = true
        options.onProblem = { _ in }
        let telemetry = Telemetry(options)
        let session = TracedSession(telemetry)
        let root = telemetry.tracer("t").startSpan("root")
        let url = try #require(URL(string: server.url + "/x"))
        let (data, response) = try await Context(span: root).run { try await session.data(from: url) }
        #expect((response as? HTTPURLResponse)?.statusCode == 404)
        let parent = String(decoding: data, as: UTF8.self)
        #expect(parent.hasPrefix("00-\(root.traceID)-") && !parent.contains("\(root.spanID)"))
        let text = String(decoding: telemetry.exposition().body, as: UTF8.self)
        #expect(text.contains("http_response_status_code=\"404\"} 1\n"))
        var request = URLRequest(url: url)
        request.inject(Context(span: root))
        #expect(request.value(forHTTPHeaderField: "traceparent")?.contains("\(root.spanID)") == true)
        await telemetry.shutdown(deadlineSeconds: 0.1)
    }
}
