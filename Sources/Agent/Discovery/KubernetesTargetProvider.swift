import Bedrock
import Formats
import Synchronization
import Transport

/// `kubernetes_sd_configs`: targets from the lists of a cluster's API, with the labels that Prometheus gives them. Lists are asked for anew at each
/// refresh, in pages; there is no watch.
struct KubernetesTargetProvider: TargetProvider {
    /// Without a slash at the end.
    let server: String
    let role: KubernetesRole
    /// Empty: all of them.
    let namespaces: [String]
    let selectors: [KubernetesSelector]
    let fetcher: DiscoveryFetcher

    private static let pageItems = 500
    private static let itemsMax = 100_000

    func fetch(_ done: @escaping @Sendable (Result<[TargetGroup], DiscoveryFailure>) -> Void) {
        let needed = KubernetesObjects.lists(for: role)
        collect(needed.flatMap { list in paths(list) }, [:]) { [role] result in
            done(result.map { KubernetesObjects($0).groups(role) })
        }
    }

    /// One path a namespace; nodes have none.
    private func paths(_ list: KubernetesObjects.List) -> [(KubernetesObjects.List, String)] {
        let api =
            list == .endpointSlices
            ? "/apis/discovery.k8s.io/v1" : list == .ingresses ? "/apis/networking.k8s.io/v1" : "/api/v1"
        var query = "?limit=\(Self.pageItems)"
        for selector in selectors where KubernetesObjects.lists(for: selector.role).first == list {
            if !selector.label.isEmpty { query += "&labelSelector=" + PercentCoding.encode(selector.label) }
            if !selector.field.isEmpty { query += "&fieldSelector=" + PercentCoding.encode(selector.field) }
        }
        if list == .nodes || namespaces.isEmpty { return [(list, "\(api)/\(list.rawValue)\(query)")] }
        return namespaces.map { (list, "\(api)/namespaces/\(PercentCoding.encode($0))/\(list.rawValue)\(query)") }
    }

    private func collect(
        _ paths: [(KubernetesObjects.List, String)], _ items: [KubernetesObjects.List: [JSONValue]],
        continuing token: String = "",
        _ done: @escaping @Sendable (Result<[KubernetesObjects.List: [JSONValue]], DiscoveryFailure>) -> Void
    ) {
        guard let (list, path) = paths.first else { return done(.success(items)) }
        let page = token.isEmpty ? path : path + "&continue=" + PercentCoding.encode(token)
        fetcher.get(server + page) { result in
            switch result {
            case .failure(let failure): done(.failure(DiscoveryFailure("\(path): \(failure)")))
            case .success(let document):
                guard let found = document["items"]?.array else {
                    return done(.failure(DiscoveryFailure("\(path): the answer has no items")))
                }
                var items = items
                items[list, default: []] += found
                guard items[list, default: []].count <= Self.itemsMax else {
                    return done(
                        .failure(DiscoveryFailure("\(path): over \(Self.itemsMax) items; narrow it by selectors")))
                }
                let next = document["metadata"]?["continue"]?.string ?? ""
                collect(next.isEmpty ? Array(paths.dropFirst()) : paths, items, continuing: next, done)
            }
        }
    }
}
