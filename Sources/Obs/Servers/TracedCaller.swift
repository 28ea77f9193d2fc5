import Bedrock
import Instruments
import Transport

/// An HTTP client that makes a span of each call, passes the context on in the call's headers, and keeps rate, errors and duration
/// (OpenTelemetry semantic conventions for HTTP clients). Thread-safe.
public struct TracedCaller: HTTPCaller {
    private let caller: any HTTPCaller
    private let tracer: Tracer
    private let clock: TelemetryClock
    private let propagators: [Propagator]
    private let durations: Labelled<Distribution, String, Int>

    public init(_ caller: any HTTPCaller, _ telemetry: Telemetry, scope: String = "obs.http.client") {
        self.caller = caller
        tracer = telemetry.tracer(scope)
        clock = telemetry.clock
        propagators = telemetry.options.propagators
        durations = telemetry.meter(scope).histograms(
            "http.client.request.duration", unit: "s", description: "Duration of HTTP client requests.",
            aggregation: .seconds, labels: Label<String>("http.request.method"),
            Label<Int>("http.response.status_code"))
    }

    public func send(_ call: HTTPCall, done: @escaping @Sendable (Result<HTTPResponse, HTTPCallError>) -> Void) {
        var call = call
        var context = Context.current
        let span = tracer.startSpan(call.method.rawValue, kind: .client, parent: context)
        context.span = span
        span.set {
            $0.set("http.request.method", call.method.rawValue)
            $0.set("url.full", Self.withoutCredentials(call.url))
        }
        Propagation.inject(context, propagators) { call.headers[$0] = $1 }
        let start = clock.nanoseconds()
        let method = call.method.rawValue
        caller.send(call) { [durations, clock] result in
            var status = 0
            switch result {
            case .success(let response):
                status = (100..<600).contains(response.status) ? response.status : 0
                span.set("http.response.status_code", status)
                if status >= 400 { span.setStatus(.error) }
            case .failure(let error): span.recordError(error)
            }
            durations(method, status).record(Double(clock.nanoseconds() &- start) / 1e9)
            span.end()
            done(result)
        }
    }

    /// A URL without user and password, which must not be exported.
    static func withoutCredentials(_ url: String) -> String {
        guard let scheme = url.firstRange(of: "://") else { return url }
        let rest = url[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard let at = authority.lastIndex(of: "@") else { return url }
        return String(url[..<scheme.upperBound]) + rest[rest.index(after: at)...]
    }
}
