import Model

/// What a span on the wire must have to be taken: ids of the right size that are not zero (OTLP, `trace.proto`), times that fit.
struct SpanDraft {
    var traceID = UnsafeRawBufferPointer(start: nil, count: 0)
    var spanID = UnsafeRawBufferPointer(start: nil, count: 0)
    var parentID = UnsafeRawBufferPointer(start: nil, count: 0)
    var start: UInt64 = 0
    var end: UInt64 = 0

    /// The row with ids and times filled in, or why there is none.
    func row(resource: Int32, scope: Int32) -> Result<SpanBatch.Row, Flaw> {
        guard let trace = TraceID(bytes: traceID), !trace.isZero else {
            return .failure(Flaw(.badTraceID, "a trace id of \(traceID.count) bytes\(traceID.count == 16 ? ", all zero" : "")"))
        }
        guard let span = SpanID(bytes: spanID), !span.isZero else {
            return .failure(
                Flaw(.badSpanID, "trace \(trace): a span id of \(spanID.count) bytes\(spanID.count == 8 ? ", all zero" : "")"))
        }
        guard parentID.isEmpty || parentID.count == 8 else {
            return .failure(
                Flaw(.badSpanID, "trace \(trace), span \(span): a parent's id of \(parentID.count) bytes"))
        }
        guard let start = Int64(exactly: start), let end = Int64(exactly: end) else {
            return .failure(Flaw(.badTime, "trace \(trace), span \(span): a time beyond the year 2262"))
        }
        return .success(
            SpanBatch.Row(
                traceID: trace, spanID: span, parentID: SpanID(bytes: parentID) ?? .none, start: start, end: end,
                resource: resource, scope: scope))
    }

    struct Flaw: Error {
        let reason: SpanRejection
        let text: String

        init(_ reason: SpanRejection, _ text: String) {
            self.reason = reason
            self.text = text
        }
    }
}

extension SpanKind {
    /// What a newer protocol may add is unspecified.
    init(wire code: UInt64) { self = UInt8(exactly: code).flatMap(SpanKind.init(rawValue:)) ?? .unspecified }
}

extension SpanStatus {
    init(wire code: UInt64) { self = UInt8(exactly: code).flatMap(SpanStatus.init(rawValue:)) ?? .unset }
}
