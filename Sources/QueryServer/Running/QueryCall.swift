import Bedrock
import Model
import Synchronization
import Transport

/// One request to a query endpoint, from its arrival to its answer. Thread-safe.
final class QueryCall: Sendable {
    /// What became known while it ran, for the log and for metrics.
    struct Cost {
        var samplesRead = 0
        var seriesSelected = 0
        /// Of a range query, for the log.
        var span: (start: Int64, end: Int64, step: Int64)?
    }

    let request: HTTPRequest
    /// The last part of its path.
    let endpoint: String
    let tenant: Tenant
    /// Monotonic nanoseconds of `clock`.
    let arrivedAt: UInt64
    let clock: any ClockSource
    /// Ends with the client's connection, and at the server's deadline.
    let cancellation: Cancellation
    private let startedNanoseconds = Atomic<UInt64>(0)
    private let cost = Mutex(Cost())

    init(_ request: HTTPRequest, endpoint: String, tenant: Tenant, clock: any ClockSource, timeoutSeconds: Double) {
        self.request = request
        self.endpoint = endpoint
        self.tenant = tenant
        self.clock = clock
        arrivedAt = clock.monotonicNanoseconds()
        cancellation = Cancellation(
            clock: clock, deadlineNanoseconds: arrivedAt &+ UInt64(max(0, timeoutSeconds) * 1e9),
            parent: request.cancellation)
    }

    var parameters: Parameters { Parameters(request: request) }

    /// Its cancellation, brought forward by the request's `timeout`.
    func cancellationWithTimeout() throws(APIError) -> Cancellation {
        guard let nanoseconds = try parameters.duration("timeout") else { return cancellation }
        return Cancellation(
            clock: clock, deadlineNanoseconds: arrivedAt &+ UInt64(max(0, nanoseconds)), parent: cancellation)
    }

    func start() { startedNanoseconds.store(clock.monotonicNanoseconds(), ordering: .relaxed) }

    /// Seconds it waited for a thread.
    var waitedSeconds: Double { Double(startedNanoseconds.load(ordering: .relaxed) &- arrivedAt) * 1e-9 }
    /// Seconds since its arrival.
    var ageSeconds: Double { Double(clock.monotonicNanoseconds() &- arrivedAt) * 1e-9 }

    func note(_ body: (inout Cost) -> Void) { cost.withLock { body(&$0) } }
    var noted: Cost { cost.withLock { $0 } }
}
