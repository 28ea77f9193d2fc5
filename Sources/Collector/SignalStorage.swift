import Bedrock
import LSM
import Model

/// One signal of a data directory, open: its engine, and the threads that drive it. Thread-safe.
public final class SignalStorage<Format: SegmentFormat>: Sendable {
    public let home: StorageHome
    public let engine: SignalEngine<Format>
    private let threads = ThreadRunner()

    /// Recovers the signal. `start` follows, once whoever wants to know what is stored has asked.
    /// - Throws: what a port threw.
    public init(_ format: Format, options: EngineOptions, home: StorageHome) throws {
        self.home = home
        engine = try SignalEngine(
            format: format, options: options,
            environment: home.directory.environment(options: options, budget: home.budget))
    }

    /// Tells each tenant's newest time, in milliseconds, as far as it is known without reading data.
    func forEachTenant(_ body: (Tenant, _ newest: Int64) -> Void) {
        for shard in engine.snapshot().shards {
            for segment in shard.segments { body(segment.record.tenant, segment.record.summary.timeRange.end) }
            for table in shard.memtables {
                // A memtable knows the times of all its tenants together; among several, none may be judged by another's.
                if let tenant = table.tenants.first, table.tenants.count == 1, let range = table.timeRange {
                    body(tenant, range.end)
                }
            }
        }
    }

    func start() {
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
