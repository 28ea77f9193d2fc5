import Bedrock
import Formats
import Transport

/// `docker_sd_configs`: a target for each port of each container, with the labels that Prometheus gives them.
struct DockerTargetProvider: TargetProvider {
    let host: String
    let port: Int
    let hostNetworkingHost: String
    let filters: [DockerFilter]
    let fetcher: DiscoveryFetcher

    private static let socketPrefix = "unix://"

    func fetch(_ done: @escaping @Sendable (Result<[TargetGroup], DiscoveryFailure>) -> Void) {
        get("/networks") { [self] networks in
            switch networks {
            case .failure(let failure): done(.failure(failure))
            case .success(let networks):
                let query = filters.isEmpty ? "" : "?filters=" + PercentCoding.encode(filterText)
                get("/containers/json" + query) { [self] containers in
                    done(containers.flatMap { groups($0, networks) })
                }
            }
        }
    }

    private func get(_ path: String, _ done: @escaping @Sendable (Result<JSONValue, DiscoveryFailure>) -> Void) {
        if host.hasPrefix(Self.socketPrefix) {
            let socket = String(host.dropFirst(Self.socketPrefix.count))
            return fetcher.get("http://docker" + path, unixSocket: socket, done)
        }
        let base = host.hasPrefix("tcp://") ? "http://" + host.dropFirst(6) : host
        fetcher.get(base + path, done)
    }

    /// Docker's form: `{"name":["running"]}`.
    private var filterText: String {
        var writer = JSONWriter()
        writer.beginObject()
        for filter in filters {
            writer.key(filter.name)
            writer.beginArray()
            for value in filter.values { writer.string(value) }
            writer.endArray()
        }
        writer.endObject()
        return String(decoding: writer.finish(), as: UTF8.self)
    }

    private func groups(_ containers: JSONValue, _ networks: JSONValue) -> Result<[TargetGroup], DiscoveryFailure> {
        guard let list = containers.array else {
            return .failure(DiscoveryFailure("/containers/json gave no list: is \(host) a Docker engine?"))
        }
        var known: [String: [LabelPair]] = [:]
        for network in networks.array ?? [] {
            guard let id = network["Id"]?.string else { continue }
            known[id] = Self.labels(of: network)
        }
        return .success(list.flatMap { self.groups(of: $0, known) })
    }

    private static func labels(of network: JSONValue) -> [LabelPair] {
        let prefix = "__meta_docker_network_"
        var labels = [
            LabelPair(prefix + "id", network["Id"]?.string ?? ""),
            LabelPair(prefix + "name", network["Name"]?.string ?? ""),
            LabelPair(prefix + "scope", network["Scope"]?.string ?? ""),
            LabelPair(prefix + "internal", network["Internal"]?.bool == true ? "true" : "false"),
            LabelPair(prefix + "ingress", network["Ingress"]?.bool == true ? "true" : "false"),
        ]
        for member in network["Labels"]?.object?.members ?? [] {
            labels.append(LabelPair(prefix + "label_" + discoveryLabelName(member.key), member.value.string ?? ""))
        }
        return labels
    }

    private func groups(of container: JSONValue, _ networks: [String: [LabelPair]]) -> [TargetGroup] {
        let prefix = "__meta_docker_container_"
        let mode = container["HostConfig"]?["NetworkMode"]?.string ?? ""
        var common = [
            LabelPair(prefix + "id", container["Id"]?.string ?? ""),
            LabelPair(prefix + "name", container["Names"]?[0]?.string ?? ""), LabelPair(prefix + "network_mode", mode),
        ]
        for member in container["Labels"]?.object?.members ?? [] {
            common.append(LabelPair(prefix + "label_" + discoveryLabelName(member.key), member.value.string ?? ""))
        }
        let ports = container["Ports"]?.array ?? []
        var groups: [TargetGroup] = []
        for member in container["NetworkSettings"]?["Networks"]?.object?.members ?? [] {
            let address = member.value["IPAddress"]?.string ?? ""
            let labels =
                common + [LabelPair("__meta_docker_network_ip", address)]
                + (networks[member.value["NetworkID"]?.string ?? ""] ?? [])
            var added = false
            for port in ports where port["Type"]?.string == "tcp" {
                guard let inner = port["PrivatePort"]?.int else { continue }
                var own = labels + [LabelPair("__meta_docker_port_private", String(inner))]
                if let outer = port["PublicPort"]?.int, outer > 0 {
                    own.append(LabelPair("__meta_docker_port_public", String(outer)))
                    own.append(LabelPair("__meta_docker_port_public_ip", port["IP"]?.string ?? ""))
                }
                groups.append(TargetGroup(addresses: ["\(address):\(inner)"], labels: own))
                added = true
            }
            if !added {
                let shown = mode == "host" ? hostNetworkingHost : "\(address):\(self.port)"
                groups.append(TargetGroup(addresses: [shown], labels: labels))
            }
        }
        return groups
    }
}
