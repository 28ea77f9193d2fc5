import Bedrock
import LSM
import Model
import Synchronization

@testable import TraceStore

/// An engine of traces on a simulated disk, driven step by step.
final class TraceRig {
    let fileSystem: SimulatedFileSystem
    let clock = SimulatedClock()
    let catalog: MemoryCatalog
    var options = EngineOptions()
    let seed: UInt64
    private(set) var engine: SignalEngine<TraceFormat>
    private var scheduler: SeededScheduler
    private var directory: DataDirectory?

    init(seed: UInt64 = 1, _ change: (inout EngineOptions) -> Void = { _ in }) throws {
        self.seed = seed
        fileSystem = SimulatedFileSystem(seed: seed, clock: clock)
        let fileSystem = fileSystem
        catalog = MemoryCatalog(transact: { (name, body) throws(FileError) in try fileSystem.external(name, body) })
        options.shardCount = 2
        options.recoveryThreads = 1
        options.retentionMilliseconds = 100 * 365 * 24 * 3_600_000
        change(&options)
        let made = try Self.open(fileSystem, clock, catalog, options)
        (directory, engine) = (made.directory, made.engine)
        scheduler = SeededScheduler(seed: seed, clock: clock)
        scheduler.add(engine.workers)
    }

    private static func open(
        _ fileSystem: SimulatedFileSystem, _ clock: SimulatedClock, _ catalog: MemoryCatalog, _ options: EngineOptions
    ) throws -> (directory: DataDirectory, engine: SignalEngine<TraceFormat>) {
        let directory = try DataDirectory(
            "/data", fileSystem: fileSystem, clock: clock, ballastBytes: 4096, catalog: catalog)
        let environment = directory.environment(options: options, budget: MemoryBudget(byteCountMax: 1 << 30))
        return (
            directory,
            try SignalEngine(
                format: TraceFormat(cache: BlockCache(byteCountMax: 4 << 20)), options: options,
                environment: environment)
        )
    }

    /// Loses power, and starts again.
    func reopen() throws {
        fileSystem.crash()
        scheduler.removeAll()
        directory = nil
        fileSystem.restart()
        let made = try Self.open(fileSystem, clock, catalog, options)
        (directory, engine) = (made.directory, made.engine)
        scheduler = SeededScheduler(seed: seed, clock: clock)
        scheduler.add(engine.workers)
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

    /// Writes spans, each to the shard of its trace.
    func write(_ spans: [PlainSpan], tenant: Tenant = .default) throws {
        let batch = SpanBatch(spans)
        for shard in 0..<engine.shardCount {
            let own = batch.rows.indices.filter {
                Int(TraceHash.of(batch.rows[$0].traceID) % UInt64(engine.shardCount)) == shard
            }
            if own.isEmpty { continue }
            let record = WriteRecord(tenant: tenant)
            record.withPayload { SpanRecord.encode(batch, rows: own.map { Int32($0) }, into: &$0) }
            try wait { engine.submit(record, shard: shard, done: $0) }
        }
    }

    func flush() throws { try wait { engine.flush(done: $0) } }

    /// Lets background workers run.
    func settle(steps: Int = 300) { _ = scheduler.run(steps: steps) { false } }

    func snapshot(_ tenant: Tenant = .default) throws -> SpanEngineSnapshot {
        SpanEngineSnapshot(engine.snapshot(), tenant: tenant) { [engine] in engine.damage.report($0) }
    }
}
