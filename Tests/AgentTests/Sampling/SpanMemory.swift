import Agent
import Bedrock
import Instruments
import Model
import Synchronization

/// Keeps every span it was given, or refuses while told to.
final class SpanMemory: SpanSink {
    struct State {
        var spans: [TraceID: Set<UInt64>] = [:]
        var count = 0
        var error: WriteError?
    }

    let state = Mutex(State())

    func write(
        _ batch: SpanBatch, origin: BatchOrigin, done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void
    ) {
        let error = state.withLock { state -> WriteError? in
            if let error = state.error { return error }
            for row in batch.rows { state.spans[row.traceID, default: []].insert(row.spanID.value) }
            state.count += batch.rowCount
            return nil
        }
        done(error.map { .failure($0) } ?? .success(WriteReceipt(accepted: batch.rowCount)))
    }

    var spans: [TraceID: Set<UInt64>] { state.withLock { $0.spans } }
    var count: Int { state.withLock { $0.count } }
}

func traceID(_ number: Int) -> TraceID { TraceID(high: 0xabc, low: UInt64(number)) }

/// Spans of traces: trace, span, milliseconds, and whether it failed.
func spans(
    _ rows: [(trace: Int, span: Int, milliseconds: Int64, isError: Bool)], attributes: [Attribute] = [],
    resource: [Attribute] = []
) -> SpanBatch {
    let batch = SpanBatch()
    var sender = SpanBatch.Resource()
    sender.attributes = batch.write { buffer in
        for attribute in resource { buffer.append(attribute: attribute.key, attribute.value) }
    }
    let (resource, scope) = (batch.append(sender), batch.append(SpanBatch.Scope()))
    for item in rows {
        let start: Int64 = 1_700_000_000_000_000_000
        var row = SpanBatch.Row(
            traceID: traceID(item.trace), spanID: SpanID(UInt64(item.span)), start: start,
            end: start + item.milliseconds * 1_000_000, resource: resource, scope: scope)
        row.status = item.isError ? .error : .unset
        row.attributes = batch.write { buffer in
            for attribute in attributes { buffer.append(attribute: attribute.key, attribute.value) }
        }
        batch.append(row)
    }
    return batch
}
