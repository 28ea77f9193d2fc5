import Bedrock
import Formats
import Transport

/// Sends the batches of one signal, one at a time, and tries again what may succeed later. Belongs to the exporter's thread.
final class ExportLane {
    /// What the lane waits for.
    private enum State {
        case idle
        case sending(since: UInt64)
        /// Until a monotonic time.
        case waiting(UInt64)
    }

    let source: any ExportSource
    private let destination: TelemetryOptions.Destination
    private let retry: RetryPolicy
    private let retryNanosecondsMax: UInt64
    private let ledger: ExportLedger
    private let problems: ProblemReporter
    private let clock: TelemetryClock
    private var state = State.idle
    private var call: HTTPCall?
    private var recordCount = 0
    private var attempts = 0
    private var firstTry: UInt64 = 0
    private var random = SystemRandomNumberGenerator()
    private var cancellation: Cancellation?

    init(
        _ source: any ExportSource, _ destination: TelemetryOptions.Destination, options: TelemetryOptions,
        ledger: ExportLedger, problems: ProblemReporter, clock: TelemetryClock
    ) {
        self.source = source
        self.destination = destination
        retry = options.retry
        retryNanosecondsMax = UInt64(max(0, min(options.retrySecondsMax, 1e9)) * 1e9)
        self.ledger = ledger
        self.problems = problems
        self.clock = clock
    }

    /// Does what is due. Gives the monotonic time of what comes next.
    func advance(now: UInt64, flushUntil mark: UInt64?, send: (HTTPCall) -> Void) -> UInt64 {
        switch state {
        case .sending: return .max
        case .waiting(let until):
            // Whoever flushes doesn't wait out a long backoff.
            let until = mark == nil ? until : min(until, now &+ 200_000_000)
            guard now >= until else {
                state = .waiting(until)
                return until
            }
            begin(now, send)
            return .max
        case .idle:
            let due = source.due(now: now)
            let isFlushing = mark.map { source.hasUnsent(until: $0) } ?? false
            guard now >= due || isFlushing else { return due }
            guard let batch = source.makeBatch(now: now) else { return source.due(now: now) }
            prepare(batch)
            attempts = 0
            firstTry = now
            begin(now, send)
            return .max
        }
    }

    /// Compresses the batch into a call.
    private func prepare(_ batch: ExportBatch) {
        recordCount = batch.recordCount
        var headers = destination.headers
        headers["Content-Type"] = "application/x-protobuf"
        var body = batch.body
        if destination.compression != .none, body.count > 256 {
            var compressed = ByteBuffer(capacity: body.count / 2 + 64)
            body.withUnsafeBytes { bytes in
                switch destination.compression {
                case .none: break
                case .gzip: Gzip.compress(bytes, into: &compressed, level: 1)
                case .zstd: Zstd.compress(bytes, into: &compressed, level: 1)
                }
            }
            body = compressed.array()
            headers["Content-Encoding"] = destination.compression.rawValue
        }
        var call = HTTPCall(.post, destination.url, headers: headers, body: body, responseMax: 1 << 20)
        if destination.tls != HTTPCallOptions.TLS() {
            var options = HTTPCallOptions()
            options.tls = destination.tls
            call.options = options
        }
        self.call = call
    }

    private func begin(_ now: UInt64, _ send: (HTTPCall) -> Void) {
        guard var call else { return }
        call.timeoutSeconds = max(0.01, destination.timeoutSeconds)
        let cancellation = Cancellation()
        call.cancellation = cancellation
        self.cancellation = cancellation
        attempts += 1
        state = .sending(since: now)
        ledger.requests.add()
        ledger.bytes.add(call.body.count)
        send(call)
    }

    /// Takes the outcome of the call under way.
    func receive(_ result: Result<HTTPResponse, HTTPCallError>, now: UInt64) {
        guard case .sending = state else { return }
        switch result {
        case .success(let response) where (200..<300).contains(response.status): deliver(response)
        case .success(let response) where [408, 429, 502, 503, 504].contains(response.status):
            wait(response, "answered \(response.status)", now)
        case .success(let response):
            let text = String(decoding: response.body.prefix(200), as: UTF8.self).filter { !$0.isNewline }
            drop(.rejected, "answered \(response.status)\(text.isEmpty ? "" : ": " + text)")
        case .failure(let error):
            switch error {
            case .unreachable, .timeout, .cancelled, .other: wait(nil, error.description, now)
            case .tooLarge: deliver(nil)
            }
        }
    }

    private func deliver(_ response: HTTPResponse?) {
        var rejected = 0
        if let response, !response.body.isEmpty {
            let partial = OTLPPartialSuccess(response.body)
            rejected = min(max(0, partial.rejected), recordCount)
            if rejected > 0 {
                ledger.dropped(source.signal, .rejected).add(rejected)
                problems.report(
                    .export, "\(destination.url) refused some \(source.signal.rawValue): \(partial.message)")
            }
        }
        ledger.exported(source.signal).add(recordCount - rejected)
        settle(isDelivered: true)
    }

    private func wait(_ response: HTTPResponse?, _ why: String, _ now: UInt64) {
        ledger.failures.add()
        problems.report(.export, "\(destination.url) \(why); will try again")
        if now &- firstTry >= retryNanosecondsMax {
            return drop(.retriesExhausted, "\(why), and did so for \(retryNanosecondsMax / 1_000_000_000) s")
        }
        let seconds = retry.delaySeconds(
            attempt: attempts, answer: response, now: clock.source.now(), random: &random)
        state = .waiting(now &+ UInt64(seconds * 1e9))
    }

    private func drop(_ reason: DropReason, _ why: String) {
        if reason == .rejected { ledger.failures.add() }
        ledger.dropped(source.signal, reason).add(recordCount)
        problems.report(.export, "\(recordCount) records of \(source.signal.rawValue) lost: \(destination.url) \(why)")
        settle(isDelivered: false)
    }

    private func settle(isDelivered: Bool) {
        state = .idle
        call = nil
        cancellation = nil
        recordCount = 0
        source.settle(isDelivered: isDelivered)
    }

    /// Gives up everything.
    func abandon() {
        cancellation?.cancel()
        if call != nil {
            ledger.dropped(source.signal, .shutdown).add(recordCount)
            settle(isDelivered: false)
        }
        ledger.dropped(source.signal, .shutdown).add(source.discard())
    }
}
