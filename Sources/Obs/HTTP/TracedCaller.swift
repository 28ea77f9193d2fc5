import Transport

/// An HTTP client of `Transport` whose calls are observed by a `ClientInstrumentation`. Thread-safe.
public struct TracedCaller: HTTPCaller {
    private let caller: any HTTPCaller
    private let instrumentation: ClientInstrumentation

    public init(_ caller: any HTTPCaller, _ telemetry: Telemetry, scope: String = "obs.http.client") {
        self.caller = caller
        instrumentation = ClientInstrumentation(telemetry, scope: scope)
    }

    public func send(_ call: HTTPCall, done: @escaping @Sendable (Result<HTTPResponse, HTTPCallError>) -> Void) {
        var call = call
        let observed = instrumentation.begin(method: call.method.rawValue, url: call.url) { call.headers[$0] = $1 }
        caller.send(call) { result in
            switch result {
            case .success(let response): observed.finish(status: response.status)
            case .failure(let error): observed.finish(error: error)
            }
            done(result)
        }
    }
}
