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
import Receivers
import SpanMetrics
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
    var logs: LogStorage?
    var traces: TraceStorage?
    var syslog: SyslogReceiver?
    /// Beside `http`, for OTLP's own port.
    var otlp: HTTPServer?
    var grpc: GRPCServer?
    /// What works beside the storage: metrics of spans.
    let background = ThreadRunner()
    var spanMetrics: SpanMetrics?
    let sampling = ThreadRunner()
    var sampler: TailSampler?
    private let ownLog: OwnLog
    private var damageLogged = 0
    var query: QueryAPI?
    var agent: Agent?
    var http: HTTPServer?

    init(role: Role, configuration: ServerConfiguration, log: Logger, ownLog: OwnLog) throws {
        self.role = role
        self.configuration = configuration
        self.log = log
        self.ownLog = ownLog
        ledger = LossLedger(registry: registry)
        state = ServerState(configuration, started: clock.now())
        ProcessMetrics.register(in: registry)
    }

    /// Recovers the data directory, starts the threads and listens; when it returns, the server answers.
    func start() throws {
        let settings = configuration.settings
        let directory = settings[SettingsTable.dataDirectory]
        if role == .agent {
            ownLog.endStoring()
            try startAgent(
                into: try remoteDestination(settings), logs: try remoteLogDestination(settings), directory: directory)
        } else {
            try openStorage(settings, directory: directory)
            if role == .all, let storage, let logs {
                try startAgent(
                    into: SinkDestination(storage.collector), logs: LogSinkDestination(logs.collector),
                    directory: directory)
            }
        }
        try listen(settings)
        state.setReady()
    }

    private func openStorage(_ settings: Settings, directory: String) throws {
        let began = clock.monotonicNanoseconds()
        let home = try StorageHome(directory, clock: clock)
        let storage = try MetricStorage(home, options: StorageOptions.metrics(settings), ledger: ledger)
        let logs = try LogStorage(home, options: StorageOptions.logs(settings), ledger: ledger)
        self.storage = storage
        let traces = try TraceStorage(home, options: StorageOptions.traces(settings), ledger: ledger)
        self.logs = logs
        self.traces = traces
        let (metrics, lines, spans) = (
            storage.engine.statistics, logs.engine.statistics, traces.engine.statistics
        )
        let seconds = Double(clock.monotonicNanoseconds() - began) / 1e9
        log.info(
            "storage is ready",
            [
                "data_dir": directory, "seconds": NumberText.text((seconds * 1000).rounded() / 1000),
                "records_replayed": "\(metrics.recordsReplayed + lines.recordsReplayed + spans.recordsReplayed)",
                "samples_in_memory": "\(metrics.shards.reduce(0) { $0 + $1.memtableRows })",
                "lines_in_memory": "\(lines.shards.reduce(0) { $0 + $1.memtableRows })",
                "spans_in_memory": "\(spans.shards.reduce(0) { $0 + $1.memtableRows })",
            ])
        StorageInstruments.register(storage, logs, traces, in: registry)
        if settings[SettingsTable.ownLogs] {
            ownLog.store(in: logs.collector, role: role.rawValue, ledger: ledger)
        } else {
            ownLog.endStoring()
        }
    }

    /// Stops taking requests, finishes what was begun, flushes. False when the deadline passed first.
    func stop(deadlineMilliseconds: Int64) -> Bool {
        let began = clock.monotonicNanoseconds()
        func left() -> Double {
            max(0.1, Double(deadlineMilliseconds) / 1000 - Double(clock.monotonicNanoseconds() - began) / 1e9)
        }
        state.setStopping()
        var clean = agent?.stop(deadlineSeconds: left()) ?? true
        clean = (syslog?.stop(deadlineSeconds: left()) ?? true) && clean
        clean = (grpc?.shutdown(deadlineSeconds: left()) ?? true) && clean
        clean = (otlp?.shutdown(deadlineSeconds: left()) ?? true) && clean
        clean = (http?.shutdown(deadlineSeconds: left()) ?? true) && clean
        query?.stop()
        if let sampler {
            sampler.stop()
            clean = sampling.waitUntilFinished(nanoseconds: UInt64(left() * 1e9)) && clean
        }
        sampling.stop()
        background.stop()
        spanMetrics?.flush()
        ownLog.endStoring()
        clean = (storage?.close(deadlineNanoseconds: UInt64(left() * 1e9)) ?? true) && clean
        clean = (logs?.close(deadlineNanoseconds: UInt64(left() * 1e9)) ?? true) && clean
        clean = (traces?.close(deadlineNanoseconds: UInt64(left() * 1e9)) ?? true) && clean
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
        if let logs {
            var limits = StorageOptions.logLimits(next.settings)
            limits.retentionMilliseconds = logs.engine.options.retentionMilliseconds
            logs.collector.setLimits(limits)
        }
        if let traces {
            var limits = StorageOptions.traceLimits(next.settings)
            limits.retentionMilliseconds = traces.engine.options.retentionMilliseconds
            traces.collector.setLimits(limits)
        }
        agent?.reload(next.scraping)
        agent?.reload(logs: next.logs)
        log.info(
            "configuration reloaded",
            ["scrape_jobs": "\(next.scraping.jobs.count)", "log_jobs": "\(next.logs.jobs.count)"])
    }

    /// Writes damage that was found since the last time to the log: place, reason and what is lost. Signals share one list.
    func logDamage() {
        guard let damage = storage?.directory.damage else { return }
        let count = damage.count
        guard count > damageLogged else { return }
        for report in damage.reports.suffix(count - damageLogged) {
            log.error("damaged", ["place": report.place, "reason": report.reason, "lost": report.lost])
        }
        damageLogged = count
    }

    func noteReloadFailure() { state.noteReloadFailure() }
}
