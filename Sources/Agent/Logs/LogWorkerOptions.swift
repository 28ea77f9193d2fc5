import Transport

/// Bounds and pace of the log side of an agent.
public struct LogWorkerOptions: Sendable {
    /// The queue on disk. Full, it makes reading wait: files and the journal are the buffer then.
    public var queue = QueueOptions()
    /// Lines are gathered into one record, and so into one request, up to about this size.
    public var recordBytes = 1 << 20
    /// How long lines wait for others to share a record with. Milliseconds.
    public var batchWait: Int64 = 100
    /// Between tries to send.
    public var retry = RetryPolicy(firstSeconds: 0.03, secondsMax: 5)

    public init() { queue.overflow = .refuse }
}

/// How the log side of an agent does.
public struct LogWorkerStatistics: Sendable, Equatable {
    /// Since the start: lines that became durable in the queue, and lines delivered.
    public var linesQueued = 0
    public var linesSent = 0
    /// Tries to send that failed.
    public var requestsFailed = 0
    /// On disk and not delivered yet.
    public var backlogRecords = 0
    public var backlogLines = 0
    /// On disk, delivered or not.
    public var queueBytes = 0
    /// Reading waits for room in the queue.
    public var isBlocked = false
    /// Of the last failure; empty while all works.
    public var lastError = ""

    public init() {}
}
