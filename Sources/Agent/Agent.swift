import Bedrock
import Instruments
import Model
import Synchronization
import Transport

/// What an agent does. Durations are milliseconds.
public struct AgentOptions: Sendable {
    /// Where the send queues live.
    public var queueDirectory: String
    /// This machine's name: the `instance` of what is built in, and part of the producer's name.
    public var hostName: String
    /// The machine's own metrics, as job `host`; nil: none.
    public var hostMetrics: HostOptions? = HostOptions()
    /// How often the built-in jobs collect.
    public var builtInInterval: Int64 = 15_000
    /// A node_exporter that is scraped, as job `node`, from the moment it first answers; nil: none.
    public var nodeExporter: String?
    /// Scrape threads, each with a send queue of its own. A queue's records go out one at a time, so a distant receiver wants more.
    public var laneCount = 1
    public var lane = LaneOptions()
    public var scraping = ScrapeConfiguration()
    /// What logs to read, where there is a `logDestination`.
    public var logs = LogConfiguration()
    public var logWorker = LogWorkerOptions()

    public init(queueDirectory: String, hostName: String) {
        self.queueDirectory = queueDirectory
        self.hostName = hostName
    }
}

/// What an agent is given: the seams, and where its samples go.
public struct AgentDependencies: Sendable {
    public var caller: any HTTPCaller
    public var destination: any Destination
    /// Where logs go; nil: none are read.
    public var logDestination: (any LogDestination)?
    public var files: any FileSystem = PosixFileSystem()
    public var clock: any ClockSource = SystemClock()
    public var random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    public var log = Logger("agent")
    public var losses: any LossRecorder
    /// Where the agent's own instruments go; nil: nowhere.
    public var registry: InstrumentRegistry?
    /// Appends this process' own metrics, for job `obs`; nil: none.
    public var ownMetrics: (@Sendable (MetricBatch) -> Void)?

    public init(caller: any HTTPCaller, destination: any Destination, losses: any LossRecorder) {
        self.caller = caller
        self.destination = destination
        self.losses = losses
    }
}

/// Why an agent can't start.
public enum AgentError: Error, Sendable, CustomStringConvertible {
    case queue(QueueFailure)
    case pattern(RegexError)

    public var description: String {
        switch self {
        case .queue(let error): error.description
        case .pattern(let error): error.description
        }
    }
}

/// Scrapes targets and the host, keeps what it gets in a disk queue, and sends it on. Thread-safe.
///
/// Made, then started once, then stopped once. Between the two, `reload` changes what is scraped; whatever stays the same in it keeps its
/// state, its rhythm and its series.
public final class Agent: Sendable {
    private let options: AgentOptions
    private let log: Logger
    private let lanes: [LaneWorker]
    private let scrapers: [ScrapeWorker]
    private let locals: [LocalScrapeSource]
    private let discovery: DiscoveryWorker
    private let collecting = ThreadRunner()
    private let sending = ThreadRunner()
    private let jobs: Mutex<[ScrapeJob]>
    private let logs: LogAgent?

    /// Opens the queues; what earlier runs left in them will be sent first.
    public init(_ options: AgentOptions, _ dependencies: AgentDependencies) throws(AgentError) {
        precondition(options.laneCount > 0, "\(options.laneCount) lanes")
        self.options = options
        log = dependencies.log
        var lanes: [LaneWorker] = []
        for lane in 0..<options.laneCount { lanes.append(try Self.lane(lane, options, dependencies)) }
        let scrapers = lanes.enumerated().map { index, lane in
            ScrapeWorker(name: "scrape-\(index)", clock: dependencies.clock, hostName: options.hostName) {
                lane.push($0)
            }
        }
        let builtIns = try BuiltInTargets.make(options, dependencies)
        locals = builtIns.compactMap { $0.source as? LocalScrapeSource }
        discovery = DiscoveryWorker(
            clock: dependencies.clock, files: dependencies.files, log: dependencies.log, builtIns: builtIns,
            network: HTTPScrapeSource(caller: dependencies.caller, files: dependencies.files),
            providers: TargetProviders(caller: dependencies.caller, files: dependencies.files)
        ) { assignments in
            for (index, scraper) in scrapers.enumerated() {
                scraper.assign(assignments.filter { $0.target.shard(of: scrapers.count) == index })
            }
        }
        self.lanes = lanes
        self.scrapers = scrapers
        do throws(QueueFailure) { logs = try LogAgent.make(options, dependencies) } catch { throw .queue(error) }
        if let registry = dependencies.registry { AgentInstruments.register(scrapers, lanes, in: registry) }
        jobs = Mutex(options.scraping.jobs)
        discovery.configure(Self.allJobs(options, options.scraping.jobs))
    }

    private static func lane(
        _ number: Int, _ options: AgentOptions, _ dependencies: AgentDependencies
    ) throws(AgentError) -> LaneWorker {
        var random = dependencies.random
        let queue: DiskQueue
        do throws(QueueFailure) {
            queue = try DiskQueue(
                Path.join(options.queueDirectory, "lane-\(number)"), files: dependencies.files,
                options: options.lane.queue, random: &random)
        } catch {
            throw .queue(error)
        }
        return LaneWorker(
            lane: UInt32(number), producer: options.hostName, queue: queue, destination: dependencies.destination,
            options: options.lane, clock: dependencies.clock, random: random, log: dependencies.log,
            losses: dependencies.losses)
    }

    /// The workers, for a scheduler other than `start`'s threads; a simulation's, or a test's.
    public var workers: [any Worker] { [discovery] + locals + scrapers + lanes + (logs.map { [$0.worker] } ?? []) }

    /// Starts the threads.
    public func start() {
        for lane in lanes { sending.start(lane) }
        if let logs { sending.start(logs.worker) }
        for worker in locals as [any Worker] + scrapers { collecting.start(worker) }
        collecting.start(discovery)
    }

    /// Ends scraping, makes everything durable, and delivers what can be delivered in time.
    /// - Returns: whether it was all done within `deadlineSeconds`.
    @discardableResult
    public func stop(deadlineSeconds: Double) -> Bool {
        let clock = SystemClock()
        let end = clock.monotonicNanoseconds() + UInt64(max(0, deadlineSeconds) * 1e9)
        discovery.stop()
        for scraper in scrapers { scraper.stop() }
        for local in locals { local.stop() }
        collecting.stop()
        for lane in lanes { lane.stop() }
        logs?.stop()
        let now = clock.monotonicNanoseconds()
        let isFinished = sending.waitUntilFinished(nanoseconds: end > now ? end - now : 0)
        sending.stop()
        return isFinished
    }

    /// Scrapes as `configuration` says from now on, and logs what that changes.
    public func reload(_ configuration: ScrapeConfiguration) {
        let before = jobs.withLock { jobs in
            defer { jobs = configuration.jobs }
            return jobs
        }
        for line in Self.differences(before, configuration.jobs) {
            log.info("scrape configuration changed", ["change": line])
        }
        discovery.configure(Self.allJobs(options, configuration.jobs))
    }

    /// Reads logs as `configuration` says from now on. What stays the same goes on where it is.
    public func reload(logs configuration: LogConfiguration) { logs?.configure(configuration) }

    /// How reading and sending logs goes; nil where none are read.
    public var logStatistics: LogWorkerStatistics? { logs?.worker.statistics }

    /// What there is to scrape and how it went, for `/api/v1/targets`.
    public func targets() -> TargetStatuses {
        let refusals = discovery.currentRefusals
        var result = TargetStatuses()
        result.active = scrapers.flatMap(\.statuses).sorted {
            ($0.scrapePool, $0.labels, $0.scrapeURL) < ($1.scrapePool, $1.labels, $1.scrapeURL)
        }
        result.dropped = refusals.dropped.map {
            TargetStatuses.Dropped(discoveredLabels: $0.discovered, scrapePool: $0.job)
        }
        result.droppedCounts = refusals.droppedCounts
        return result
    }

    /// How sending goes, one entry a lane.
    public var laneStatistics: [LaneStatistics] { lanes.map(\.statistics) }

    private static func allJobs(_ options: AgentOptions, _ jobs: [ScrapeJob]) -> [ScrapeJob] {
        // A job of the configuration has the name for itself.
        guard let address = options.nodeExporter, !jobs.contains(where: { $0.name == BuiltInTargets.nodeJob }) else {
            return jobs
        }
        return [BuiltInTargets.nodeExporter(address, interval: options.builtInInterval)] + jobs
    }

    /// One line for each job that is new, gone or changed; without what is in it, which may be secret.
    static func differences(_ before: [ScrapeJob], _ after: [ScrapeJob]) -> [String] {
        var lines: [String] = []
        for job in after {
            guard let old = before.first(where: { $0.name == job.name }) else {
                lines.append("job \(job.name) added")
                continue
            }
            if old != job { lines.append("job \(job.name) changed") }
        }
        for job in before where !after.contains(where: { $0.name == job.name }) {
            lines.append("job \(job.name) removed")
        }
        return lines
    }
}
