import Bedrock
import Model
import Synchronization

@testable import Agent

/// Remembers lines, and drops repeated sequences as the store does.
final class MemoryLogSink: Model.LogSink {
    struct Entry: Equatable {
        var tenant: String
        var labels: Labels
        var timestamp: Int64
        var line: String
        var metadata: Labels
    }

    private struct State {
        var entries: [Entry] = []
        var last: [String: UInt64] = [:]
        var repeats = 0
        var failures: [WriteError] = []
        var isDeaf = false
    }

    private let state = Mutex(State())

    var entries: [Entry] { state.withLock { $0.entries } }
    var lines: [String] { entries.map(\.line) }
    var count: Int { state.withLock { $0.entries.count } }
    /// Records that came a second time.
    var repeats: Int { state.withLock { $0.repeats } }
    /// Takes what comes without ever answering.
    func beDeaf(_ isDeaf: Bool) { state.withLock { $0.isDeaf = isDeaf } }
    /// Fails as many writes, in this order, before it takes anything.
    func fail(_ errors: [WriteError]) { state.withLock { $0.failures += errors } }

    func write(
        _ batch: LogBatch, origin: BatchOrigin, done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void
    ) {
        var entries: [Entry] = []
        for (index, stream) in batch.streams.enumerated() {
            for row in stream.firstRow..<stream.firstRow + stream.rowCount {
                entries.append(
                    Entry(
                        tenant: origin.tenant.name, labels: batch.labels(index), timestamp: batch.rows[row].timestamp,
                        line: String(decoding: batch.line(row), as: UTF8.self), metadata: batch.metadata(row)))
            }
        }
        let taken = entries
        let (result, isDeaf) = state.withLock { state -> (Result<WriteReceipt, WriteError>, Bool) in
            if !state.failures.isEmpty { return (.failure(state.failures.removeFirst()), state.isDeaf) }
            let success = Result<WriteReceipt, WriteError>.success(WriteReceipt(accepted: taken.count))
            if let producer = origin.producer {
                let key = "\(producer.name)#\(producer.lane)"
                if producer.sequence <= state.last[key] ?? 0 {
                    state.repeats += 1
                    return (success, state.isDeaf)
                }
                state.last[key] = producer.sequence
            }
            state.entries += taken
            return (success, state.isDeaf)
        }
        if !isDeaf { done(result) }
    }
}
