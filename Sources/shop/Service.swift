import Bedrock
import Glibc
import Obs
import Transport

/// One small service of the shop, instrumented as any service would be: its own telemetry, a server, a client for those it calls.
final class Service: Sendable {
    let name: String
    let telemetry: Telemetry
    private let server: HTTPServer

    /// - Parameters:
    ///   - collector: OTLP over HTTP, such as `http://127.0.0.1:4318`.
    ///   - directory: where the other services are, filled in before the first request.
    init(_ name: String, collector: String, faults: Faults, directory: Directory) throws {
        self.name = name
        var options = TelemetryOptions.fromEnvironment()
        options.resource["service.name"] = .string(name)
        options.resource["service.version"] = "1.0.0"
        options.resource["deployment.environment.name"] = "demo"
        options.traces.url = collector + "/v1/traces"
        options.metrics.url = collector + "/v1/metrics"
        options.logs.url = collector + "/v1/logs"
        options.metricIntervalSeconds = 15
        options.spans.delaySeconds = 1
        options.recordBytesMax = 8 << 20
        let telemetry = Telemetry(options)
        self.telemetry = telemetry
        let instrumentation = ServerInstrumentation(telemetry)
        let caller = TracedCaller(HTTPClient(), telemetry)
        let logger = telemetry.logger("shop")
        let routes = Catalogue.operations.filter { $0.service == name }.map { operation in
            HTTPRoute([.get], "/" + operation.name) { request, respond in
                Task {
                    let status = await instrumentation.serve(
                        method: "GET", route: "/" + operation.name, path: request.path,
                        header: { request.headers[$0] }, status: { $0 }
                    ) { span in
                        span.set("user.id", request.parameter("user") ?? "")
                        return await Self.work(operation, request, caller, faults, directory, logger)
                    }
                    respond(HTTPResponse(status: status, contentType: "text/plain", "\(operation.name): \(status)\n"))
                }
            }
        }
        server = HTTPServer(HTTPServerOptions(), routes: routes)
        try server.start()
        directory.set(name, server.url)
    }

    /// Works a while, calls others one after the other, and fails where it is made to. Gives the status of the answer.
    private static func work(
        _ operation: Operation, _ request: HTTPRequest, _ caller: TracedCaller, _ faults: Faults,
        _ directory: Directory,
        _ logger: Obs.Logger
    ) async -> Int {
        let fault = faults[operation.service]
        await pause(operation.milliseconds * Double.random(in: 0.6...1.8) / 2 + fault.delay)
        for call in operation.calls where Double.random(in: 0..<1) < call.share {
            let url = "\(directory.url(call.service))/\(call.operation)?user=\(request.parameter("user") ?? "")"
            do {
                let answer = try await caller.response(to: HTTPCall(.get, url, timeoutSeconds: 10))
                if answer.status >= 500 {
                    logger.warn("a call failed") {
                        $0.set("peer.service", call.service)
                        $0.set("status", answer.status)
                    }
                    return 502
                }
            } catch {
                logger.error("a service can't be reached") { $0.set("peer.service", call.service) }
                return 504
            }
        }
        if Double.random(in: 0..<1) < fault.errors {
            logger.error("\(operation.name) failed: \(reason(operation))") { $0.set("operation", operation.name) }
            return 500
        }
        await pause(operation.milliseconds * Double.random(in: 0.6...1.8) / 2)
        logger.info("\(operation.name) done") { $0.set("operation", operation.name) }
        return 200
    }

    private static func reason(_ operation: Operation) -> String {
        let reasons = [
            "connection reset by peer", "deadline exceeded", "no rows", "card \(Int.random(in: 1000...9999)) declined",
        ]
        return reasons[Int.random(in: 0..<(operation.service == "payment" ? 4 : 3))]
    }

    private static func pause(_ milliseconds: Double) async {
        try? await Task.sleep(nanoseconds: UInt64(max(0, milliseconds) * 1e6))
    }

    /// Ends the service; what it recorded is sent within the deadline, if somebody takes it.
    func stop() {
        server.shutdown(deadlineSeconds: 2)
        telemetry.shutdown(deadlineSeconds: 2)
    }
}
