import Collector
import Instruments
import LSM

/// Shows the engines' own counts as metrics, by signal.
enum StorageInstruments {
    /// One signal's name, and what its engine tells of itself.
    typealias Source = (signal: String, read: @Sendable () -> EngineStatistics)

    static func register(
        _ metrics: MetricStorage, _ logs: LogStorage, _ traces: TraceStorage, in registry: InstrumentRegistry
    ) {
        let (metricEngine, logEngine, traceEngine) = (metrics.engine, logs.engine, traces.engine)
        register(
            [
                ("metrics", { metricEngine.statistics }), ("logs", { logEngine.statistics }),
                ("traces", { traceEngine.statistics }),
            ], in: registry)
    }

    private static func register(_ sources: [Source], in registry: InstrumentRegistry) {
        func perSignal(
            _ name: String, _ help: String, kind: InstrumentKind = .gauge,
            _ read: @escaping @Sendable (EngineStatistics) -> Double
        ) {
            registry.observe("obs_lsm_" + name, help: help, kind: kind, labels: ["signal"]) {
                sources.map { .init(read($0.read()), labels: [$0.signal]) }
            }
        }
        func counter(_ name: String, _ help: String, _ read: @escaping @Sendable (EngineStatistics) -> Int) {
            perSignal(name, help, kind: .counter) { Double(read($0)) }
        }
        func perShard(_ name: String, _ help: String, _ read: @escaping @Sendable (EngineStatistics.Shard) -> Int) {
            registry.observe("obs_lsm_" + name, help: help, labels: ["signal", "shard"]) {
                sources.flatMap { source in
                    source.read().shards.map { .init(Double(read($0)), labels: [source.signal, String($0.index)]) }
                }
            }
        }
        func perTier(_ name: String, _ help: String, _ read: @escaping @Sendable (EngineStatistics.Tier) -> Int) {
            registry.observe("obs_lsm_" + name, help: help, labels: ["signal", "tier"]) {
                sources.flatMap { source in
                    tiers(source.read(), read).map {
                        .init(Double($0.value), labels: [source.signal, String($0.tier)])
                    }
                }
            }
        }
        counter("records_written_total", "Queue records written.") { $0.recordsWritten }
        counter("written_bytes_total", "Bytes of queue records written.") { $0.bytesWritten }
        counter("retries_dropped_total", "Records recognised as retries.") { $0.retriesDropped }
        counter("records_set_aside_total", "Records that could not be applied.") { $0.recordsSetAside }
        counter("writes_refused_total", "Writes refused: overload, full disk, shutdown.") { $0.writesRefused }
        counter("syncs_total", "Syncs of the write-ahead log.") { $0.syncs }
        counter("checkpoints_total", "Head checkpoints written.") { $0.checkpoints }
        counter("flushes_total", "Memtables flushed to segments.") { $0.flushes }
        counter("flush_failures_total", "Flushes that failed and are tried again.") { $0.flushFailures }
        counter("compactions_total", "Merges of segments.") { $0.compactions }
        counter("compaction_failures_total", "Merges that failed.") { $0.compactionFailures }
        counter("segments_expired_total", "Segments dropped by retention.") { $0.segmentsExpired }
        counter("damages_total", "Damaged blocks and files found.") { $0.damages }
        counter("disk_full_events_total", "Times the disk was full.") { $0.diskFullEvents }
        perSignal("sync_seconds_total", "Time spent in syncs.", kind: .counter) { Double($0.syncNanoseconds) / 1e9 }
        perSignal("disk_full", "1 while writes are refused for lack of room.") { $0.isDiskFull ? 1 : 0 }
        perSignal("recovery_seconds", "How long the last start took to recover.") {
            Double($0.recoveryNanoseconds) / 1e9
        }
        perShard("log_bytes", "Write-ahead log kept.") { $0.logBytes }
        perShard("queue_bytes", "Accepted writes that wait for the shard's worker.") { $0.queueBytes }
        perShard("memtable_bytes", "Memory of memtables.") { $0.memtableBytes }
        perShard("memtable_rows", "Samples, lines or spans in memtables.") { $0.memtableRows }
        perTier("segment_bytes", "Bytes of segments, by tier.") { $0.bytes }
        perTier("segments", "Segments, by tier.") { $0.segments }
    }

    private static func tiers(
        _ statistics: EngineStatistics, _ read: (EngineStatistics.Tier) -> Int
    ) -> [(tier: Int, value: Int)] {
        var totals: [Int: Int] = [:]
        for shard in statistics.shards { for (tier, value) in shard.tiers { totals[tier, default: 0] += read(value) } }
        return totals.sorted { $0.key < $1.key }.map { (tier: $0.key, value: $0.value) }
    }
}
