import Bedrock
import Instruments
import LSM
import LogStore
import Model

/// The log side of a data directory, open: engine, the threads that drive it, the way in and the way out. Thread-safe.
public final class LogStorage: Sendable {
    public struct Options: Sendable {
        public var engine = LogStorage.engineDefaults
        public var limits = CollectorLimits()
        /// Decoded blocks kept in memory.
        public var cacheBytesMax = 64 << 20

        public init() {}
    }

    /// What suits lines, whose memtable is as large as their text: small memtables and queues, which bound the peak of memory, for compaction
    /// joins what they leave.
    public static var engineDefaults: EngineOptions {
        var options = EngineOptions()
        options.memtableBytesMax = 16 << 20
        options.memtablesBytesMax = 40 << 20
        options.queueBytesMax = 8 << 20
        options.groupBytesMax = 4 << 20
        options.logBytesMax = 32 << 20
        return options
    }

    public let signal: SignalStorage<LogFormat>
    public let source: LogEngineSource
    public let collector: LogCollector

    public var engine: SignalEngine<LogFormat> { signal.engine }

    /// Recovers the logs of `home`, and starts the workers' threads.
    /// - Throws: what a port threw.
    public init(_ home: StorageHome, options: Options = Options(), ledger: LossLedger) throws {
        let format = LogFormat(cache: BlockCache(byteCountMax: options.cacheBytesMax))
        signal = try SignalStorage(format, options: options.engine, home: home)
        source = LogEngineSource(signal.engine)
        collector = LogCollector(
            shards: EngineShards(signal.engine), limits: options.limits, clock: home.clock, ledger: ledger)
        signal.forEachTenant(collector.noteStored)
        signal.start()
    }

    /// As `SignalStorage.close`.
    public func close(deadlineNanoseconds: UInt64) -> Bool { signal.close(deadlineNanoseconds: deadlineNanoseconds) }
}
