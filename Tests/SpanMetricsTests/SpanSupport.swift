import Bedrock
import Instruments
import Model
import SpanMetrics
import Synchronization

/// Keeps every sample it was given, by label set.
final class SampleMemory: MetricSink {
    let samples = Mutex<[Labels: [Sample]]>([:])

    func write(
        _ batch: MetricBatch, origin: BatchOrigin, done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void
    ) {
        samples.withLock { samples in
            for (index, entry) in batch.entries.enumerated() {
                for row in entry.firstRow..<entry.firstRow + entry.rowCount {
                    samples[batch.labels(index), default: []].append(Sample(batch.timestamps[row], batch.values[row]))
                }
            }
        }
        done(.success(WriteReceipt(accepted: batch.sampleCount)))
    }

    /// The newest value of the series with just these labels.
    func value(_ name: String, _ labels: KeyValuePairs<String, String>) -> Double? {
        let wanted = Labels([Label(Labels.metricName, name)] + labels.map { Label($0.key, $0.value) })
        return samples.withLock { $0[wanted]?.last?.value }
    }

    func count(_ name: String) -> Int { samples.withLock { $0.keys.count { $0[Labels.metricName] == name } } }
}

/// Accepts or refuses every batch.
final class SpanGate: SpanSink {
    let error: WriteError?

    init(error: WriteError? = nil) { self.error = error }

    func write(
        _ batch: SpanBatch, origin: BatchOrigin, done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void
    ) {
        if let error { return done(.failure(error)) }
        done(.success(WriteReceipt(accepted: batch.rowCount)))
    }
}

/// A span in words.
struct TestSpan {
    var service = "shop"
    var name = "work"
    var kind = SpanKind.internal
    var trace: UInt64 = 1
    var id: UInt64 = 1
    var parent: UInt64 = 0
    var milliseconds: Int64 = 10
    var status = SpanStatus.unset
    var attributes: [Attribute] = []
}

func spanBatch(_ spans: [TestSpan]) -> SpanBatch {
    let batch = SpanBatch()
    let scope = batch.append(SpanBatch.Scope())
    for span in spans {
        var resource = SpanBatch.Resource()
        resource.attributes = batch.write { $0.append(attribute: "service.name", .string(span.service)) }
        var row = SpanBatch.Row(
            traceID: TraceID(high: 7, low: span.trace), spanID: SpanID(span.id), parentID: SpanID(span.parent),
            start: 1_700_000_000_000_000_000, end: 1_700_000_000_000_000_000 + span.milliseconds * 1_000_000,
            resource: batch.append(resource), scope: scope)
        row.name = batch.write { $0.append(utf8: span.name) }
        row.kind = span.kind
        row.status = span.status
        row.attributes = batch.write { buffer in
            for attribute in span.attributes { buffer.append(attribute: attribute.key, attribute.value) }
        }
        batch.append(row)
    }
    return batch
}

/// A `SpanMetrics` in front of `gate`, with what it wrote.
struct Bench {
    let clock = SimulatedClock()
    let memory = SampleMemory()
    let registry = InstrumentRegistry()
    let metrics: SpanMetrics

    init(_ options: SpanMetricsOptions = SpanMetricsOptions(), gate: SpanGate = SpanGate()) {
        metrics = SpanMetrics(before: gate, into: memory, options: options, clock: clock, registry: registry)
    }

    func send(_ spans: TestSpan...) { metrics.write(spanBatch(spans), origin: BatchOrigin()) { _ in } }
}
