import Bedrock
import Formats
import Model
import Transport

/// Where log batches go: a Loki push receiver, or a sink in this process. Thread-safe.
public protocol LogDestination: Sendable {
    /// For logs and metrics; without secrets.
    var name: String { get }
    /// Sends a batch, whose owner it becomes; `done` is called exactly once, from any thread.
    func send(_ batch: LogBatch, origin: BatchOrigin, done: @escaping @Sendable (DeliveryOutcome) -> Void)
}

/// The collector of the same process (`obsd all`), or a test's memory.
public struct LogSinkDestination: LogDestination {
    public let name: String
    private let sink: any Model.LogSink

    public init(name: String = "local", _ sink: any Model.LogSink) {
        self.name = name
        self.sink = sink
    }

    public func send(_ batch: LogBatch, origin: BatchOrigin, done: @escaping @Sendable (DeliveryOutcome) -> Void) {
        sink.write(batch, origin: origin) { done(DeliveryOutcome($0)) }
    }
}

/// A receiver of Loki's push protocol, ours or another's. Thread-safe.
public struct LokiPushDestination: LogDestination {
    public let name: String
    private let options: RemoteWriteDestination.Options
    private let caller: any HTTPCaller
    private let clock: any ClockSource

    /// - Parameter options: as for remote write, external labels included.
    public init(
        _ options: RemoteWriteDestination.Options, caller: any HTTPCaller, clock: any ClockSource = SystemClock()
    ) {
        self.options = options
        self.caller = caller
        self.clock = clock
        name = RemoteWriteDestination.safeName(options.url)
    }

    public func send(_ batch: LogBatch, origin: BatchOrigin, done: @escaping @Sendable (DeliveryOutcome) -> Void) {
        var body = ByteBuffer(capacity: batch.byteCount / 2)
        LokiPushEncoder.body(ExternalLabels.add(options.externalLabels, to: batch), into: &body)
        var headers = HTTPHeaders()
        for (name, value) in LokiPushEncoder.headers { headers.add(name, value) }
        RemoteWriteDestination.add(origin, to: &headers)
        var call = HTTPCall(
            .post, options.url, headers: headers, body: body.array(), timeoutSeconds: options.timeoutSeconds,
            responseMax: 1 << 20)
        call.options = options.http
        let clock = clock
        let rows = batch.rowCount
        caller.send(call) {
            done(RemoteWriteDestination.outcome($0, samples: rows, now: clock.now()))
        }
    }
}
