import Bedrock
import Formats
import Model
import Transport

extension QueryAPI {
    func tempoTraceRoutes(_ prefix: String, _ spans: any SpanSource) -> [HTTPRoute] {
        [
            tempoPlain(prefix + "traces/*", spans) { [self] call in
                let found = try wholeTrace(call)
                if Self.wantsProtobuf(call) { return Self.protobuf(found.batch) }
                return Self.answer { writer in
                    writer.beginObject()
                    writer.key("batches")
                    OTLPTracesJSONWriter(identifiers: .base64).resourceSpans(found.batch, to: &writer)
                    writer.endObject()
                }
            },
            tempoPlain(prefix + "v2/traces/*", spans) { [self] call in
                let found = try wholeTrace(call)
                if Self.wantsProtobuf(call) { return Self.secondProtobuf(found) }
                return Self.answer { writer in
                    writer.beginObject()
                    writer.key("trace")
                    writer.beginObject()
                    writer.key("resourceSpans")
                    OTLPTracesJSONWriter(identifiers: .base64).resourceSpans(found.batch, to: &writer)
                    writer.endObject()
                    writer.member("status", found.isWhole ? "COMPLETE" : "PARTIAL")
                    writer.member("message", found.isWhole ? "" : Self.cutMessage)
                    writer.key("metrics")
                    writer.beginObject()
                    writer.endObject()
                    writer.endObject()
                }
            },
        ]
    }

    private static let cutMessage = "the trace is too large to be shown: spans are missing"

    private func wholeTrace(_ call: TempoCall) throws -> FetchedTrace {
        let id = try call.parameters.traceID()
        let fetch = try TraceFetch(call.spans, call.call, dependencies.traceOptions)
        guard let found = try fetch.trace(id, try call.parameters.hint()) else {
            throw TempoError(404, "trace \(id) not found")
        }
        return found
    }

    private static func wantsProtobuf(_ call: TempoCall) -> Bool {
        let accepted = call.call.request.headers["Accept"] ?? ""
        return accepted.hasPrefix("application/protobuf") || accepted.hasPrefix("application/x-protobuf")
    }

    private static func protobuf(_ batch: SpanBatch) -> HTTPResponse {
        var body = ByteBuffer(capacity: batch.byteCount)
        OTLPTracesWriter.protobuf(batch, into: &body)
        return HTTPResponse(
            status: 200, headers: ["Content-Type": "application/protobuf"], body: body.array())
    }

    /// `TraceByIDResponse`: trace = 1, metrics = 2, status = 3 (partial is 1), message = 4.
    private static func secondProtobuf(_ found: FetchedTrace) -> HTTPResponse {
        var trace = ByteBuffer(capacity: found.batch.byteCount)
        OTLPTracesWriter.protobuf(found.batch, into: &trace)
        var body = ByteBuffer(capacity: trace.count + 32)
        body.append(varint: UInt64(1 << 3 | 2))
        body.append(prefixed: trace.bytes)
        if !found.isWhole {
            body.append(varint: UInt64(3 << 3))
            body.append(varint: UInt64(1))
            body.append(varint: UInt64(4 << 3 | 2))
            body.append(prefixed: cutMessage)
        }
        return HTTPResponse(
            status: 200, headers: ["Content-Type": "application/protobuf"], body: body.array())
    }

    private static func answer(_ write: (inout JSONWriter) -> Void) -> HTTPResponse {
        var writer = JSONWriter(capacity: 64 << 10)
        write(&writer)
        return HTTPResponse(status: 200, headers: ["Content-Type": "application/json"], body: writer.finish())
    }
}
