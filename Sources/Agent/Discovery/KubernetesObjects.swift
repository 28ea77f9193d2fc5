import Bedrock
import Formats

/// What a cluster's API lists, and the targets that its roles make of it.
struct KubernetesObjects {
    /// A kind of object, as its path names it.
    enum List: String, Hashable, Sendable {
        case nodes, pods, services, endpoints, ingresses
        case endpointSlices = "endpointslices"
    }

    private let items: [List: [JSONValue]]
    /// By namespace and name.
    private var pods: [String: JSONValue] = [:]
    private var services: [String: JSONValue] = [:]

    private static let meta = "__meta_kubernetes_"

    init(_ items: [List: [JSONValue]]) {
        self.items = items
        for pod in items[.pods] ?? [] { pods[Self.key(pod)] = pod }
        for service in items[.services] ?? [] { services[Self.key(service)] = service }
    }

    /// What a role is made of, its own objects first.
    static func lists(for role: KubernetesRole) -> [List] {
        switch role {
        case .node: [.nodes]
        case .pod: [.pods]
        case .service: [.services]
        case .ingress: [.ingresses]
        case .endpoints: [.endpoints, .services, .pods]
        case .endpointslice: [.endpointSlices, .services, .pods]
        }
    }

    func groups(_ role: KubernetesRole) -> [TargetGroup] {
        switch role {
        case .node: (items[.nodes] ?? []).compactMap(node)
        case .pod: (items[.pods] ?? []).flatMap(podGroups)
        case .service: (items[.services] ?? []).flatMap(serviceGroups)
        case .ingress: (items[.ingresses] ?? []).flatMap(ingressGroups)
        case .endpoints: (items[.endpoints] ?? []).flatMap(endpointGroups)
        case .endpointslice: (items[.endpointSlices] ?? []).flatMap(sliceGroups)
        }
    }

    // MARK: Labels

    private static func name(_ object: JSONValue) -> String { object["metadata"]?["name"]?.string ?? "" }
    private static func namespace(_ object: JSONValue) -> String { object["metadata"]?["namespace"]?.string ?? "" }
    private static func key(_ object: JSONValue) -> String { namespace(object) + "/" + name(object) }

    /// Name, labels and annotations of an object.
    private static func labels(_ object: JSONValue, _ kind: String, hasNamespace: Bool = true) -> [LabelPair] {
        var labels = hasNamespace ? [LabelPair(meta + "namespace", namespace(object))] : []
        labels.append(LabelPair(meta + kind + "_name", name(object)))
        for (member, word) in [("labels", "label"), ("annotations", "annotation")] {
            for pair in object["metadata"]?[member]?.object?.members ?? [] {
                let name = discoveryLabelName(pair.key)
                labels.append(LabelPair("\(meta)\(kind)_\(word)_\(name)", pair.value.string ?? ""))
                labels.append(LabelPair("\(meta)\(kind)_\(word)present_\(name)", "true"))
            }
        }
        return labels
    }

    private static func bracketed(_ address: String) -> String { address.contains(":") ? "[\(address)]" : address }

    // MARK: Nodes

    private func node(_ node: JSONValue) -> TargetGroup? {
        let addresses = node["status"]?["addresses"]?.array ?? []
        let order = ["InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname"]
        var address: String?
        for type in order where address == nil {
            address = addresses.first { $0["type"]?.string == type }?["address"]?.string
        }
        guard let address else { return nil }
        let port = node["status"]?["daemonEndpoints"]?["kubeletEndpoint"]?["Port"]?.int ?? 10_250
        var labels = Self.labels(node, "node", hasNamespace: false)
        labels.append(LabelPair(Self.meta + "node_provider_id", node["spec"]?["providerID"]?.string ?? ""))
        var seen: Set<String> = []
        for one in addresses {
            guard let type = one["type"]?.string, seen.insert(type).inserted else { continue }
            labels.append(
                LabelPair(Self.meta + "node_address_" + discoveryLabelName(type), one["address"]?.string ?? ""))
        }
        labels.append(LabelPair("instance", Self.name(node)))
        return TargetGroup(addresses: ["\(Self.bracketed(address)):\(port)"], labels: labels)
    }

    // MARK: Pods

    private func podLabels(_ pod: JSONValue) -> [LabelPair] {
        let prefix = Self.meta + "pod_"
        var labels = Self.labels(pod, "pod")
        let ready = pod["status"]?["conditions"]?.array?.first { $0["type"]?.string == "Ready" }
        labels.append(LabelPair(prefix + "ip", pod["status"]?["podIP"]?.string ?? ""))
        labels.append(LabelPair(prefix + "ready", (ready?["status"]?.string ?? "unknown").lowercased()))
        labels.append(LabelPair(prefix + "phase", pod["status"]?["phase"]?.string ?? ""))
        labels.append(LabelPair(prefix + "node_name", pod["spec"]?["nodeName"]?.string ?? ""))
        labels.append(LabelPair(prefix + "host_ip", pod["status"]?["hostIP"]?.string ?? ""))
        labels.append(LabelPair(prefix + "uid", pod["metadata"]?["uid"]?.string ?? ""))
        if let owner = (pod["metadata"]?["ownerReferences"]?.array ?? []).first(where: {
            $0["controller"]?.bool == true
        }) {
            labels.append(LabelPair(prefix + "controller_kind", owner["kind"]?.string ?? ""))
            labels.append(LabelPair(prefix + "controller_name", owner["name"]?.string ?? ""))
        }
        return labels
    }

    private func containerLabels(_ container: JSONValue, _ pod: JSONValue, isInit: Bool) -> [LabelPair] {
        let prefix = Self.meta + "pod_container_"
        let name = container["name"]?.string ?? ""
        let statuses = pod["status"]?[isInit ? "initContainerStatuses" : "containerStatuses"]?.array ?? []
        return [
            LabelPair(prefix + "name", name), LabelPair(prefix + "image", container["image"]?.string ?? ""),
            LabelPair(prefix + "init", isInit ? "true" : "false"),
            LabelPair(
                prefix + "id", statuses.first { $0["name"]?.string == name }?["containerID"]?.string ?? ""),
        ]
    }

    private func portLabels(_ port: JSONValue, _ number: Int) -> [LabelPair] {
        let prefix = Self.meta + "pod_container_port_"
        return [
            LabelPair(prefix + "name", port["name"]?.string ?? ""), LabelPair(prefix + "number", String(number)),
            LabelPair(prefix + "protocol", port["protocol"]?.string ?? "TCP"),
        ]
    }

    private func containers(_ pod: JSONValue) -> [(container: JSONValue, isInit: Bool)] {
        (pod["spec"]?["containers"]?.array ?? []).map { ($0, false) }
            + (pod["spec"]?["initContainers"]?.array ?? []).map { ($0, true) }
    }

    private func podGroups(_ pod: JSONValue) -> [TargetGroup] {
        guard let address = pod["status"]?["podIP"]?.string, !address.isEmpty else { return [] }
        let common = podLabels(pod)
        return containers(pod).flatMap { container, isInit -> [TargetGroup] in
            let labels = common + containerLabels(container, pod, isInit: isInit)
            let ports = container["ports"]?.array ?? []
            if ports.isEmpty { return [TargetGroup(addresses: [address], labels: labels)] }
            return ports.compactMap { port in
                guard let number = port["containerPort"]?.int else { return nil }
                return TargetGroup(
                    addresses: ["\(Self.bracketed(address)):\(number)"], labels: labels + portLabels(port, number))
            }
        }
    }

    // MARK: Services and ingresses

    private func serviceGroups(_ service: JSONValue) -> [TargetGroup] {
        let prefix = Self.meta + "service_"
        let host = "\(Self.name(service)).\(Self.namespace(service)).svc"
        let type = service["spec"]?["type"]?.string ?? ""
        return (service["spec"]?["ports"]?.array ?? []).compactMap { port in
            guard let number = port["port"]?.int else { return nil }
            var labels = Self.labels(service, "service")
            labels.append(LabelPair(prefix + "port_name", port["name"]?.string ?? ""))
            labels.append(LabelPair(prefix + "port_number", String(number)))
            labels.append(LabelPair(prefix + "port_protocol", port["protocol"]?.string ?? "TCP"))
            labels.append(LabelPair(prefix + "type", type))
            if type == "ExternalName" {
                labels.append(LabelPair(prefix + "external_name", service["spec"]?["externalName"]?.string ?? ""))
            } else {
                labels.append(LabelPair(prefix + "cluster_ip", service["spec"]?["clusterIP"]?.string ?? ""))
            }
            return TargetGroup(addresses: ["\(host):\(number)"], labels: labels)
        }
    }

    private func ingressGroups(_ ingress: JSONValue) -> [TargetGroup] {
        let prefix = Self.meta + "ingress_"
        var secured: Set<String> = []
        for tls in ingress["spec"]?["tls"]?.array ?? [] {
            for host in tls["hosts"]?.array ?? [] { if let host = host.string { secured.insert(host) } }
        }
        let common =
            Self.labels(ingress, "ingress") + [
                LabelPair(prefix + "class_name", ingress["spec"]?["ingressClassName"]?.string ?? "")
            ]
        return (ingress["spec"]?["rules"]?.array ?? []).flatMap { rule -> [TargetGroup] in
            let host = rule["host"]?.string ?? "*"
            let paths = (rule["http"]?["paths"]?.array ?? []).map { $0["path"]?.string ?? "/" }
            return (paths.isEmpty ? ["/"] : paths).map { path in
                TargetGroup(
                    addresses: [host],
                    labels: common + [
                        LabelPair(prefix + "scheme", secured.contains(host) ? "https" : "http"),
                        LabelPair(prefix + "host", host), LabelPair(prefix + "path", path),
                    ])
            }
        }
    }

    // MARK: Endpoints

    /// Labels of the service of the same name, and of the pod an address belongs to, with the container whose port it is.
    private func related(service: String, namespace: String, target: JSONValue?, port: Int?) -> [LabelPair] {
        var labels: [LabelPair] = []
        if let found = services["\(namespace)/\(service)"] {
            labels += Self.labels(found, "service").filter { $0.name != Self.meta + "namespace" }
        }
        guard target?["kind"]?.string == "Pod", let name = target?["name"]?.string,
            let pod = pods["\(target?["namespace"]?.string ?? namespace)/\(name)"]
        else { return labels }
        labels += podLabels(pod).filter { $0.name != Self.meta + "namespace" }
        for (container, isInit) in containers(pod) {
            for own in container["ports"]?.array ?? [] where port != nil && own["containerPort"]?.int == port {
                return labels + containerLabels(container, pod, isInit: isInit) + portLabels(own, port ?? 0)
            }
        }
        return labels
    }

    private func endpointGroups(_ endpoints: JSONValue) -> [TargetGroup] {
        let prefix = Self.meta + "endpoint_"
        let (namespace, name) = (Self.namespace(endpoints), Self.name(endpoints))
        let common = Self.labels(endpoints, "endpoints")
        return (endpoints["subsets"]?.array ?? []).flatMap { subset -> [TargetGroup] in
            (subset["ports"]?.array ?? []).flatMap { port -> [TargetGroup] in
                guard let number = port["port"]?.int else { return [] }
                return [("addresses", "true"), ("notReadyAddresses", "false")].flatMap {
                    member, ready -> [TargetGroup] in
                    (subset[member]?.array ?? []).compactMap { address in
                        guard let ip = address["ip"]?.string else { return nil }
                        var labels =
                            common + [
                                LabelPair(prefix + "port_name", port["name"]?.string ?? ""),
                                LabelPair(prefix + "port_protocol", port["protocol"]?.string ?? "TCP"),
                                LabelPair(prefix + "ready", ready),
                            ]
                        if let node = address["nodeName"]?.string {
                            labels.append(LabelPair(prefix + "node_name", node))
                        }
                        if let host = address["hostname"]?.string {
                            labels.append(LabelPair(prefix + "hostname", host))
                        }
                        if let target = address["targetRef"] {
                            labels.append(LabelPair(prefix + "address_target_kind", target["kind"]?.string ?? ""))
                            labels.append(LabelPair(prefix + "address_target_name", target["name"]?.string ?? ""))
                        }
                        labels += related(
                            service: name, namespace: namespace, target: address["targetRef"], port: number)
                        return TargetGroup(addresses: ["\(Self.bracketed(ip)):\(number)"], labels: labels)
                    }
                }
            }
        }
    }

    private func sliceGroups(_ slice: JSONValue) -> [TargetGroup] {
        let prefix = Self.meta + "endpointslice_"
        let namespace = Self.namespace(slice)
        let service = slice["metadata"]?["labels"]?["kubernetes.io/service-name"]?.string ?? ""
        let common =
            Self.labels(slice, "endpointslice") + [
                LabelPair(prefix + "address_type", slice["addressType"]?.string ?? "")
            ]
        return (slice["ports"]?.array ?? []).flatMap { port -> [TargetGroup] in
            guard let number = port["port"]?.int else { return [] }
            return (slice["endpoints"]?.array ?? []).flatMap { endpoint -> [TargetGroup] in
                var labels =
                    common + [
                        LabelPair(prefix + "port_name", port["name"]?.string ?? ""),
                        LabelPair(prefix + "port", String(number)),
                        LabelPair(prefix + "port_protocol", port["protocol"]?.string ?? "TCP"),
                    ]
                for condition in ["ready", "serving", "terminating"] {
                    guard let state = endpoint["conditions"]?[condition]?.bool else { continue }
                    labels.append(LabelPair(prefix + "endpoint_conditions_" + condition, state ? "true" : "false"))
                }
                if let node = endpoint["nodeName"]?.string {
                    labels.append(LabelPair(prefix + "endpoint_node_name", node))
                }
                if let zone = endpoint["zone"]?.string { labels.append(LabelPair(prefix + "endpoint_zone", zone)) }
                if let target = endpoint["targetRef"] {
                    labels.append(LabelPair(prefix + "address_target_kind", target["kind"]?.string ?? ""))
                    labels.append(LabelPair(prefix + "address_target_name", target["name"]?.string ?? ""))
                }
                labels += related(service: service, namespace: namespace, target: endpoint["targetRef"], port: number)
                return (endpoint["addresses"]?.array ?? []).compactMap { address in
                    address.string.map {
                        TargetGroup(addresses: ["\(Self.bracketed($0)):\(number)"], labels: labels)
                    }
                }
            }
        }
    }
}
