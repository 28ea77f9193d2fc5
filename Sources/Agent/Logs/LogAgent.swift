import Bedrock
import Instruments
import Model
import Synchronization

/// The log side of an agent, put together. Thread-safe.
final class LogAgent: Sendable {
    let worker: LogWorker
    private let tailer: Handle
    private let watch: (any DirectoryWatch)?
    private let board: TailBoard
    private let jobs: Mutex<[TailJob]>
    private let clock: any ClockSource
    private let losses: any LossRecorder

    /// The tailer, which only the worker's thread steps.
    private final class Handle: @unchecked Sendable {
        var tailer: FileTailer?
    }

    /// Nil where there is nowhere to send logs to.
    static func make(_ options: AgentOptions, _ dependencies: AgentDependencies) throws(QueueFailure) -> LogAgent? {
        guard let destination = dependencies.logDestination else { return nil }
        return try LogAgent(options, dependencies, destination)
    }

    private init(
        _ options: AgentOptions, _ dependencies: AgentDependencies, _ destination: any LogDestination
    ) throws(QueueFailure) {
        var random = dependencies.random
        var options = options
        // Less than some records would never have room for the next one.
        options.logWorker.queue.bytesMax = max(options.logWorker.queue.bytesMax, 16 * options.logWorker.recordBytes)
        let queue = try LogQueue(
            Path.join(options.queueDirectory, "logs"), files: dependencies.files, options: options.logWorker.queue,
            random: &random)
        clock = dependencies.clock
        losses = dependencies.losses
        let clock = dependencies.clock
        let losses = dependencies.losses
        let jobs = options.logs.jobs.map { TailJob($0, clock: clock, losses: losses) }
        let board = TailBoard()
        let handle = Handle()
        var watch: KernelWatch?
        worker = LogWorker(
            producer: options.hostName, queue: queue, destination: destination, options: options.logWorker,
            clock: clock, random: random, log: dependencies.log.named("logs"), losses: losses
        ) { positions, waker in
            if let kernel = KernelWatch(waker: waker), kernel.start() { watch = kernel }
            let tailer = FileTailer(
                jobs: jobs, positions: positions, files: dependencies.files, clock: clock,
                log: dependencies.log.named("logs"), watch: watch, board: board)
            handle.tailer = tailer
            let journals = jobs.compactMap { job in
                job.configuration.journal.map {
                    JournalInput(
                        job: job, settings: $0, positions: positions, clock: clock,
                        log: dependencies.log.named("logs"))
                }
            }
            return [tailer] + journals
        }
        self.watch = watch
        self.board = board
        tailer = handle
        self.jobs = Mutex(jobs)
        if let registry = dependencies.registry { register(in: registry) }
    }

    func stop() {
        watch?.stop()
        worker.stop()
    }

    func configure(_ configuration: LogConfiguration) {
        let next = configuration.jobs.map { TailJob($0, clock: clock, losses: losses) }
        worker.perform { [self] in
            tailer.tailer?.configure(next)
            let kept = tailer.tailer?.jobs ?? []
            jobs.withLock { $0 = kept }
        }
    }

    private func register(in registry: InstrumentRegistry) {
        func observe(
            _ name: String, _ help: String, _ kind: InstrumentKind,
            _ read: @escaping @Sendable (LogWorkerStatistics) -> Int
        ) {
            registry.observe(name, help: help, kind: kind) { [worker] in Double(read(worker.statistics)) }
        }
        observe("obs_agent_log_lines_total", "Log lines read and kept in the log queue.", .counter) { $0.linesQueued }
        observe("obs_agent_log_sent_lines_total", "Log lines delivered.", .counter) { $0.linesSent }
        observe("obs_agent_log_send_failures_total", "Tries to send logs that failed.", .counter) { $0.requestsFailed }
        observe("obs_agent_log_queue_lines", "Log lines on disk, not delivered yet.", .gauge) { $0.backlogLines }
        observe("obs_agent_log_queue_bytes", "Bytes of the log queue on disk.", .gauge) { $0.queueBytes }
        observe("obs_agent_log_blocked", "1 while reading waits for room in the log queue.", .gauge) {
            $0.isBlocked ? 1 : 0
        }
        registry.observe(
            "obs_agent_log_lag_bytes", help: "Bytes of a file that are there and not read.", labels: ["job", "path"]
        ) { [board] in
            board.current.map { InstrumentRegistry.Observation(Double($0.lag), labels: [$0.job, $0.path]) }
        }
        registry.observe(
            "obs_agent_log_redactions_total", help: "Secrets taken out of log lines, by rule.", kind: .counter,
            labels: ["job", "rule"]
        ) { [self] in
            jobs.withLock { $0 }.flatMap { job in
                job.redactions.withLock { $0 }.map {
                    InstrumentRegistry.Observation(Double($0.value), labels: [job.name, $0.key])
                }
            }
        }
    }
}
