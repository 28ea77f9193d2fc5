import Bedrock
import Formats

/// Decodes the discovery of a scrape job that asks others, under Prometheus' keys, with its defaults.
struct RemoteDiscoveryReader {
    let directory: String

    func read(_ keys: YAMLMapping, _ place: String) -> [RemoteDiscovery] {
        list(keys, "http_sd_configs", place, http)
            + list(keys, "dns_sd_configs", place, dns)
            + list(keys, "docker_sd_configs", place, docker)
            + list(keys, "kubernetes_sd_configs", place, kubernetes)
    }

    private func list(
        _ keys: YAMLMapping, _ key: String, _ place: String,
        _ entry: (YAMLMapping, String) -> RemoteDiscovery?
    ) -> [RemoteDiscovery] {
        (keys[key]?.list ?? []).enumerated().compactMap { index, item in
            let place = "\(place).\(key)[\(index)]"
            return item.mapping(place) { entry($0, place) } ?? nil
        }
    }

    private func refresh(_ keys: YAMLMapping, _ standard: Int64) -> Int64 {
        guard let value = keys["refresh_interval"]?.duration else { return standard }
        if value > 0 { return value }
        keys.note("refresh_interval must be over 0", at: "refresh_interval")
        return standard
    }

    private func isURL(_ text: String) -> Bool { text.hasPrefix("http://") || text.hasPrefix("https://") }

    private func http(_ keys: YAMLMapping, _ place: String) -> RemoteDiscovery? {
        keys.require("url")
        guard let url = keys["url"]?.string else { return nil }
        if !isURL(url) { keys.note("\"\(url)\" is no http or https URL", at: "url") }
        var discovery = RemoteDiscovery(.http(url: url), refreshInterval: refresh(keys, 60_000))
        discovery.http = ScrapeHTTPReader(directory: directory).read(keys, place)
        return discovery
    }

    private func dns(_ keys: YAMLMapping, _ place: String) -> RemoteDiscovery? {
        keys.require("names")
        let names = keys["names"]?.strings ?? []
        let type = keys["type"]?.choice(of: DNSRecordType.allCases.map(\.rawValue)).flatMap {
            DNSRecordType(rawValue: $0)
        }
        let port = keys["port"]?.int(in: 1...65_535)
        if (type ?? .srv) != .srv && port == nil {
            keys.note("port is wanted for every type but SRV", at: "type")
        }
        return RemoteDiscovery(
            .dns(names: names, type ?? .srv, port: port), refreshInterval: refresh(keys, 30_000))
    }

    private func docker(_ keys: YAMLMapping, _ place: String) -> RemoteDiscovery? {
        keys.require("host")
        guard let host = keys["host"]?.string else { return nil }
        if !isURL(host) && !host.hasPrefix("unix:///") && !host.hasPrefix("tcp://") {
            keys.note("host is unix:///PATH, tcp://HOST:PORT or a URL", at: "host")
        }
        let filters = (keys["filters"]?.list ?? []).compactMap { item in
            item.mapping("\(place).filters") { keys -> DockerFilter? in
                keys.require("name")
                return keys["name"]?.string.map { DockerFilter(name: $0, values: keys["values"]?.strings ?? []) }
            } ?? nil
        }
        let kind = RemoteDiscovery.Kind.docker(
            host: host, port: keys["port"]?.int(in: 1...65_535) ?? 80,
            hostNetworkingHost: keys["host_networking_host"]?.string ?? "localhost", filters: filters)
        var discovery = RemoteDiscovery(kind, refreshInterval: refresh(keys, 60_000))
        discovery.http = ScrapeHTTPReader(directory: directory).read(keys, place)
        return discovery
    }

    private func kubernetes(_ keys: YAMLMapping, _ place: String) -> RemoteDiscovery? {
        keys.require("role")
        guard let role = role(keys) else { return nil }
        var server = keys["api_server"]?.string ?? ""
        if !server.isEmpty && !isURL(server) { keys.note("\"\(server)\" is no http or https URL", at: "api_server") }
        while server.hasSuffix("/") { server.removeLast() }
        let namespaces = keys["namespaces"]?.mapping("\(place).namespaces") { $0["names"]?.strings ?? [] } ?? []
        let selectors = (keys["selectors"]?.list ?? []).compactMap { item in
            item.mapping("\(place).selectors") { keys -> KubernetesSelector? in
                keys.require("role")
                let (label, field) = (keys["label"]?.string ?? "", keys["field"]?.string ?? "")
                return self.role(keys).map { KubernetesSelector(role: $0, label: label, field: field) }
            } ?? nil
        }
        if keys["kubeconfig_file"] != nil {
            keys.note(
                "kubeconfig_file is not supported; api_server and credentials say the same", at: "kubeconfig_file")
        }
        let kind = RemoteDiscovery.Kind.kubernetes(
            server: server, role: role, namespaces: namespaces, selectors: selectors)
        // Lists are asked for, not watched.
        var discovery = RemoteDiscovery(kind, refreshInterval: refresh(keys, 30_000))
        discovery.http = ScrapeHTTPReader(directory: directory).read(keys, place)
        return discovery
    }

    private func role(_ keys: YAMLMapping) -> KubernetesRole? {
        keys["role"]?.choice(of: KubernetesRole.allCases.map(\.rawValue)).flatMap { KubernetesRole(rawValue: $0) }
    }
}
