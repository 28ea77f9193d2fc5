import Bedrock
import Formats
import Model
import Testing

@Suite struct OTLPTracesTests {
    private func decode(
        _ bytes: UnsafeRawBufferPointer, limits: SpanLimits = SpanLimits()
    ) throws -> (batch: SpanBatch, report: SpanDecodeReport) {
        var decoder = OTLPTracesDecoder(limits: limits)
        let batch = SpanBatch()
        let report = try decoder.decode(protobuf: bytes, into: batch)
        return (batch, report)
    }

    @Test(arguments: 0..<60) func comesBackFromProtobuf(seed: UInt64) throws {
        var spans = RandomSpans(seed: seed)
        let batch = spans.batch(spans: 20)
        var encoded = ByteBuffer()
        OTLPTracesWriter.protobuf(batch, into: &encoded)
        let (decoded, report) = try decode(encoded.bytes)
        #expect(report.spans == batch.rowCount && report.rejectedTotal == 0)
        #expect(spanText(decoded) == spanText(batch))
    }

    @Test func refusesSpansWithoutProperIds() throws {
        var request = ByteBuffer()
        let batch = SpanBatch()
        let (resource, scope) = (batch.append(SpanBatch.Resource()), batch.append(SpanBatch.Scope()))
        for (trace, span) in [(UInt64(0), UInt64(1)), (1, 0), (1, 1)] {
            batch.append(
                SpanBatch.Row(
                    traceID: TraceID(high: 0, low: trace), spanID: SpanID(span), start: 1, end: 2, resource: resource,
                    scope: scope))
        }
        OTLPTracesWriter.protobuf(batch, into: &request)
        let (decoded, report) = try decode(request.bytes)
        #expect(decoded.rowCount == 1 && report.spans == 1)
        #expect(report.rejected(.badTraceID) == 1 && report.rejected(.badSpanID) == 1)
        #expect(report.firstRejection?.contains("all zero") == true)
    }

    @Test func countsAttributesBeyondTheLimit() throws {
        let batch = SpanBatch()
        let (resource, scope) = (batch.append(SpanBatch.Resource()), batch.append(SpanBatch.Scope()))
        var row = SpanBatch.Row(
            traceID: TraceID(high: 0, low: 1), spanID: SpanID(1), start: 1, end: 2, resource: resource, scope: scope)
        row.attributes = batch.write { buffer in
            for number in 0..<10 { buffer.append(attribute: "k\(number)", .int(Int64(number))) }
        }
        row.droppedAttributes = .max - 2
        batch.append(row)
        var request = ByteBuffer()
        OTLPTracesWriter.protobuf(batch, into: &request)
        var limits = SpanLimits()
        limits.attributesMax = 4
        let (decoded, _) = try decode(request.bytes, limits: limits)
        #expect(decoded.attributes(decoded.rows[0].attributes).count == 4)
        #expect(decoded.rows[0].droppedAttributes == .max)
        limits.spansPerRequestMax = 0
        #expect(throws: SpanDecodeError.self) { try decode(request.bytes, limits: limits) }
    }

    @Test func refusesValuesNestedTooDeep() throws {
        var value = ByteBuffer()
        for _ in 0..<200 {
            var list = ByteBuffer()
            list.append(varint: UInt64(1 << 3 | 2))
            list.append(prefixed: value.bytes)
            var next = ByteBuffer()
            next.append(varint: UInt64(5 << 3 | 2))
            next.append(prefixed: list.bytes)
            value = next
        }
        func wrapped(_ field: UInt64, _ inner: borrowing ByteBuffer) -> ByteBuffer {
            var outer = ByteBuffer()
            outer.append(varint: field << 3 | 2)
            outer.append(prefixed: inner.bytes)
            return outer
        }
        let request = wrapped(1, wrapped(1, wrapped(1, wrapped(2, value))))
        #expect(throws: SpanDecodeError.self) { try decode(request.bytes) }
    }

    @Test(arguments: 0..<300) func survivesAnything(seed: UInt64) {
        var spans = RandomSpans(seed: seed)
        var encoded = ByteBuffer()
        OTLPTracesWriter.protobuf(spans.batch(spans: 3), into: &encoded)
        var bytes = encoded.array()
        for _ in 0..<Int.random(in: 1...8, using: &spans.random) {
            bytes[Int.random(in: bytes.indices, using: &spans.random)] = UInt8.random(in: 0...255, using: &spans.random)
        }
        let cut = bytes.prefix(Int.random(in: 0...bytes.count, using: &spans.random))
        _ = Array(cut).withUnsafeBytes { try? decode($0).report.spans }
    }
}
