import Bedrock
import Model
import Synchronization

@testable import Agent

/// A sink that remembers what it took, and refuses repeated sequences as the collector does.
final class MemoryMetricSink: MetricSink {
    private struct State {
        var written: [(origin: BatchOrigin, lines: [String])] = []
        var repeats = 0
        var last: [String: UInt64] = [:]
        var failures: [WriteError] = []
    }

    private let state = Mutex(State())

    /// Fails as many writes, in this order, before it takes anything.
    func fail(_ errors: [WriteError]) { state.withLock { $0.failures += errors } }

    var lines: [String] { state.withLock { $0.written.flatMap(\.lines) } }
    var sequences: [UInt64] { state.withLock { $0.written.compactMap { $0.origin.producer?.sequence } } }
    var repeats: Int { state.withLock { $0.repeats } }

    func write(
        _ batch: MetricBatch, origin: BatchOrigin, done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void
    ) {
        let text = AgentTests.lines(batch)
        let samples = batch.sampleCount
        let result = state.withLock { state -> Result<WriteReceipt, WriteError> in
            if !state.failures.isEmpty { return .failure(state.failures.removeFirst()) }
            if let producer = origin.producer {
                let key = "\(producer.name)#\(producer.lane)"
                if producer.sequence <= state.last[key] ?? 0 {
                    state.repeats += 1
                    return .success(WriteReceipt(accepted: samples))
                }
                state.last[key] = producer.sequence
            }
            state.written.append((origin, text))
            return .success(WriteReceipt(accepted: samples))
        }
        done(result)
    }
}

/// Adds up what is lost, by place and reason.
final class MemoryLosses: LossRecorder {
    private let counts = Mutex<[String: Int]>([:])

    var all: [String: Int] { counts.withLock { $0 } }
    var total: Int { counts.withLock { $0.values.reduce(0, +) } }

    func lost(lines: Int, place: String, reason: String) { lost(samples: lines, place: place, reason: reason) }
    func lost(spans: Int, place: String, reason: String) { lost(samples: spans, place: place, reason: reason) }

    func lost(samples: Int, place: String, reason: String) {
        counts.withLock { $0["\(place)/\(reason)", default: 0] += samples }
    }
}

/// A batch of one series with one sample.
func batch(_ name: String, _ value: Double = 1, at timestamp: Int64 = 1_000) -> MetricBatch {
    let batch = MetricBatch()
    batch.beginSeries(Labels(["__name__": name]))
    batch.append(timestamp: timestamp, value: value)
    return batch
}
