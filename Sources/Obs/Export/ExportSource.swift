import Bedrock

/// What one signal has to send. Used by the exporter's thread alone, but for what its implementations say.
protocol ExportSource: AnyObject, Sendable {
    var signal: TelemetrySignal { get }

    /// Monotonic nanoseconds when a batch should next be made; `.max` while there is nothing.
    func due(now: UInt64) -> UInt64

    /// Makes a batch, or nil when there is nothing. Another one is made only once this has been settled.
    func makeBatch(now: UInt64) -> ExportBatch?

    /// The batch has arrived, or never will.
    func settle(isDelivered: Bool)

    /// A mark that `isSettled` later tells whether everything recorded until now has been settled.
    func flushMark() -> UInt64
    /// Everything until `mark` should be sent now.
    func hasUnsent(until mark: UInt64) -> Bool
    func isSettled(until mark: UInt64) -> Bool

    /// Forgets what has not been made into a batch; how many records that was.
    func discard() -> Int
}

/// An encoded request, not yet compressed.
struct ExportBatch {
    var body: [UInt8]
    var recordCount: Int
}
