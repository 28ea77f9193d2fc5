import Transport

/// Bounds and pace of one lane.
public struct LaneOptions: Sendable {
    public var queue = QueueOptions()
    /// Memory of batches that wait to be written to the queue.
    public var memoryBytesMax = 32 << 20
    /// Batches are joined into one record, and so into one request, up to about this size in memory.
    public var recordBytes = 1 << 20
    /// Pace of sending, so that draining after an outage doesn't drown the receiver.
    public var samplesPerSecondMax = 1_000_000.0
    /// Between tries: from 30 ms to 5 s, as the remote-write specification suggests.
    public var retry = RetryPolicy(firstSeconds: 0.03, secondsMax: 5)

    public init() {}
}

/// How one lane does.
public struct LaneStatistics: Sendable, Equatable {
    /// Since the start.
    public var samplesSent = 0
    /// Tries that failed since the start.
    public var requestsFailed = 0
    /// On disk and not delivered yet.
    public var backlogRecords = 0
    public var backlogSamples = 0
    /// On disk, delivered or not.
    public var queueBytes = 0
    /// Waiting to get on disk.
    public var memoryBytes = 0
    /// Of the last failure; empty while sending works.
    public var lastError = ""

    public init() {}
}
