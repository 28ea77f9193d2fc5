import Agent
import Bedrock
import Collector
import Configuration
import Formats
import Instruments
import LSM
import MetricStore
import Model
import PromQL
import QueryServer
import Transport

/// One obsd: the rooms that its role needs, put together. `start`, `stop` and `reload` come from one thread.
final class Server {
    let role: Role
    let log: Logger
    let clock = SystemClock()
    let registry = InstrumentRegistry()
    let ledger: LossLedger
    let state: ServerState
    var configuration: ServerConfiguration
    var storage: MetricStorage?
    var query: QueryAPI?
    var agent: Agent?
    var http: HTTPServer?
    private var damageLogged = 0

    init(role: Role, configuration: ServerConfiguration, log: Logger) throws {
        self.role = role
        self.configuration = configuration
        self.log = log
        ledger = LossLedger(registry: registry)
        state = ServerState(configuration, started: clock.now())
        ProcessMetrics.register(in: registry)
    }

    /// Recovers the data directory, starts the threads and listens; when it returns, the server answers.
    func start() throws {
        let settings = configuration.settings
        let directory = settings[SettingsTable.dataDirectory]
        if role == .agent {
            try startAgent(into: try remoteDestination(settings), directory: directory)
        } else {
            let began = clock.monotonicNanoseconds()
            let storage = try MetricStorage(
                directory, options: StorageOptions.make(settings), clock: clock, ledger: ledger)
            self.storage = storage
            let statistics = storage.engine.statistics
            let seconds = Double(clock.monotonicNanoseconds() - began) / 1e9
            log.info(
                "storage is ready",
                [
                    "data_dir": directory, "seconds": NumberText.text((seconds * 1000).rounded() / 1000),
                    "records_replayed": "\(statistics.recordsReplayed)",
                    "samples_in_memory": "\(statistics.shards.reduce(0) { $0 + $1.memtableRows })",
                ])
            StorageInstruments.register(storage, in: registry)
            if role == .all { try startAgent(into: SinkDestination(storage.collector), directory: directory) }
        }
        try listen(settings)
        state.setReady()
    }

    /// Stops taking requests, finishes what was begun, flushes. False when the deadline passed first.
    func stop(deadlineMilliseconds: Int64) -> Bool {
        let began = clock.monotonicNanoseconds()
        func left() -> Double {
            max(0.1, Double(deadlineMilliseconds) / 1000 - Double(clock.monotonicNanoseconds() - began) / 1e9)
        }
        state.setStopping()
        var clean = agent?.stop(deadlineSeconds: left()) ?? true
        clean = (http?.shutdown(deadlineSeconds: left()) ?? true) && clean
        query?.stop()
        clean = (storage?.close(deadlineNanoseconds: UInt64(left() * 1e9)) ?? true) && clean
        log.info("stopped", ["clean": clean ? "true" : "false"])
        return clean
    }

    // MARK: Reload

    /// Puts what can change at run time into force, and says so; the rest is named as wanting a restart.
    func reload(from earlier: ServerConfiguration, to next: ServerConfiguration) {
        for (setting, line) in next.settings.differences(from: earlier.settings) {
            if setting.reloads {
                log.info("setting changed", ["change": line])
            } else {
                log.warn("setting changed, but takes a restart", ["change": line])
            }
        }
        configuration = next
        state.setConfiguration(next, time: clock.now())
        if let storage {
            var limits = StorageOptions.limits(next.settings)
            // The engine keeps its retention until a restart; admitting what it would drop at once were a silent loss.
            limits.retentionMilliseconds = storage.engine.options.retentionMilliseconds
            storage.collector.setLimits(limits)
        }
        agent?.reload(next.scraping)
        log.info("configuration reloaded", ["scrape_jobs": "\(next.scraping.jobs.count)"])
    }

    /// Writes damage that was found since the last time to the log: place, reason and what is lost.
    func logDamage() {
        guard let damage = storage?.engine.damage else { return }
        let count = damage.count
        guard count > damageLogged else { return }
        for report in damage.reports.suffix(count - damageLogged) {
            log.error("damaged", ["place": report.place, "reason": report.reason, "lost": report.lost])
        }
        damageLogged = count
    }

    func noteReloadFailure() { state.noteReloadFailure() }
}
