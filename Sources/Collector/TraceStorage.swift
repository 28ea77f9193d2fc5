import Bedrock
import Instruments
import LSM
import Model
import TraceStore

/// The trace side of a data directory, open: engine, the threads that drive it, the way in and the way out. Thread-safe.
public final class TraceStorage: Sendable {
    public struct Options: Sendable {
        public var engine = TraceStorage.engineDefaults
        public var limits = CollectorLimits()
        /// Decoded indexes kept in memory.
        public var cacheBytesMax = 64 << 20

        public init() {}
    }

    /// What suits spans, whose memtable is as large as their attributes: see `LogStorage.engineDefaults`. Memtables are larger than those of logs, for a
    /// trace that arrives over some time is put together in one of them more often.
    public static var engineDefaults: EngineOptions {
        var options = EngineOptions()
        options.memtableBytesMax = 32 << 20
        options.memtablesBytesMax = 80 << 20
        options.queueBytesMax = 8 << 20
        options.groupBytesMax = 4 << 20
        options.logBytesMax = 64 << 20
        return options
    }

    public let signal: SignalStorage<TraceFormat>
    public let source: SpanEngineSource
    public let collector: TraceCollector

    public var engine: SignalEngine<TraceFormat> { signal.engine }

    /// Recovers the traces of `home`, and starts the workers' threads.
    /// - Throws: what a port threw.
    public init(_ home: StorageHome, options: Options = Options(), ledger: LossLedger) throws {
        let format = TraceFormat(cache: BlockCache(byteCountMax: options.cacheBytesMax))
        signal = try SignalStorage(format, options: options.engine, home: home)
        source = SpanEngineSource(signal.engine)
        collector = TraceCollector(
            shards: EngineShards(signal.engine), limits: options.limits, clock: home.clock, ledger: ledger)
        signal.forEachTenant(collector.noteStored)
        signal.start()
    }

    /// As `SignalStorage.close`.
    public func close(deadlineNanoseconds: UInt64) -> Bool { signal.close(deadlineNanoseconds: deadlineNanoseconds) }
}
