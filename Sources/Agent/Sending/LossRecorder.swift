/// Counts what the agent loses, by place and reason; the process' loss ledger stands behind it. Thread-safe.
public protocol LossRecorder: Sendable {
    /// - Parameters:
    ///   - place: where in the agent, such as `agent_queue`.
    ///   - reason: why, such as `queue_overflow`; a word fit for a label.
    func lost(samples: Int, place: String, reason: String)
    /// The same for log lines.
    func lost(lines: Int, place: String, reason: String)
    /// The same for spans.
    func lost(spans: Int, place: String, reason: String)
}
