import Bedrock
import Formats
import Model
import Testing
import Transport

@testable import Agent

@Suite struct RemoteDiscoveryTests {
    private func pages(_ server: StubServer, _ url: String, _ text: String) {
        server.answer(url) { _ in .success(HTTPResponse(status: 200, body: Array(text.utf8))) }
    }

    /// What discovery with this entry finds: address and labels of each target.
    private func discover(_ server: StubServer, _ yaml: String) throws -> [String: [String: String]] {
        let jobs = try ScrapeConfiguration.read("scrape_configs: [{job_name: a, \(yaml)}]", file: "t").jobs
        let providers = TargetProviders(caller: server, files: PosixFileSystem())
        var found: [String: [String: String]] = [:]
        for configuration in jobs[0].remoteDiscovery {
            let log = Logger("test", sink: MemorySink(), clock: SystemClock())
            let discoverer = PollingDiscoverer(
                configuration, provider: providers.provider(configuration), log: log, waker: nil)
            _ = discoverer.poll(now: 1)
            _ = discoverer.poll(now: 2)
            for group in discoverer.groups {
                for address in group.addresses {
                    found[address] = Dictionary(group.labels.map { ($0.name, $0.value) }) { $1 }
                }
            }
        }
        return found
    }

    @Test func readsGroupsFromAURL() throws {
        let server = StubServer()
        pages(server, "http://sd/targets", #"[{"targets":["a:1","b:2"],"labels":{"zone":"x"}}]"#)
        let found = try discover(
            server, "http_sd_configs: [{url: 'http://sd/targets', basic_auth: {username: u, password: p}}]")
        #expect(found["a:1"] == ["zone": "x", "__meta_url": "http://sd/targets"])
        #expect(found.count == 2)
        #expect(server.calls[0].headers["X-Prometheus-Refresh-Interval-Seconds"] == "60")
        #expect(server.calls[0].options?.credentials == .basic(user: "u", password: "p"))
    }

    @Test func keepsTargetsWhileAskingFails() throws {
        let server = StubServer()
        pages(server, "http://sd/", #"[{"targets":["a:1"]}]"#)
        let configuration = RemoteDiscovery(.http(url: "http://sd/"), refreshInterval: 1)
        let provider = TargetProviders(caller: server, files: PosixFileSystem()).provider(configuration)
        let log = Logger("test", sink: MemorySink(), clock: SystemClock())
        let discoverer = PollingDiscoverer(configuration, provider: provider, log: log, waker: nil)
        #expect(!discoverer.poll(now: 0))
        #expect(discoverer.poll(now: 1))
        for bad in ["", "{}", "[1]", #"[{"targets":"a"}]"#, "[[[[[[[["] {
            pages(server, "http://sd/", bad)
            for time in 1...4 { #expect(!discoverer.poll(now: UInt64(time) * 2_000_000)) }
            #expect(discoverer.groups.flatMap { $0.addresses } == ["a:1"])
        }
        pages(server, "http://sd/", "[]")
        _ = discoverer.poll(now: 100_000_000)
        #expect(discoverer.poll(now: 100_000_001) && discoverer.groups.isEmpty)
    }

    @Test func makesTargetsOfContainers() throws {
        let server = StubServer()
        pages(
            server, "http://engine:2375/networks",
            #"[{"Id":"n1","Name":"front","Scope":"local","Internal":false,"Ingress":false,"Labels":{"a.b":"c"}}]"#)
        pages(
            server, "http://engine:2375/containers/json",
            #"""
            [{"Id":"c1","Names":["/web"],"Labels":{"com.example/app":"shop"},"HostConfig":{"NetworkMode":"front"},
              "Ports":[{"IP":"0.0.0.0","PrivatePort":8080,"PublicPort":80,"Type":"tcp"},{"PrivatePort":53,"Type":"udp"}],
              "NetworkSettings":{"Networks":{"front":{"IPAddress":"10.0.0.2","NetworkID":"n1"}}}},
             {"Id":"c2","Names":["/bare"],"HostConfig":{"NetworkMode":"host"},"Ports":[],
              "NetworkSettings":{"Networks":{"host":{"IPAddress":"","NetworkID":"n2"}}}}]
            """#)
        let found = try discover(server, "docker_sd_configs: [{host: 'tcp://engine:2375'}]")
        #expect(found.count == 2 && found["localhost"] != nil)
        let web = try #require(found["10.0.0.2:8080"])
        #expect(web["__meta_docker_container_name"] == "/web")
        #expect(web["__meta_docker_container_label_com_example_app"] == "shop")
        #expect(web["__meta_docker_network_name"] == "front" && web["__meta_docker_network_label_a_b"] == "c")
        #expect(web["__meta_docker_port_public"] == "80")
    }

    @Test func asksDockerThroughItsSocket() throws {
        let server = StubServer()
        pages(server, "http://docker/networks", "[]")
        pages(server, "http://docker/containers/json?filters=%7B%22name%22%3A%5B%22web%22%5D%7D", "[]")
        _ = try discover(
            server,
            "docker_sd_configs: [{host: 'unix:///var/run/docker.sock', filters: [{name: name, values: [web]}]}]")
        #expect(server.calls.map(\.options?.unixSocket) == ["/var/run/docker.sock", "/var/run/docker.sock"])
        #expect(server.calls[1].url.contains("filters="))
    }

    @Test func makesTargetsOfPodsInPages() throws {
        let server = StubServer()
        let pod = { (name: String, ip: String) in
            #"""
            {"metadata":{"name":"\#(name)","namespace":"shop","uid":"u","labels":{"app.kubernetes.io/name":"web"},
              "annotations":{"prometheus.io/scrape":"true"},
              "ownerReferences":[{"kind":"ReplicaSet","name":"web-1","controller":true}]},
             "spec":{"nodeName":"n1","containers":[{"name":"main","image":"web:2","ports":[{"name":"http","containerPort":8080}]}]},
             "status":{"podIP":"\#(ip)","hostIP":"192.168.0.1","phase":"Running",
              "conditions":[{"type":"Ready","status":"True"}],
              "containerStatuses":[{"name":"main","containerID":"containerd://x"}]}}
            """#
        }
        let path = "http://api:6443/api/v1/namespaces/shop/pods?limit=500"
        pages(server, path, #"{"metadata":{"continue":"next/1"},"items":["# + pod("web-a", "10.1.0.1") + "]}")
        pages(server, path + "&continue=next%2F1", #"{"metadata":{},"items":["# + pod("web-b", "fd00::1") + "]}")
        let found = try discover(
            server,
            "kubernetes_sd_configs: [{role: pod, api_server: 'http://api:6443/', namespaces: {names: [shop]}}]")
        #expect(Set(found.keys) == ["10.1.0.1:8080", "[fd00::1]:8080"])
        let labels = try #require(found["10.1.0.1:8080"])
        let expected = [
            "__meta_kubernetes_namespace": "shop", "__meta_kubernetes_pod_name": "web-a",
            "__meta_kubernetes_pod_ready": "true", "__meta_kubernetes_pod_phase": "Running",
            "__meta_kubernetes_pod_label_app_kubernetes_io_name": "web",
            "__meta_kubernetes_pod_labelpresent_app_kubernetes_io_name": "true",
            "__meta_kubernetes_pod_annotation_prometheus_io_scrape": "true",
            "__meta_kubernetes_pod_controller_kind": "ReplicaSet", "__meta_kubernetes_pod_container_name": "main",
            "__meta_kubernetes_pod_container_port_name": "http", "__meta_kubernetes_pod_container_port_number": "8080",
            "__meta_kubernetes_pod_container_id": "containerd://x", "__meta_kubernetes_pod_node_name": "n1",
        ]
        for (name, value) in expected { #expect(labels[name] == value, "\(name)") }
    }

    @Test func joinsEndpointsWithServicesAndPods() throws {
        let server = StubServer()
        let base = "http://api"
        pages(
            server, base + "/apis/discovery.k8s.io/v1/endpointslices?limit=500",
            #"""
            {"items":[{"metadata":{"name":"web-x","namespace":"shop","labels":{"kubernetes.io/service-name":"web"}},
              "addressType":"IPv4","ports":[{"name":"http","port":8080,"protocol":"TCP"}],
              "endpoints":[{"addresses":["10.1.0.1"],"conditions":{"ready":true},"targetRef":{"kind":"Pod","name":"web-a","namespace":"shop"}}]}]}
            """#)
        pages(
            server, base + "/api/v1/services?limit=500",
            #"{"items":[{"metadata":{"name":"web","namespace":"shop","labels":{"tier":"front"}},"spec":{"ports":[{"port":80}]}}]}"#
        )
        pages(
            server, base + "/api/v1/pods?limit=500",
            #"{"items":[{"metadata":{"name":"web-a","namespace":"shop"},"spec":{"containers":[{"name":"main","ports":[{"containerPort":8080}]}]},"status":{"podIP":"10.1.0.1"}}]}"#
        )
        let slice = try #require(
            try discover(server, "kubernetes_sd_configs: [{role: endpointslice, api_server: 'http://api'}]")[
                "10.1.0.1:8080"])
        #expect(slice["__meta_kubernetes_service_name"] == "web")
        #expect(slice["__meta_kubernetes_service_label_tier"] == "front")
        #expect(slice["__meta_kubernetes_pod_container_name"] == "main")
        #expect(slice["__meta_kubernetes_endpointslice_endpoint_conditions_ready"] == "true")
        let service = try discover(server, "kubernetes_sd_configs: [{role: service, api_server: 'http://api'}]")
        #expect(service["web.shop.svc:80"]?["__meta_kubernetes_service_name"] == "web")
    }

    @Test func makesTargetsOfNodesAndIngresses() throws {
        let server = StubServer()
        pages(
            server, "http://api/api/v1/nodes?limit=500&labelSelector=role%3Dworker",
            #"{"items":[{"metadata":{"name":"n1","labels":{"zone":"a"}},"spec":{"providerID":"p"},"status":{"addresses":[{"type":"Hostname","address":"h"},{"type":"InternalIP","address":"10.0.0.9"}],"daemonEndpoints":{"kubeletEndpoint":{"Port":10250}}}}]}"#
        )
        let nodes = try discover(
            server,
            "kubernetes_sd_configs: [{role: node, api_server: 'http://api', selectors: [{role: node, label: 'role=worker'}]}]"
        )
        #expect(nodes["10.0.0.9:10250"]?["__meta_kubernetes_node_label_zone"] == "a")
        #expect(nodes["10.0.0.9:10250"]?["instance"] == "n1")
        pages(
            server, "http://api/apis/networking.k8s.io/v1/ingresses?limit=500",
            #"{"items":[{"metadata":{"name":"i","namespace":"s"},"spec":{"tls":[{"hosts":["x.org"]}],"rules":[{"host":"x.org","http":{"paths":[{"path":"/a"}]}}]}}]}"#
        )
        let ingresses = try discover(server, "kubernetes_sd_configs: [{role: ingress, api_server: 'http://api'}]")
        #expect(ingresses["x.org"]?["__meta_kubernetes_ingress_scheme"] == "https")
        #expect(ingresses["x.org"]?["__meta_kubernetes_ingress_path"] == "/a")
    }
}
