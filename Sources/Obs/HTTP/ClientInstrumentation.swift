import Bedrock
import Instruments

/// Observes the calls that a program makes to other services: a span of each, the context in its headers, rate, errors and duration
/// (OpenTelemetry semantic conventions for HTTP clients). Thread-safe; fits any client that takes headers.
public struct ClientInstrumentation: Sendable {
    private let tracer: Tracer
    private let clock: TelemetryClock
    private let propagators: [Propagator]
    private let durations: Labelled<Distribution, String, Int>

    public init(_ telemetry: Telemetry, scope: String = "obs.http.client") {
        tracer = telemetry.tracer(scope)
        clock = telemetry.clock
        propagators = telemetry.options.propagators
        durations = telemetry.meter(scope).histograms(
            "http.client.request.duration", unit: "s", description: "Duration of HTTP client requests.",
            aggregation: .seconds, labels: Label<String>("http.request.method"),
            Label<Int>("http.response.status_code"))
    }

    /// Begins to observe a call. The caller ends it with `finish`, once.
    /// - Parameter setHeader: takes the headers that carry the context.
    public func begin(
        method: String, url: String, parent: Context = .current, setHeader: (_ name: String, _ value: String) -> Void
    ) -> ObservedCall {
        let method = HTTPMethodName.known(method)
        var context = parent
        let span = tracer.startSpan(method, kind: .client, parent: parent)
        context.span = span
        span.set {
            $0.set("http.request.method", method)
            $0.set("url.full", Self.withoutCredentials(url))
        }
        Propagation.inject(context, propagators, setHeader)
        return ObservedCall(
            span: span, method: method, start: clock.nanoseconds(), durations: durations, clock: clock)
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

/// A call that is under way.
public struct ObservedCall: Sendable {
    public let span: Span
    let method: String
    let start: UInt64
    let durations: Labelled<Distribution, String, Int>
    let clock: TelemetryClock

    /// The call was answered. Statuses from 400 on make the span an error.
    public func finish(status: Int) {
        let status = (100..<600).contains(status) ? status : 0
        span.set("http.response.status_code", status)
        if status >= 400 { span.setStatus(.error) }
        end(status)
    }

    /// There was no answer.
    public func finish(error: any Error) {
        span.recordError(error)
        end(0)
    }

    private func end(_ status: Int) {
        durations(method, status).record(Double(clock.nanoseconds() &- start) / 1e9)
        span.end()
    }
}

/// Methods as labels: whatever a peer makes up counts as one.
enum HTTPMethodName {
    private static let all: Set<String> = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ]

    static func known(_ method: String) -> String { all.contains(method) ? method : "_OTHER" }
}
