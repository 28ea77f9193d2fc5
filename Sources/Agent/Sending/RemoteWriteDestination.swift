import Bedrock
import Formats
import Model
import Transport

/// A receiver of Prometheus' remote write 1.0, ours or another's. Thread-safe.
public struct RemoteWriteDestination: Destination {
    public struct Options: Sendable {
        /// Where to, absolute; its user, password and query never show up in logs.
        public var url: String
        public var http = HTTPCallOptions()
        public var timeoutSeconds = 30.0
        /// Added to series that have no such label.
        public var externalLabels: [LabelPair] = []

        public init(url: String) { self.url = url }
    }

    /// The batch's producer, lane and sequence, by which our own collector recognises a repeated request.
    public static let producerHeader = "X-Obs-Producer"
    public static let laneHeader = "X-Obs-Lane"
    public static let sequenceHeader = "X-Obs-Sequence"
    /// The tenant, as Cortex, Mimir and Loki name it.
    public static let tenantHeader = "X-Scope-OrgID"
    private static let writtenHeader = "X-Prometheus-Remote-Write-Samples-Written"
    /// As much of a refusal's body as is shown.
    private static let reasonBytesMax = 512

    public let name: String
    private let options: Options
    private let caller: any HTTPCaller
    private let clock: any ClockSource

    public init(_ options: Options, caller: any HTTPCaller, clock: any ClockSource = SystemClock()) {
        self.options = options
        self.caller = caller
        self.clock = clock
        name = Self.safeName(options.url)
    }

    public func send(_ batch: MetricBatch, origin: BatchOrigin, done: @escaping @Sendable (DeliveryOutcome) -> Void) {
        var plain = ByteBuffer(capacity: batch.byteCount)
        RemoteWriteEncoder.encode(ExternalLabels.add(options.externalLabels, to: batch), into: &plain)
        var body = ByteBuffer(capacity: plain.count / 2)
        Snappy.compress(plain.bytes, into: &body)
        var headers = HTTPHeaders()
        for (name, value) in RemoteWriteEncoder.headers { headers.add(name, value) }
        Self.add(origin, to: &headers)
        var call = HTTPCall(
            .post, options.url, headers: headers, body: body.array(), timeoutSeconds: options.timeoutSeconds,
            responseMax: 1 << 20)
        call.options = options.http
        let clock = clock
        let samples = batch.sampleCount
        caller.send(call) { done(Self.outcome($0, samples: samples, now: clock.now())) }
    }

    /// Tenant, producer, lane and sequence.
    static func add(_ origin: BatchOrigin, to headers: inout HTTPHeaders) {
        if origin.tenant != .default { headers.add(tenantHeader, origin.tenant.name) }
        guard let producer = origin.producer else { return }
        headers.add(producerHeader, producer.name)
        headers.add(laneHeader, String(producer.lane))
        headers.add(sequenceHeader, String(producer.sequence))
    }

    /// As the specification has it: 5xx, 429 and silence are tried again, every other refusal is final.
    static func outcome(
        _ result: Result<HTTPResponse, HTTPCallError>, samples: Int, now: Int64
    ) -> DeliveryOutcome {
        switch result {
        case .failure(let error): return .retry(text: error.description, afterSeconds: nil)
        case .success(let response):
            let reason = reason(response.body)
            let text = "HTTP status \(response.status): " + reason
            switch response.status {
            case 200..<300: return .delivered(rejected: 0, firstRejection: nil)
            case 429, 500...: return .retry(text: text, afterSeconds: retryAfter(response, now: now))
            default:
                // A receiver that says how much it stored has counted the rest as lost itself.
                if let written = response.headers[writtenHeader].flatMap({ Int($0) }), written > 0 {
                    return .delivered(rejected: max(0, samples - written), firstRejection: reason)
                }
                return .refused(reason: "http_\(response.status)", text: text)
            }
        }
    }

    private static func retryAfter(_ response: HTTPResponse, now: Int64) -> Double? {
        response.headers["Retry-After"].flatMap { RetryPolicy.seconds(retryAfter: $0, now: now) }
    }

    private static func reason(_ body: [UInt8]) -> String {
        var text = String(decoding: body.prefix(reasonBytesMax), as: UTF8.self)
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }

    /// The URL without user, password and query.
    static func safeName(_ url: String) -> String {
        let bare = url.prefix { $0 != "?" && $0 != "#" }
        let parts = bare.split(separator: "/", omittingEmptySubsequences: false)
        return parts.enumerated().map { index, part in
            index == 2
                ? String(part[(part.lastIndex(of: "@").map { part.index(after: $0) } ?? part.startIndex)...])
                : String(part)
        }.joined(separator: "/")
    }
}
