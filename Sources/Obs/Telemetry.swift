import Bedrock
import Formats
import Glibc
import Instruments
import Model
import Synchronization
import Transport

/// The telemetry of one process: makes meters, tracers and loggers, and sends what they record. Thread-safe.
///
/// Recording never blocks and never fails. Everything waits in bounded memory; what doesn't fit is dropped and counted
/// (`obs.sdk.dropped`). Call `shutdown` before the process ends, or what was recorded last is lost.
public final class Telemetry: Sendable {
    public let options: TelemetryOptions
    /// What identifies this process in all exports.
    public let resource: Attributes
    let clock: TelemetryClock
    let problems: ProblemReporter
    let ledger = ExportLedger()
    let registry: MetricRegistry
    let budget: BudgetKeeper
    let core: RecordCore
    private let exporter: Exporter
    private let runner = ThreadRunner()
    private let isShutDown = Atomic<Bool>(false)
    private let included = Mutex<[InstrumentRegistry]>([])
    private let processRegistry = InstrumentRegistry()

    /// Starts a thread that exports, and an HTTP client unless the options bring one.
    public init(_ options: TelemetryOptions = .fromEnvironment()) {
        self.options = options
        clock = TelemetryClock(options.clock)
        problems = ProblemReporter(options.onProblem)
        for problem in options.problems { problems.report(.configuration, problem) }
        resource = options.detectsResource ? options.resource.over(ResourceDetection.detect()) : options.resource
        registry = MetricRegistry(
            views: options.views, cardinalityLimit: options.cardinalityLimit, clock: clock, problems: problems)
        let encodedResource = OTLPMetricWriter.resource(resource.entries)
        let recorded = RecordCounts()
        let budget = BudgetKeeper(options.budget, ledger: ledger) { recorded.counts }
        self.budget = budget
        let alarm = ExportAlarm()
        core = RecordCore(options, clock: clock, ledger: ledger, budget: budget) { alarm.ring() }
        recorded.watch(core)
        var sources: [(any ExportSource, TelemetryOptions.Destination)] = []
        sources.append((MetricSource(registry, resource: encodedResource, options: options), options.metrics))
        sources.append(
            (RecordSource(.traces, core, resource: encodedResource, batching: options.spans), options.traces))
        sources.append(
            (RecordSource(.logs, core, resource: encodedResource, batching: options.logRecords), options.logs))
        var lanes: [ExportLane] = []
        for (source, destination) in sources where destination.isEnabled && !options.isDisabled {
            lanes.append(
                ExportLane(
                    source, destination, options: options, ledger: ledger, problems: problems, clock: clock))
        }
        exporter = Exporter(
            lanes: lanes, caller: options.caller ?? Self.client(), clock: clock, budget: budget)
        alarm.connect(exporter)
        observeItself()
        if options.exportsProcessMetrics, !options.isDisabled {
            ProcessMetrics.register(in: processRegistry)
            RuntimeMetrics.register(in: meter("obs.runtime", version: ResourceDetection.version))
            included.withLock { $0.append(processRegistry) }
        }
        if !options.isDisabled { runner.start(exporter) }
    }

    deinit { _ = shutdown(deadlineSeconds: 0) }

    private static func client() -> HTTPClient {
        var options = HTTPClientOptions()
        options.userAgent = "OTel-OTLP-Exporter-Swift-obs/\(ResourceDetection.version)"
        return HTTPClient(options)
    }

    /// The maker of instruments of one library or module.
    public func meter(_ name: String, version: String = "") -> Meter {
        Meter(
            scope: InstrumentationScope(name, version: version), registry: registry,
            cardinalityLimit: options.cardinalityLimit)
    }

    /// The maker of spans of one library or module.
    public func tracer(_ name: String, version: String = "") -> Tracer {
        let scope = InstrumentationScope(name, version: version)
        return Tracer(scope: scope, core: core, number: core.scopeNumber(scope))
    }

    /// The writer of log records of one library or module.
    public func logger(_ name: String, version: String = "") -> Logger {
        let scope = InstrumentationScope(name, version: version)
        return Logger(scope: scope, core: core, number: core.scopeNumber(scope), lowest: options.lowestSeverity)
    }

    // MARK: Scraping

    /// Adds the instruments of `other` to expositions. Their names come before those of meters where they clash.
    public func include(_ other: InstrumentRegistry) { included.withLock { $0.append(other) } }

    /// The body for a scrape with this `Accept` header, and its content type. Whatever the instruments' names, it is well-formed.
    public func exposition(accept: String? = nil) -> (contentType: String, body: [UInt8]) {
        let format = ExpositionFormat.negotiated(accept: accept)
        let body = MetricExposition.write(
            registry, resource: resource, others: included.withLock { $0 }, format)
        return (format.contentType, body)
    }

    /// Answers scrapes at `path` of a `Transport` server.
    public func metricsRoute(_ path: String = "/metrics") -> HTTPRoute {
        HTTPRoute([.get], path) { [weak self] request, respond in
            guard let self else { return respond(HTTPResponse(status: 503)) }
            let (contentType, body) = exposition(accept: request.headers["Accept"])
            respond(HTTPResponse(status: 200, headers: ["Content-Type": contentType], body: body))
        }
    }

    // MARK: Ending

    /// Sends everything recorded so far. Blocks for at most `deadlineSeconds`.
    /// - Returns: whether everything was settled by then.
    @discardableResult
    public func flush(deadlineSeconds: Double = 10) -> Bool {
        guard !options.isDisabled, !isShutDown.load(ordering: .acquiring) else { return true }
        return exporter.flush(deadline: deadline(deadlineSeconds)).wait(clock)
    }

    /// Sends everything recorded so far, all signals at once, and ends the exporting thread. Blocks for at most `deadlineSeconds`, whatever
    /// the collector does; what could not be sent by then is dropped and counted. Later calls do nothing.
    /// - Returns: what became of everything recorded.
    @discardableResult
    public func shutdown(deadlineSeconds: Double = 5) -> ShutdownReport {
        let isFirst = isShutDown.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing)
            .exchanged
        guard isFirst, !options.isDisabled else { return report(isComplete: true) }
        let isComplete = deadlineSeconds > 0 && exporter.flush(deadline: deadline(deadlineSeconds)).wait(clock)
        let closing = exporter.flush(deadline: deadline(max(1, deadlineSeconds)))
        exporter.close()
        // A callback of an asynchronous instrument may hold the thread up; then it ends by itself, later.
        let hasEnded = closing.waitBriefly(clock)
        if !hasEnded { _ = Unmanaged.passRetained(runner) }
        return report(isComplete: isComplete)
    }

    /// As `shutdown(deadlineSeconds:)`, without blocking a thread of the cooperative pool.
    @discardableResult
    public func shutdown(deadlineSeconds: Double = 5) async -> ShutdownReport {
        await Self.onThread { self.shutdownNow(deadlineSeconds) }
    }

    /// As `flush(deadlineSeconds:)`, without blocking a thread of the cooperative pool.
    @discardableResult
    public func flush(deadlineSeconds: Double = 10) async -> Bool {
        await Self.onThread { self.flushNow(deadlineSeconds) }
    }

    private func shutdownNow(_ seconds: Double) -> ShutdownReport { shutdown(deadlineSeconds: seconds) }
    private func flushNow(_ seconds: Double) -> Bool { flush(deadlineSeconds: seconds) }

    private static func onThread<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
        await withCheckedContinuation { continuation in
            BlockingThread.run { continuation.resume(returning: body()) }
        }
    }

    private func deadline(_ seconds: Double) -> UInt64 {
        clock.nanoseconds() &+ UInt64(max(0, min(seconds, 86_400)) * 1e9)
    }

    private func report(isComplete: Bool) -> ShutdownReport {
        var exported: [TelemetrySignal: Int] = [:]
        var dropped: [TelemetrySignal: Int] = [:]
        for signal in TelemetrySignal.allCases {
            exported[signal] = ledger.exported(signal).value
            dropped[signal] = ledger.droppedCount(signal)
        }
        return ShutdownReport(isComplete: isComplete, exported: exported, dropped: dropped)
    }

    /// Records of one signal that never arrived, for one reason.
    public func droppedCount(_ signal: TelemetrySignal, _ reason: DropReason) -> Int {
        ledger.dropped(signal, reason).value
    }

    /// Records of one signal that the collector has taken.
    public func exportedCount(_ signal: TelemetrySignal) -> Int { ledger.exported(signal).value }
}

/// What became of everything that a telemetry recorded.
public struct ShutdownReport: Sendable, Equatable {
    /// Whether all was settled before the deadline.
    public var isComplete: Bool
    /// Records that the collector has taken: spans, data points, log records.
    public var exported: [TelemetrySignal: Int]
    public var dropped: [TelemetrySignal: Int]
}

/// Wakes the exporter, which is made later than those who wake it.
private final class ExportAlarm: Sendable {
    private let waker = Mutex<Waker?>(nil)

    func connect(_ exporter: Exporter) { waker.withLock { $0 = exporter.waker } }
    func ring() { waker.withLock { $0 }?.wake() }
}

/// Counts what was recorded, for the budget, which is made earlier than the records.
private final class RecordCounts: Sendable {
    // Not the core itself, weakly: an object with weak references is slow to retain.
    private let queues = Mutex<(spans: RecordQueue, logs: RecordQueue)?>(nil)

    func watch(_ core: RecordCore) { queues.withLock { $0 = (core.spans, core.logs) } }

    var counts: (spans: UInt64, logs: UInt64) {
        queues.withLock { ($0?.spans.enqueuedCount ?? 0, $0?.logs.enqueuedCount ?? 0) }
    }
}

/// Short-lived threads for what blocks.
enum BlockingThread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Runs `body` on a thread of its own, or here when there is none to be had.
    static func run(_ body: @escaping @Sendable () -> Void) {
        let boxed = Unmanaged.passRetained(Body(body))
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, boxed.toOpaque())
        if status == 0 {
            pthread_detach(thread)
        } else {
            boxed.takeRetainedValue().run()
        }
    }
}
