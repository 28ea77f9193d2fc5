import Bedrock
import Instruments
import LSM
import MetricStore
import Model

/// The metric side of one data directory, open: engine, the threads that drive it, the way in and the way out. Thread-safe.
public final class MetricStorage: Sendable {
    public struct Options: Sendable {
        public var engine = EngineOptions()
        public var limits = CollectorLimits()
        /// Decoded blocks kept in memory.
        public var cacheBytesMax = 64 << 20
        /// Memory of all queues, memtables and caches together.
        public var memoryBytesMax = 4 << 30
        /// Kept in reserve for a full disk.
        public var ballastBytes = 64 << 20

        public init() {}
    }

    public let directory: DataDirectory
    public let engine: SignalEngine<MetricFormat>
    public let source: MetricSource
    public let collector: MetricCollector
    public let budget: MemoryBudget
    private let threads = ThreadRunner()

    /// Opens the directory (made when missing), recovers, and starts the workers' threads.
    /// - Throws: `EngineError` when it is in use, of a newer version, or not a data directory; what a port threw.
    public init(
        _ path: String, options: Options = Options(), clock: any ClockSource = SystemClock(),
        fileSystem: any FileSystem = PosixFileSystem(), ledger: LossLedger
    ) throws {
        directory = try DataDirectory(path, fileSystem: fileSystem, clock: clock, ballastBytes: options.ballastBytes)
        budget = MemoryBudget(byteCountMax: options.memoryBytesMax)
        let format = MetricFormat(cache: BlockCache(byteCountMax: options.cacheBytesMax))
        engine = try SignalEngine(
            format: format, options: options.engine,
            environment: directory.environment(options: options.engine, budget: budget))
        source = MetricSource(engine)
        collector = MetricCollector(
            shards: EngineShards(engine), limits: options.limits, clock: clock, ledger: ledger)
        for shard in engine.snapshot().shards {
            for segment in shard.segments {
                collector.noteStored(segment.record.tenant, newest: segment.record.summary.timeRange.end)
            }
            for table in shard.memtables {
                // A memtable knows the times of all its tenants together; among several, none may be judged by another's.
                if let tenant = table.tenants.first, table.tenants.count == 1, let range = table.timeRange {
                    collector.noteStored(tenant, newest: range.end)
                }
            }
        }
        for worker in engine.shardWorkers { threads.start(worker) }
        for worker in engine.backgroundWorkers { threads.start(worker, niceness: 5) }
    }

    /// Works off what was accepted, flushes, and ends the threads. False when that took longer than the deadline; nothing acknowledged is
    /// lost then either, the next start replays it.
    public func close(deadlineNanoseconds: UInt64) -> Bool {
        engine.close()
        let finished = threads.waitUntilFinished(nanoseconds: deadlineNanoseconds)
        threads.stop()
        return finished
    }
}

/// The engine's shards as the collector sees them.
struct EngineShards: MetricShards {
    let engine: SignalEngine<MetricFormat>

    init(_ engine: SignalEngine<MetricFormat>) { self.engine = engine }

    var shardCount: Int { engine.shardCount }

    func submit(_ record: WriteRecord, shard: Int, done: @escaping @Sendable (Result<Void, WriteError>) -> Void) {
        engine.submit(record, shard: shard, done: done)
    }

    func activeSeries(_ tenant: Tenant) -> Int {
        engine.snapshot().shards.reduce(0) { $0 + ($1.memtables.last?.seriesCount(of: tenant) ?? 0) }
    }

    func holds(_ labels: UnsafeRawBufferPointer, tenant: Tenant, shard: Int) -> Bool {
        engine.snapshot().shards[shard].memtables.last?.holds(labels, tenant: tenant) ?? false
    }
}
