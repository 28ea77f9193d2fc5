/// Where a batch comes from, and what makes a retry recognisable.
public struct BatchOrigin: Sendable {
    public var tenant: Tenant
    /// Set by our own agent and SDK: a repeated or lower `sequence` of the same producer and lane is dropped as a retry.
    public var producer: Producer?

    public struct Producer: Hashable, Sendable {
        public var name: String
        public var lane: UInt32
        public var sequence: UInt64

        public init(name: String, lane: UInt32, sequence: UInt64) {
            self.name = name
            self.lane = lane
            self.sequence = sequence
        }
    }

    public init(tenant: Tenant = .default, producer: Producer? = nil) {
        self.tenant = tenant
        self.producer = producer
    }
}

/// What became of an accepted batch.
public struct WriteReceipt: Equatable, Sendable {
    /// Samples now durable and visible to queries (exact repeats included).
    public var accepted: Int
    /// Samples refused for a reason of their own, such as being too old; the rest of the batch went in.
    public var rejected: Int
    /// The first reason, naming the series.
    public var firstRejection: String?
    /// How many of `accepted` are native histograms.
    public var histograms: Int
    /// Exemplars stored, repeats included, and those refused; they are in none of the numbers above.
    public var exemplars: Int
    public var exemplarsRejected: Int

    public init(
        accepted: Int, rejected: Int = 0, firstRejection: String? = nil, histograms: Int = 0, exemplars: Int = 0,
        exemplarsRejected: Int = 0
    ) {
        self.accepted = accepted
        self.rejected = rejected
        self.firstRejection = firstRejection
        self.histograms = histograms
        self.exemplars = exemplars
        self.exemplarsRejected = exemplarsRejected
    }
}

/// Why a batch was not taken. Nothing of it was stored.
public enum WriteError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Bad data: a retry would fail again (HTTP 400).
    case invalid(String)
    /// Too much at once (HTTP 413).
    case tooLarge(String)
    /// A budget is exhausted; try again later (HTTP 503).
    case overloaded(String, retryAfterSeconds: Int)
    /// The tenant's own limit is reached; try again later (HTTP 429).
    case tenantLimit(String, retryAfterSeconds: Int)
    /// No room on disk; reads go on (HTTP 503).
    case diskFull(String)
    /// Shutting down, or an error of the store (HTTP 503).
    case unavailable(String)

    public var description: String {
        switch self {
        case .invalid(let why), .tooLarge(let why), .diskFull(let why), .unavailable(let why): why
        case .overloaded(let why, let seconds), .tenantLimit(let why, let seconds): "\(why); retry after \(seconds) s"
        }
    }
}

/// Takes metric batches: the collector's shards, an agent's disk queue, a test's memory.
public protocol MetricSink: Sendable {
    /// Takes `batch` over until `done`, and keeps nothing of it beyond that: receivers fill it again.
    /// Calls `done` exactly once, from any thread, when the batch is durable and visible, or refused.
    /// Returns at once; a full queue is answered through `done` with `.overloaded`.
    func write(
        _ batch: MetricBatch, origin: BatchOrigin, done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void)
}
