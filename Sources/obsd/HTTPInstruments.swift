import Instruments
import Transport

/// Counts what the HTTP server does.
struct HTTPInstruments: HTTPServerObserver {
    private let requests: InstrumentFamily<Counter>
    private let durations: InstrumentFamily<Histogram>
    private let received: Counter
    private let sent: Counter
    private let connections: Gauge
    private let refused: Counter
    private let expired: Counter

    init(_ registry: InstrumentRegistry) {
        requests = registry.counters(
            "obs_transport_requests_total", help: "HTTP requests answered.", labels: ["method", "route", "status"])
        durations = registry.histograms(
            "obs_transport_request_duration_seconds", help: "From request line to the last byte of the answer.",
            labels: ["route"], bounds: Histogram.Bounds.seconds)
        received = registry.counter("obs_transport_received_bytes_total", help: "Request bodies, as sent.")
        sent = registry.counter("obs_transport_sent_bytes_total", help: "Response bodies, as sent.")
        connections = registry.gauge("obs_transport_connections", help: "Open HTTP connections.")
        refused = registry.counter(
            "obs_transport_connections_refused_total", help: "Connections turned away by a limit.")
        expired = registry.counter(
            "obs_transport_connections_expired_total", help: "Connections closed because their client took too long.")
    }

    func connectionOpened() { connections.increment() }
    func connectionClosed() { connections.decrement() }
    func connectionRefused() { refused.increment() }
    func connectionExpired() { expired.increment() }

    func exchangeFinished(_ exchange: HTTPExchange) {
        let route = exchange.route.isEmpty ? "none" : exchange.route
        requests.bind(exchange.method, route, String(exchange.status)).increment()
        durations.bind(route).observe(exchange.seconds)
        received.add(exchange.requestBytes)
        sent.add(exchange.responseBytes)
    }
}
