import Bedrock
import Model

/// Who calls whom, how often, with what outcome: the service graph's series of one span of time. Immutable.
public struct ServiceGraph: Sendable {
    /// Requests from one service to another.
    public struct Edge: Sendable, Equatable {
        public var client: String
        public var server: String
        /// `database`, `messaging_system`, `virtual_node`, or empty for a call that both sides reported.
        public var type: String
        /// Requests a second.
        public var rate: Double
        /// Failed requests a second.
        public var failures: Double
        /// Seconds as the server sees them; NaN where nothing was asked.
        public var median: Double
        public var percentile95: Double

        public var failureShare: Double { rate > 0 ? min(failures / rate, 1) : 0 }
    }

    /// Busiest first.
    public let edges: [Edge]

    public init(_ edges: [Edge]) {
        self.edges = edges.sorted { ($1.rate, $0.client, $0.server) < ($0.rate, $1.client, $1.server) }
    }

    /// Every service, those that call first.
    public var services: [String] {
        var seen: Set<String> = []
        return (edges.map(\.client) + edges.map(\.server)).filter { seen.insert($0).inserted }
    }

    /// Services that nobody calls; where all are called in rings, the busiest caller.
    public var roots: [String] {
        let called = Set(edges.filter { $0.client != $0.server }.map(\.server))
        let free = services.filter { !called.contains($0) }
        return free.isEmpty ? services.first.map { [$0] } ?? [] : free
    }

    public func calls(of service: String) -> [Edge] { edges.filter { $0.client == service } }
}

extension PrometheusClient {
    /// The service graph of the `span` milliseconds before `time`.
    public func serviceGraph(span: Int64, at time: Int64? = nil) async throws(ClientError) -> ServiceGraph {
        let names = "client, server, connection_type"
        let window = "[\(span)ms]"
        let prefix = "traces_service_graph_request_"
        let bucket = prefix + "server_seconds_bucket"
        let rates = try await table("sum by (\(names)) (rate(\(prefix)total\(window))) > 0", time)
        let failures = try await table("sum by (\(names)) (rate(\(prefix)failed_total\(window)))", time)
        let quantile = "sum by (\(names), le) (rate(\(bucket)\(window))))"
        let medians = try await table("histogram_quantile(0.5, " + quantile, time)
        let slow = try await table("histogram_quantile(0.95, " + quantile, time)
        return ServiceGraph(
            rates.map { labels, rate in
                ServiceGraph.Edge(
                    client: labels["client"] ?? "", server: labels["server"] ?? "",
                    type: labels["connection_type"] ?? "", rate: rate, failures: failures[labels] ?? 0,
                    median: medians[labels] ?? .nan, percentile95: slow[labels] ?? .nan)
            })
    }

    private func table(_ query: String, _ time: Int64?) async throws(ClientError) -> [Labels: Double] {
        guard case .vector(let table) = try await self.query(query, at: time).result else { return [:] }
        var values: [Labels: Double] = [:]
        for index in 0..<table.count { values[table.labels[index]] = table.lastValue(index) }
        return values
    }
}
