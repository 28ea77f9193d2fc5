import Bedrock
import LSM
import Model
import Synchronization

@testable import LogStore

/// An engine of logs on a simulated disk, driven step by step.
final class LogRig {
    let fileSystem: SimulatedFileSystem
    let clock = SimulatedClock()
    let catalog: MemoryCatalog
    var options = EngineOptions()
    let seed: UInt64
    private(set) var engine: SignalEngine<LogFormat>!
    private(set) var scheduler: SeededScheduler
    private var directory: DataDirectory?

    init(seed: UInt64 = 1, _ change: (inout EngineOptions) -> Void = { _ in }) {
        self.seed = seed
        fileSystem = SimulatedFileSystem(seed: seed, clock: clock)
        let fileSystem = fileSystem
        catalog = MemoryCatalog(transact: { (name, body) throws(FileError) in try fileSystem.external(name, body) })
        scheduler = SeededScheduler(seed: seed, clock: clock)
        options.shardCount = 2
        options.recoveryThreads = 1
        options.retentionMilliseconds = 100 * 365 * 24 * 3_600_000
        change(&options)
    }

    func open() throws {
        let directory = try DataDirectory(
            "/data", fileSystem: fileSystem, clock: clock, ballastBytes: 4096, catalog: catalog)
        self.directory = directory
        let environment = directory.environment(options: options, budget: MemoryBudget(byteCountMax: 1 << 30))
        engine = try SignalEngine(
            format: LogFormat(cache: BlockCache(byteCountMax: 4 << 20)), options: options, environment: environment)
        scheduler = SeededScheduler(seed: seed, clock: clock)
        scheduler.add(engine.workers)
    }

    func drop() {
        engine = nil
        directory = nil
        scheduler.removeAll()
    }

    func reopen() throws {
        fileSystem.crash()
        drop()
        fileSystem.restart()
        try open()
    }

    func wait(_ body: (@escaping @Sendable (Result<Void, WriteError>) -> Void) -> Void) throws {
        let kept = Kept()
        body { kept.set($0) }
        _ = scheduler.run(steps: 5000) { kept.value != nil }
        guard let value = kept.value else { throw WriteError.unavailable("no answer") }
        try value.get()
    }

    final class Kept: Sendable {
        private let state = Mutex<Result<Void, WriteError>?>(nil)
        var value: Result<Void, WriteError>? { state.withLock { $0 } }
        func set(_ value: Result<Void, WriteError>) { state.withLock { $0 = value } }
    }

    /// Writes a batch, each stream to the shard its labels choose.
    func write(_ batch: LogBatch, tenant: Tenant = .default) throws {
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

    /// Lets background workers run.
    func settle(steps: Int = 300) { _ = scheduler.run(steps: steps) { false } }

    func snapshot(_ tenant: Tenant = .default) throws -> any LogSnapshot {
        try LogEngineSource(engine).snapshot(tenant: tenant)
    }
}
