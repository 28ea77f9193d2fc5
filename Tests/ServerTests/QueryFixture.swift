import Bedrock
import Formats
import Model
import PromQL
import Synchronization
import Testing
import Transport

@testable import QueryServer

/// A query API on a real server over a small set of series, at a fixed time.
final class QueryFixture: Sendable {
    /// 2023-11-14T22:13:20Z
    static let now: Int64 = 1_700_000_000_000

    let source: QuerySource
    let api: QueryAPI
    let server: HTTPServer
    let client = HTTPClient()
    let log = MemorySink()

    init(
        _ source: QuerySource = QueryFixture.source(), options: QueryOptions = QueryOptions(),
        _ adjust: (inout QueryDependencies) -> Void = { _ in }
    ) throws {
        self.source = source
        var dependencies = QueryDependencies(source: source)
        dependencies.clock = FixedClock(milliseconds: Self.now)
        dependencies.logger = Logger("query", sink: log, clock: dependencies.clock)
        adjust(&dependencies)
        api = QueryAPI(dependencies, options: options)
        server = HTTPServer(HTTPServerOptions(), routes: api.routes())
        try server.start()
    }

    deinit {
        server.shutdown(deadlineSeconds: 1)
        api.stop()
    }

    /// Ten minutes of `up` for two instances and one counter, every 15 s, ending now; one series has ended; one has odd names.
    static func source() -> QuerySource {
        func samples(_ value: (Int) -> Double) -> [(timestamp: Int64, value: Double)] {
            (0...40).map { (now - 600_000 + Int64($0) * 15_000, value($0)) }
        }
        return QuerySource(
            [
                .init(
                    labels: Labels(["__name__": "up", "instance": "a:1", "job": "node"]), samples: samples { _ in 1 }),
                .init(
                    labels: Labels(["__name__": "up", "instance": "b:1", "job": "node"]),
                    samples: samples { $0 == 40 ? 0 : 1 }),
                .init(
                    labels: Labels(["__name__": "requests_total", "instance": "a:1", "path": "/say \"hi\"\n"]),
                    samples: samples { Double($0) * 1.5 }),
                .init(
                    labels: Labels(["__name__": "traced_total"]),
                    exemplars: [
                        Exemplar(labels: .empty, value: 1, timestamp: 2000),
                        Exemplar(labels: Labels(["trace_id": "4bf9"]), value: .infinity, timestamp: 2_000_500),
                    ]),
                .init(
                    labels: Labels(["__name__": "gone", "instance": "a:1"]),
                    samples: samples { $0 == 40 ? StaleMarker.value : 7 }),
                .init(labels: Labels(["__name__": "http.status", "host.name": "ü"]), samples: samples { _ in 1e-7 }),
            ],
            metadata: [
                MetricMetadata(family: "requests_total", kind: .counter, help: "Requests.", unit: ""),
                MetricMetadata(family: "up", kind: .gauge, help: "Whether it \"answers\".", unit: ""),
                MetricMetadata(family: "up", kind: .unknown),
            ])
    }

    func get(_ path: String, _ parameters: [(name: String, value: String)] = []) throws -> HTTPResponse {
        let query = parameters.isEmpty ? "" : "?" + PercentCoding.form(parameters)
        return try client.call(HTTPCall(.get, server.url + path + query))
    }

    func post(_ path: String, _ parameters: [(name: String, value: String)]) throws -> HTTPResponse {
        try client.call(
            HTTPCall(
                .post, server.url + path, headers: ["Content-Type": "application/x-www-form-urlencoded"],
                body: Array(PercentCoding.form(parameters).utf8)))
    }

    func text(_ path: String, _ parameters: [(name: String, value: String)] = []) throws -> String {
        try get("/api/v1/" + path, parameters).text
    }
}

extension HTTPResponse {
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// A wall clock that stands still; its monotonic time goes on.
struct FixedClock: ClockSource {
    let milliseconds: Int64

    func now() -> Int64 { milliseconds }
    func monotonicNanoseconds() -> UInt64 { SystemClock().monotonicNanoseconds() }
}

/// A door that reads wait at.
final class QueryGate: Sendable {
    private let isOpen = Atomic<Bool>(false)
    private let waiting = Atomic<Int>(0)

    var waitingCount: Int { waiting.load(ordering: .relaxed) }

    func open() { isOpen.store(true, ordering: .relaxed) }

    func pass(_ cancellation: Cancellation) throws {
        waiting.add(1, ordering: .relaxed)
        defer { waiting.subtract(1, ordering: .relaxed) }
        while !isOpen.load(ordering: .relaxed) {
            try cancellation.check()
            queryPause(milliseconds: 2)
        }
    }
}
