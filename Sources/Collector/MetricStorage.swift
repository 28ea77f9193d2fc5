import Bedrock
import Instruments
import LSM
import MetricStore
import Model

/// The metric side of a data directory, open: engine, the threads that drive it, the way in and the way out. Thread-safe.
public final class MetricStorage: Sendable {
    public struct Options: Sendable {
        public var engine = EngineOptions()
        public var limits = CollectorLimits()
        /// Decoded blocks kept in memory.
        public var cacheBytesMax = 64 << 20
        /// Memory of all queues, memtables and caches together; where the storage opens the directory itself.
        public var memoryBytesMax = 4 << 30
        /// Kept in reserve for a full disk; where the storage opens the directory itself.
        public var ballastBytes = 64 << 20

        public init() {}
    }

    public let signal: SignalStorage<MetricFormat>
    public let source: MetricSource
    public let collector: MetricCollector

    public var engine: SignalEngine<MetricFormat> { signal.engine }
    public var directory: DataDirectory { signal.home.directory }
    public var budget: MemoryBudget { signal.home.budget }

    /// Recovers the metrics of `home`, and starts the workers' threads.
    /// - Throws: what a port threw.
    public init(_ home: StorageHome, options: Options = Options(), ledger: LossLedger) throws {
        let format = MetricFormat(cache: BlockCache(byteCountMax: options.cacheBytesMax))
        signal = try SignalStorage(format, options: options.engine, home: home)
        source = MetricSource(signal.engine)
        collector = MetricCollector(
            shards: EngineShards(signal.engine), limits: options.limits, clock: home.clock, ledger: ledger)
        signal.forEachTenant(collector.noteStored)
        signal.start()
    }

    /// As above, in a directory of its own (made when missing).
    /// - Throws: `EngineError` when it is in use, of a newer version, or not a data directory; what a port threw.
    public convenience init(
        _ path: String, options: Options = Options(), clock: any ClockSource = SystemClock(),
        fileSystem: any FileSystem = PosixFileSystem(), ledger: LossLedger
    ) throws {
        let home = try StorageHome(
            path, memoryBytesMax: options.memoryBytesMax, ballastBytes: options.ballastBytes, clock: clock,
            fileSystem: fileSystem)
        try self.init(home, options: options, ledger: ledger)
    }

    /// As `SignalStorage.close`.
    public func close(deadlineNanoseconds: UInt64) -> Bool { signal.close(deadlineNanoseconds: deadlineNanoseconds) }
}
