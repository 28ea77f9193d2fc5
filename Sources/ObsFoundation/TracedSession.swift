import Foundation
import Obs

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A `URLSession` whose requests are observed: a span of each, the context in its headers, rate, errors and duration. Thread-safe.
public struct TracedSession: Sendable {
    private let session: URLSession
    private let instrumentation: ClientInstrumentation

    public init(_ telemetry: Telemetry, session: URLSession = .shared, scope: String = "obs.urlsession") {
        self.session = session
        instrumentation = ClientInstrumentation(telemetry, scope: scope)
    }

    /// As `URLSession.data(for:)`, throwing what it throws.
    public func data(for request: URLRequest) async throws -> (Data, URLResponse) {
        var request = request
        let observed = instrumentation.begin(
            method: request.httpMethod ?? "GET", url: request.url?.absoluteString ?? ""
        ) { request.setValue($1, forHTTPHeaderField: $0) }
        do {
            let (data, response) = try await session.data(for: request)
            observed.finish(status: (response as? HTTPURLResponse)?.statusCode ?? 0)
            return (data, response)
        } catch {
            observed.finish(error: error)
            throw error
        }
    }

    /// As `URLSession.data(from:)`.
    public func data(from url: URL) async throws -> (Data, URLResponse) { try await data(for: URLRequest(url: url)) }
}

extension URLRequest {
    /// Sets the headers that carry `context` to the called service, for sessions of one's own.
    public mutating func inject(_ context: Context = .current, _ propagators: [Propagator] = [.traceContext, .baggage])
    {
        Propagation.inject(context, propagators) { setValue($1, forHTTPHeaderField: $0) }
    }
}
