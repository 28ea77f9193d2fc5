/// One entry of `http_sd_configs`, `dns_sd_configs`, `docker_sd_configs` or `kubernetes_sd_configs`: where targets are asked for.
public struct RemoteDiscovery: Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
        /// A URL that answers with target groups in JSON.
        case http(url: String)
        case dns(names: [String], DNSRecordType, port: Int?)
        /// `host`: `unix:///var/run/docker.sock` or a URL.
        case docker(host: String, port: Int, hostNetworkingHost: String, filters: [DockerFilter])
        /// `server`: empty for the cluster that this process runs in.
        case kubernetes(server: String, role: KubernetesRole, namespaces: [String], selectors: [KubernetesSelector])
    }

    public var kind: Kind
    /// Milliseconds.
    public var refreshInterval: Int64
    /// How the HTTP ones are reached.
    public var http = ScrapeHTTP()

    public init(_ kind: Kind, refreshInterval: Int64) {
        self.kind = kind
        self.refreshInterval = refreshInterval
    }
}

public enum DNSRecordType: String, Sendable, CaseIterable {
    case srv = "SRV"
    case a = "A"
    case aaaa = "AAAA"
    case mx = "MX"
    case ns = "NS"
}

public struct DockerFilter: Equatable, Sendable {
    public var name: String
    public var values: [String]
}

public enum KubernetesRole: String, Sendable, CaseIterable {
    case node, pod, service, endpoints, endpointslice, ingress
}

/// Narrows what a role lists, on the server's side.
public struct KubernetesSelector: Equatable, Sendable {
    public var role: KubernetesRole
    public var label: String
    public var field: String
}

/// Why targets could not be asked for, in words.
struct DiscoveryFailure: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Asks somewhere for target groups. Thread-safe.
protocol TargetProvider: Sendable {
    /// Calls `done` once, from any thread, with all groups there are.
    func fetch(_ done: @escaping @Sendable (Result<[TargetGroup], DiscoveryFailure>) -> Void)
}

/// Label names of discovered things: what Prometheus doesn't allow in a label name becomes `_`.
func discoveryLabelName(_ name: String) -> String {
    String(
        decoding: name.utf8.map { byte in
            let isAllowed = byte &- 48 < 10 || (byte | 0x20) &- 97 < 26 || byte == UInt8(ascii: "_")
            return isAllowed ? byte : UInt8(ascii: "_")
        }, as: UTF8.self)
}
