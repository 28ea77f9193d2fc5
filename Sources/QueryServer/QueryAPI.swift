import Bedrock
import Formats
import LogQL
import PromQL
import Synchronization
import TraceQL
import Transport

/// The Prometheus HTTP API over a series source, and the Loki HTTP API over a log source where there is one. Thread-safe.
///
/// Endpoints that read data run on query threads, in a bounded number, behind a bounded line; the rest answers at once.
public final class QueryAPI: Sendable {
    /// Writes the `data` of an answer.
    typealias Endpoint = @Sendable (QueryCall, inout JSONWriter) throws -> Remarks
    /// Gives a whole answer that is not in the JSON envelope.
    typealias PlainEndpoint = @Sendable (QueryCall) throws -> HTTPResponse
    /// The answer to an error, in an API's own form.
    typealias ErrorForm = @Sendable (any Error) -> HTTPResponse

    let dependencies: QueryDependencies
    let options: QueryOptions
    private let scheduler: QueryScheduler
    /// Nil where nothing is written that could be followed.
    let tails: TailHub?
    let logEngine: LogQLEngine
    let traceEngine: TraceQLEngine
    let exportCount = Atomic<Int>(0)
    private let pool: QueryPool

    public init(_ dependencies: QueryDependencies, options: QueryOptions = QueryOptions()) {
        self.dependencies = dependencies
        self.options = options
        pool = dependencies.engine.pool ?? QueryPool(threads: QueryPool.coreCount)
        scheduler = QueryScheduler(threads: options.concurrencyMax, waitingMax: options.waitingMax)
        tails = dependencies.feed.map {
            TailHub($0, options: dependencies.logOptions, clock: dependencies.clock)
        }
        logEngine = LogQLEngine(Self.logEngineOptions(dependencies, pool))
        traceEngine = TraceQLEngine(Self.traceEngineOptions(dependencies, pool))
    }

    deinit { stop() }

    /// Queries being evaluated.
    public var runningCount: Int { scheduler.runningCount }
    /// Queries waiting for a thread.
    public var waitingCount: Int { scheduler.waitingCount }

    /// Ends the query threads after what they are at. Call it once no more requests come.
    public func stop() {
        tails?.stop()
        scheduler.stop()
    }

    /// Everything this room answers. The routes keep the API alive.
    public func routes() -> [HTTPRoute] {
        evaluationRoutes() + seriesRoutes() + statusRoutes() + plainRoutes() + lokiRoutes() + jaegerRoutes()
            + tempoRoutes()
    }

    /// An engine with this lookback, milliseconds; nil or 0 for the default.
    func engine(lookback: Int64?) -> Engine {
        var options = dependencies.engine
        options.pool = pool
        // One more than Prometheus' 11 000 intervals, of which both ends are steps.
        options.stepsMax = max(options.stepsMax, EvaluationLimits.intervalsMax + 1)
        if let lookback, lookback > 0 { options.lookbackMilliseconds = lookback }
        return Engine(options)
    }

    // MARK: Routes

    /// A route that reads data.
    func reading(_ methods: [HTTPMethod], _ path: String, _ endpoint: @escaping Endpoint) -> HTTPRoute {
        readingPlain(methods, "/api/v1/" + path) { call in
            try Envelope.success(capacity: 4096) { writer in try endpoint(call, &writer) }
        }
    }

    /// A route that reads data and answers without an envelope.
    func readingPlain(
        _ methods: [HTTPMethod], _ path: String, whenReady: Bool = true,
        errors: @escaping ErrorForm = { APIError($0).response }, _ endpoint: @escaping PlainEndpoint
    ) -> HTTPRoute {
        let name = path.utf8.split(separator: UInt8(ascii: "/")).last.flatMap { String($0) } ?? path
        return HTTPRoute(methods, path, bodyMax: options.bodyMax) { [self] request, respond in
            guard !whenReady || dependencies.isReady() else { return respond(Self.notReady) }
            let call = QueryCall(
                request, endpoint: name, tenant: dependencies.tenant(request), clock: dependencies.clock,
                timeoutSeconds: options.timeoutSeconds)
            let isTaken = scheduler.submit { [self] in respond(run(call, errors, endpoint)) }
            if !isTaken {
                dependencies.observer?.queryRefused(endpoint: name)
                respond(refusal(errors))
            }
        }
    }

    /// A route that answers at once.
    func quick(_ path: String, whenReady: Bool = true, _ endpoint: @escaping Endpoint) -> HTTPRoute {
        HTTPRoute([.get], "/api/v1/" + path) { [self] request, respond in
            guard !whenReady || dependencies.isReady() else { return respond(Self.notReady) }
            let call = QueryCall(
                request, endpoint: path, tenant: dependencies.tenant(request), clock: dependencies.clock,
                timeoutSeconds: options.timeoutSeconds)
            do {
                respond(try Envelope.success { writer in try endpoint(call, &writer) })
            } catch {
                respond(APIError(error).response)
            }
        }
    }

    /// Runs `job` on a query thread: a part of an answer that was begun, and so waits in line without being turned away.
    func goOn(_ job: @escaping @Sendable () -> Void) { scheduler.resubmit(job) }

    func run(_ call: QueryCall, _ errors: ErrorForm, _ endpoint: PlainEndpoint) -> HTTPResponse {
        call.start()
        let response: HTTPResponse
        do {
            do throws(Cancelled) { try call.cancellation.check() } catch {
                throw error == .deadline
                    ? APIError(.timeout, "query timed out in query queue")
                    : APIError(.canceled, "query was canceled in query queue")
            }
            response = try endpoint(call)
        } catch {
            response = errors(error)
        }
        finish(call, status: response.status)
        return response
    }

    private func finish(_ call: QueryCall, status: Int) {
        let cost = call.noted
        let waited = call.waitedSeconds
        let seconds = call.ageSeconds - waited
        dependencies.observer?.queryFinished(
            QueryRecord(
                endpoint: call.endpoint, status: status, waitedSeconds: waited, seconds: seconds,
                samplesRead: cost.samplesRead, seriesSelected: cost.seriesSelected))
        if let slow = options.slowQuerySeconds, seconds >= slow {
            SlowQueryLog(logger: dependencies.logger, textBytesMax: options.loggedQueryBytesMax)
                .write(call, status: status, waited: waited, seconds: seconds)
        }
    }

    private func refusal(_ errors: ErrorForm) -> HTTPResponse {
        var response = errors(
            APIError(
                .unavailable,
                "too many queries: \(options.concurrencyMax) are running and \(options.waitingMax) waiting; try again later"
            ))
        response.headers["Retry-After"] = "1"
        return response
    }

    static let notReady = HTTPResponse(status: 503, contentType: "text/plain; charset=utf-8", "Service Unavailable")
}
