import Bedrock
import LSM
import LSMKit
import Model
import Synchronization

/// An engine on a simulated disk, driven step by step.
final class Rig {
    let fileSystem: SimulatedFileSystem
    let clock = SimulatedClock()
    let catalog: MemoryCatalog
    var options = EngineOptions()
    let seed: UInt64
    var ballastBytes = 4096
    private(set) var engine: SignalEngine<RowFormat>!
    private(set) var scheduler: SeededScheduler
    private var directory: DataDirectory?

    init(seed: UInt64 = 1, _ change: (inout EngineOptions) -> Void = { _ in }) {
        self.seed = seed
        fileSystem = SimulatedFileSystem(seed: seed, clock: clock)
        let fileSystem = fileSystem
        catalog = MemoryCatalog(transact: { (name, body) throws(FileError) in try fileSystem.external(name, body) })
        scheduler = SeededScheduler(seed: seed, clock: clock)
        options.shardCount = 1
        options.recoveryThreads = 1
        // Tests may use small times.
        options.retentionMilliseconds = 100 * 365 * 24 * 3_600_000
        change(&options)
    }

    func open() throws {
        let directory = try DataDirectory(
            "/data", fileSystem: fileSystem, clock: clock, ballastBytes: ballastBytes, catalog: catalog)
        self.directory = directory
        let environment = directory.environment(options: options, budget: MemoryBudget(byteCountMax: 1 << 30))
        engine = try SignalEngine(format: RowFormat(), options: options, environment: environment)
        scheduler = SeededScheduler(seed: seed, clock: clock)
        scheduler.add(engine.workers)
    }

    /// The process is gone: nothing of it runs or writes any more.
    func drop() {
        engine = nil
        directory = nil
        scheduler.removeAll()
    }

    func crash(keepingCache: Bool = false) {
        fileSystem.crash()
        drop()
        fileSystem.restart(keepingCache: keepingCache)
    }

    func reopen(keepingCache: Bool = false) throws {
        crash(keepingCache: keepingCache)
        try open()
    }

    func submit(
        _ rows: [Row], shard: Int = 0, tenant: Tenant = .default, producer: BatchOrigin.Producer? = nil
    ) -> Answer {
        let answer = Answer()
        let record = WriteRecord(tenant: tenant, producer: producer)
        record.withPayload { RowCoding.append(rows, to: &$0) }
        engine.submit(record, shard: shard) { answer.set($0) }
        return answer
    }

    @discardableResult
    func run(_ answer: Answer, steps: Int = 2000) -> Result<Void, WriteError>? {
        _ = scheduler.run(steps: steps) { answer.value != nil }
        return answer.value
    }

    /// Submits and steps until answered.
    @discardableResult
    func write(
        _ rows: [Row], shard: Int = 0, tenant: Tenant = .default, producer: BatchOrigin.Producer? = nil
    ) -> Result<Void, WriteError>? {
        run(submit(rows, shard: shard, tenant: tenant, producer: producer))
    }

    @discardableResult
    func flush() -> Result<Void, WriteError>? {
        let answer = Answer()
        engine.flush { answer.set($0) }
        return run(answer)
    }

    func rows(_ tenant: Tenant = .default) throws -> [Row] {
        try engine.snapshot().shards.flatMap { try $0.rows(tenant) }.sorted()
    }
}

/// What a write was answered, once it was.
final class Answer: Sendable {
    private let state = Mutex<(value: Result<Void, WriteError>?, count: Int)>((nil, 0))

    var value: Result<Void, WriteError>? { state.withLock { $0.value } }
    /// How often it was answered: must be 1 in the end.
    var count: Int { state.withLock { $0.count } }

    func set(_ result: Result<Void, WriteError>) {
        state.withLock { state in
            state.value = result
            state.count += 1
        }
    }
}

extension Result where Success == Void, Failure == WriteError {
    var error: WriteError? { if case .failure(let error) = self { error } else { nil } }
}
