import Bedrock
import Instruments
import Synchronization
import Transport

/// Observes the requests that a server answers: takes over the caller's context, makes a span of each request, and keeps rate, errors and
/// duration (OpenTelemetry semantic conventions for HTTP servers). Thread-safe; fits any server that knows a request's headers.
public struct ServerInstrumentation: Sendable {
    private let tracer: Tracer
    private let clock: TelemetryClock
    private let propagators: [Propagator]
    private let durations: Labelled<Distribution, String, String, Int>
    private let active: Labelled<UpDownCounter, String>

    public init(_ telemetry: Telemetry, scope: String = "obs.http.server") {
        tracer = telemetry.tracer(scope)
        clock = telemetry.clock
        propagators = telemetry.options.propagators
        let meter = telemetry.meter(scope)
        durations = meter.histograms(
            "http.server.request.duration", unit: "s", description: "Duration of HTTP server requests.",
            aggregation: .seconds, labels: Label<String>("http.request.method"), Label<String>("http.route"),
            Label<Int>("http.response.status_code"))
        active = meter.upDownCounters(
            "http.server.active_requests", unit: "{request}", description: "Requests being answered.",
            labels: Label<String>("http.request.method"))
    }

    /// Begins to observe a request. The caller ends it with `finish`, once.
    ///
    /// - Parameters:
    ///   - route: the pattern that matched, never the path itself: it is a label.
    ///   - header: the value of a header, by its name in lower case.
    public func begin(
        method: String, route: String, path: String = "", header: (String) -> String?
    ) -> ObservedRequest {
        let method = HTTPMethodName.known(method)
        var context = Propagation.extract(propagators, header)
        let span = tracer.startSpan(method + " " + route, kind: .server, parent: context)
        span.set {
            $0.set("http.request.method", method)
            $0.set("http.route", route)
            if !path.isEmpty { $0.set("url.path", path) }
        }
        context.span = span
        let active = active(method)
        active.increment()
        return ObservedRequest(
            span: span, context: context, method: method, route: route, start: clock.nanoseconds(), active: active,
            durations: durations, clock: clock)
    }

    /// Observes a request that `body` answers; its span is the current one meanwhile. An error that leaves `body` counts as status 500.
    public func serve<R>(
        method: String, route: String, path: String = "", header: (String) -> String?, status: (R) -> Int,
        isolation: isolated (any Actor)? = #isolation, _ body: (Span) async throws -> R
    ) async rethrows -> R {
        let request = begin(method: method, route: route, path: path, header: header)
        do {
            let answer = try await request.context.run(isolation: isolation) { try await body(request.span) }
            request.finish(status: status(answer))
            return answer
        } catch {
            request.span.recordError(error)
            request.finish(status: 500)
            throw error
        }
    }

    /// The same route, observed. The context is current while the handler runs, and no longer when it answers later from elsewhere.
    public func observed(_ route: HTTPRoute) -> HTTPRoute {
        var observed = route
        let handler = route.handler
        let pattern = route.pattern
        observed.handler = { request, respond in
            let observation = begin(method: request.method.rawValue, route: pattern, path: request.path) {
                let all = request.headers.all($0)
                return all.isEmpty ? nil : all.joined(separator: ",")
            }
            observation.context.run {
                handler(request) { answer in
                    observation.finish(status: answer.status)
                    respond(answer)
                }
            }
        }
        return observed
    }
}

/// A request that is being answered.
public struct ObservedRequest: Sendable {
    public let span: Span
    /// To make current while the request is worked on.
    public let context: Context
    let method: String
    let route: String
    let start: UInt64
    let active: UpDownCounter
    let durations: Labelled<Distribution, String, String, Int>
    let clock: TelemetryClock

    /// Ends span and measurements. Statuses from 500 on make the span an error.
    public func finish(status: Int) {
        // One label value a real status: others would let a handler fill the memory.
        let status = (100..<600).contains(status) ? status : 0
        span.set("http.response.status_code", status)
        if status >= 500 { span.setStatus(.error) }
        active.decrement()
        durations(method, route, status).record(Double(clock.nanoseconds() &- start) / 1e9)
        span.end()
    }
}
