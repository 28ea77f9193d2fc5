import Bedrock
import Glibc
import Transport

/// Makes providers of what a configuration says. Thread-safe.
struct TargetProviders: Sendable {
    let caller: any HTTPCaller
    let files: any FileSystem

    private static let clusterFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

    func provider(_ configuration: RemoteDiscovery) -> any TargetProvider {
        let fetcher = DiscoveryFetcher(caller: caller, files: files, http: configuration.http)
        switch configuration.kind {
        case .http(let url):
            return HTTPTargetProvider(
                url: url, fetcher: fetcher, refreshSeconds: max(configuration.refreshInterval / 1000, 1))
        case .dns(let names, let type, let port): return DNSTargetProvider(names: names, type: type, port: port)
        case .docker(let host, let port, let hostNetworkingHost, let filters):
            return DockerTargetProvider(
                host: host, port: port, hostNetworkingHost: hostNetworkingHost, filters: filters, fetcher: fetcher)
        case .kubernetes(let server, let role, let namespaces, let selectors):
            guard server.isEmpty else {
                return KubernetesTargetProvider(
                    server: server, role: role, namespaces: namespaces, selectors: selectors, fetcher: fetcher)
            }
            return KubernetesTargetProvider(
                server: Self.clusterServer(), role: role, namespaces: namespaces, selectors: selectors,
                fetcher: DiscoveryFetcher(caller: caller, files: files, http: Self.clusterAccess(configuration.http)))
        }
    }

    /// The API of the cluster that this process runs in, as Kubernetes tells every pod.
    private static func clusterServer() -> String {
        func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        let host = value("KUBERNETES_SERVICE_HOST") ?? "kubernetes.default.svc"
        return "https://\(host.contains(":") ? "[\(host)]" : host):\(value("KUBERNETES_SERVICE_PORT") ?? "443")"
    }

    /// With the pod's own token, which is read anew for each call as it is rotated.
    private static func clusterAccess(_ http: ScrapeHTTP) -> ScrapeHTTP {
        var http = http
        http.tls.authoritiesFile = http.tls.authoritiesFile ?? clusterFolder + "/ca.crt"
        if case .none = http.credentials {
            http.credentials = .authorization(type: "Bearer", .file(clusterFolder + "/token"))
        }
        return http
    }
}
