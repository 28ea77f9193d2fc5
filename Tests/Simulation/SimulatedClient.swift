import Bedrock
import LSM
import LSMKit
import Model
import Synchronization

/// Writes batches one after the other, as an agent (retrying with a sequence) or as something simpler (never retrying), and deletes now and then.
final class SimulatedClient: Worker, @unchecked Sendable {
    let name: String
    private let number: Int
    private let oracle: Oracle
    private let clock: SimulatedClock
    private let isAgent: Bool
    private let deletes: Bool
    /// Whether it may write several rows of one key and time.
    private let repeats: Bool
    private var generator: SeededGenerator
    private var written: UInt64 = 0
    private var sequence: UInt64 = 0
    private var generation = 0
    private var outstanding: Outstanding?
    /// Set with each new engine; nil while there is none.
    var target: (any WriteTarget)?
    var isStopped = false

    private final class Outstanding: Sendable {
        let index: Int
        let isDelete: Bool
        let result = Mutex<Result<Void, WriteError>?>(nil)
        let answers = Atomic<Int>(0)

        init(_ index: Int, isDelete: Bool) {
            self.index = index
            self.isDelete = isDelete
        }
    }

    private var retry: (index: Int, batch: Oracle.Batch)?

    init(number: Int, seed: UInt64, oracle: Oracle, clock: SimulatedClock, deletes: Bool, repeats: Bool) {
        self.number = number
        self.oracle = oracle
        self.clock = clock
        self.deletes = deletes
        self.repeats = repeats
        name = "client-\(number)"
        isAgent = number % 2 == 0
        generator = SeededGenerator(seed: seed &* 31 &+ UInt64(number))
    }

    var isIdle: Bool { outstanding == nil }

    /// The machine died: an agent will send again what was not answered.
    func crash() {
        outstanding = nil
        target = nil
    }

    func step() -> StepOutcome {
        guard let target else { return .idle(nanoseconds: 1_000_000) }
        if let outstanding {
            guard let result = outstanding.result.withLock({ $0 }) else { return .idle(nanoseconds: 100_000) }
            note(outstanding, result)
            return .progressed
        }
        if isStopped { return .idle(nanoseconds: 1_000_000) }
        if deletes && Int.random(in: 0..<12, using: &generator) == 0 && retry == nil {
            delete(target)
        } else {
            write(target)
        }
        return .progressed
    }

    private func note(_ outstanding: Outstanding, _ result: Result<Void, WriteError>) {
        precondition(outstanding.answers.load(ordering: .relaxed) == 1, "answered twice")
        self.outstanding = nil
        var isSuccess = false
        if case .success = result { isSuccess = true }
        if outstanding.isDelete {
            oracle.answerDelete(outstanding.index, isSuccess: isSuccess)
        } else {
            oracle.answer(outstanding.index, isSuccess: isSuccess)
            if isSuccess { retry = nil }
        }
    }

    private func write(_ target: any WriteTarget) {
        let index: Int
        let batch: Oracle.Batch
        if let retry {
            (index, batch) = retry
            oracle.retry(index)
        } else {
            batch = makeBatch(target.shardCount)
            index = oracle.submit(batch)
            if isAgent {
                sequence += 1
                retry = (index, batch)
            }
        }
        let producer = isAgent ? BatchOrigin.Producer(name: name, lane: 7, sequence: sequence) : nil
        let outstanding = Outstanding(index, isDelete: false)
        self.outstanding = outstanding
        target.write(batch.rows + batch.again, shard: batch.shard, tenant: batch.tenant, producer: producer) { result in
            outstanding.answers.wrappingAdd(1, ordering: .relaxed)
            outstanding.result.withLock { $0 = result }
        }
    }

    /// Mostly new times, some late, some times written before.
    private func makeBatch(_ shardCount: Int) -> Oracle.Batch {
        let count = Int.random(in: 1...6, using: &generator)
        let rows = (0..<count).map { i in
            written += 1
            let now = clock.now()
            let time: Int64 =
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: now - Int64.random(in: 0..<20 * 3_600_000, using: &generator)
                case 1: now / 60_000 * 60_000
                default: now + Int64(i)
                }
            return Row(
                key, repeats ? time : time / 65_536 * 65_536 + Int64(written), UInt64(number + 1) << 32 | written)
        }
        // One that is written again and again: its last value counts.
        let again = repeats ? [] : [Row("again-\(number)", 1_700_000_000_000, UInt64(number + 1) << 32 | written)]
        return Oracle.Batch(
            rows: rows, again: again,
            tenant: Int.random(in: 0..<4, using: &generator) == 0 ? Tenant("other") : .default,
            shard: Int.random(in: 0..<shardCount, using: &generator), isRetried: isAgent)
    }

    private var key: String { "\(name)-\(generation)" }

    private func delete(_ target: any WriteTarget) {
        let outstanding = Outstanding(oracle.delete(key), isDelete: true)
        self.outstanding = outstanding
        let answer: @Sendable (Result<Void, WriteError>) -> Void = { result in
            outstanding.answers.wrappingAdd(1, ordering: .relaxed)
            outstanding.result.withLock { $0 = result }
        }
        target.delete(key: key, done: answer)
        generation += 1
    }
}

/// Where clients write: an engine of whatever format.
protocol WriteTarget: AnyObject {
    var shardCount: Int { get }
    func write(
        _ rows: [Row], shard: Int, tenant: Tenant, producer: BatchOrigin.Producer?,
        done: @escaping @Sendable (Result<Void, WriteError>) -> Void)
    func delete(key: String, done: @escaping @Sendable (Result<Void, WriteError>) -> Void)
}
