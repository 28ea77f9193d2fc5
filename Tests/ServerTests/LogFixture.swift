import Bedrock
import Formats
import LSM
import LogStore
import Model
import Synchronization
import Testing
import Transport

@testable import QueryServer

/// The Loki API on a real server over a real engine on a simulated disk, at a fixed time.
final class LogFixture: @unchecked Sendable {
    /// 2023-11-14T22:13:20Z, nanoseconds.
    static let now: Int64 = 1_700_000_000_000_000_000
    static let second: Int64 = 1_000_000_000

    let store: LogStoreRig
    let feed = TestFeed()
    let deletions = TestDeletions()
    let api: QueryAPI
    let server: HTTPServer
    let client = HTTPClient()

    init(
        options: QueryOptions = QueryOptions(), _ adjust: (inout QueryDependencies) -> Void = { _ in }
    ) throws {
        store = try LogStoreRig()
        var dependencies = QueryDependencies(source: QuerySource([]))
        dependencies.clock = FixedClock(milliseconds: Self.now / 1_000_000)
        dependencies.logs = LogEngineSource(store.engine)
        dependencies.feed = feed
        dependencies.deletions = deletions
        dependencies.tenant = { $0.headers["X-Scope-OrgID"].map { Tenant($0) } ?? .default }
        adjust(&dependencies)
        api = QueryAPI(dependencies, options: options)
        server = HTTPServer(HTTPServerOptions(), routes: api.routes())
        try server.start()
    }

    deinit {
        server.shutdown(deadlineSeconds: 1)
        api.stop()
    }

    /// Stores a batch and tells those who follow.
    func write(_ batch: LogBatch, tenant: Tenant = .default) throws {
        try store.write(batch, tenant: tenant)
        feed.tell(batch, tenant)
    }

    /// `count` lines a second apart, the last one a second ago.
    func fill(_ labels: Labels, count: Int, metadata: Labels = .empty, _ line: (Int) -> String) throws {
        let batch = LogBatch()
        batch.beginStream(labels)
        for i in 0..<count {
            batch.append(timestamp: Self.now - Int64(count - i) * Self.second, line: line(i), metadata: metadata)
        }
        try write(batch)
    }

    func url(_ path: String, _ parameters: [(name: String, value: String)] = []) -> String {
        server.url + path + (parameters.isEmpty ? "" : "?" + PercentCoding.form(parameters))
    }

    func get(
        _ path: String, _ parameters: [(name: String, value: String)] = [], headers: HTTPHeaders = .init()
    ) throws -> HTTPResponse {
        try client.call(HTTPCall(.get, url("/loki/api/v1/" + path, parameters), headers: headers))
    }

    func send(
        _ method: HTTPMethod, _ path: String, _ parameters: [(name: String, value: String)] = []
    ) throws -> HTTPResponse {
        try client.call(HTTPCall(method, url("/loki/api/v1/" + path, parameters)))
    }

    /// The answer as JSON; it must be a success.
    func json(
        _ path: String, _ parameters: [(name: String, value: String)] = [], headers: HTTPHeaders = .init(),
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> JSONValue {
        let response = try get(path, parameters, headers: headers)
        #expect(response.status == 200, "\(response.text)", sourceLocation: sourceLocation)
        return try JSONValue(parsing: response.text)
    }
}

/// An engine of logs on a simulated disk, its workers stepped by whoever writes.
final class LogStoreRig: @unchecked Sendable {
    let engine: SignalEngine<LogFormat>
    private let directory: DataDirectory
    private let scheduler: SeededScheduler

    init() throws {
        let clock = SimulatedClock()
        let files = SimulatedFileSystem(seed: 7, clock: clock)
        let catalog = MemoryCatalog(transact: { (name, body) throws(FileError) in try files.external(name, body) })
        var options = LSM.EngineOptions()
        options.shardCount = 2
        options.recoveryThreads = 1
        options.retentionMilliseconds = 100 * 365 * 24 * 3_600_000
        directory = try DataDirectory("/data", fileSystem: files, clock: clock, ballastBytes: 4096, catalog: catalog)
        let environment = directory.environment(options: options, budget: MemoryBudget(byteCountMax: 1 << 30))
        engine = try SignalEngine(format: LogFormat(), options: options, environment: environment)
        scheduler = SeededScheduler(seed: 7, clock: clock)
        scheduler.add(engine.workers)
    }

    func write(_ batch: LogBatch, tenant: Tenant) throws {
        for shard in 0..<engine.shardCount {
            let own = batch.streams.indices.filter {
                Int(batch.labels($0).hash128.high % UInt64(engine.shardCount)) == shard
            }
            if own.isEmpty { continue }
            let record = WriteRecord(tenant: tenant)
            record.withPayload { LogRecord.encode(batch, streams: own, into: &$0) }
            try wait { engine.submit(record, shard: shard, done: $0) }
        }
    }

    func flush() throws { try wait { engine.flush(done: $0) } }

    /// As `wait`, for those who answer with a value.
    func answer<Value: Sendable>(
        _ body: (@escaping @Sendable (Result<Value, WriteError>) -> Void) -> Void, then: (Value) -> Void
    ) throws {
        let kept = Mutex<Value?>(nil)
        try wait { done in
            body { result in
                if case .success(let value) = result { kept.withLock { $0 = value } }
                done(result.map { _ in })
            }
        }
        then(try #require(kept.withLock { $0 }))
    }

    private func wait(_ body: (@escaping @Sendable (Result<Void, WriteError>) -> Void) -> Void) throws {
        let kept = Kept()
        body { kept.set($0) }
        _ = scheduler.run(steps: 5000) { kept.value != nil }
        try #require(kept.value).get()
    }

    private final class Kept: Sendable {
        private let state = Mutex<Result<Void, WriteError>?>(nil)

        var value: Result<Void, WriteError>? { state.withLock { $0 } }

        func set(_ value: Result<Void, WriteError>) { state.withLock { $0 = value } }
    }
}

/// Tells followers what a test writes.
final class TestFeed: LogFeed {
    private final class Follower: LogSubscription {
        let tenant: Tenant
        let receive: @Sendable (LogBatch) -> Void

        init(_ tenant: Tenant, _ receive: @escaping @Sendable (LogBatch) -> Void) {
            self.tenant = tenant
            self.receive = receive
        }
    }

    private struct Weak: @unchecked Sendable {
        weak var follower: Follower?
    }

    private let followers = Mutex<[Weak]>([])

    var followerCount: Int { followers.withLock { $0.filter { $0.follower != nil }.count } }

    func follow(tenant: Tenant, _ receive: @escaping @Sendable (LogBatch) -> Void) -> any LogSubscription {
        let follower = Follower(tenant, receive)
        followers.withLock { $0.append(Weak(follower: follower)) }
        return follower
    }

    func tell(_ batch: LogBatch, _ tenant: Tenant) {
        for follower in followers.withLock({ $0.compactMap(\.follower) }) where follower.tenant == tenant {
            follower.receive(batch)
        }
    }
}

/// Keeps requests for deletions, for tests of the API alone.
final class TestDeletions: LogDeletions {
    private let kept = Mutex<[LogDeletion]>([])

    func request(
        tenant: Tenant, matchers: [Matcher], range: LogTimeRange, filters: [LineFilter], metadataMatchers: [Matcher],
        done: @escaping @Sendable (Result<String, WriteError>) -> Void
    ) {
        let id = kept.withLock { kept -> String in
            let id = "d\(kept.count)"
            kept.append(
                LogDeletion(
                    id: id, query: "\(matchers.count) matchers, \(filters.count) filters", range: range,
                    createdAt: 1000,
                    state: .received))
            return id
        }
        done(.success(id))
    }

    func requests(tenant: Tenant) -> [LogDeletion] { tenant == .default ? kept.withLock { $0.reversed() } : [] }

    func advance(_ id: String, to state: LogDeletion.State) {
        kept.withLock { kept in
            for i in kept.indices where kept[i].id == id { kept[i].state = state }
        }
    }

    func cancel(tenant: Tenant, id: String) -> Bool? {
        kept.withLock { kept in
            guard let at = kept.firstIndex(where: { $0.id == id }) else { return nil }
            guard kept[at].state == .received else { return false }
            kept.remove(at: at)
            return true
        }
    }
}
