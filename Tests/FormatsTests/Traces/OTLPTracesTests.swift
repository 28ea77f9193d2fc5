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

    @Test(arguments: 0..<60) func comesBackFromJSON(seed: UInt64) throws {
        var spans = RandomSpans(seed: seed)
        let batch = spans.batch(spans: 10)
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("resourceSpans")
        OTLPTracesJSONWriter().resourceSpans(batch, to: &writer)
        writer.endObject()
        let bytes = writer.finish()
        let decoded = SpanBatch()
        let report = try bytes.withUnsafeBytes { bytes in
            var decoder = OTLPTracesDecoder()
            return try decoder.decode(json: bytes, into: decoded)
        }
        #expect(report.spans == batch.rowCount && report.rejectedTotal == 0)
        #expect(spanText(decoded) == spanText(batch))
        // Damaged anywhere, it is refused or read, never trapped on.
        for _ in 0..<20 {
            var bad = bytes
            for _ in 0..<4 {
                bad[Int.random(in: bad.indices, using: &spans.random)] = UInt8.random(in: 0...255, using: &spans.random)
            }
            bad.withUnsafeBytes { bytes in
                var decoder = OTLPTracesDecoder()
                _ = try? decoder.decode(json: bytes, into: SpanBatch()).spans
            }
        }
    }

    @Test func readsJSONAsOthersWriteIt() throws {
        let text = #"""
            {"resourceSpans":[{"scopeSpans":[{"spans":[
              {"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","parentSpanId":"","name":"a\nb",
               "startTimeUnixNano":1544712660000000001,"endTimeUnixNano":"1544712661000000000","kind":"SPAN_KIND_SERVER",
               "attributes":[{"key":"n","value":{"intValue":5}},{"value":{"doubleValue":"NaN"},"key":"d"},{"key":"x","value":null}],
               "status":{"code":"STATUS_CODE_ERROR"},"unknown":{"a":[1,2,{}]}},
              {"traceId":"zz","spanId":"EEE19B7EC3C1B174"}]}],
             "resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s"}}]}}],"more":1}
            """#
        let batch = SpanBatch()
        let report = try Array(text.utf8).withUnsafeBytes { bytes in
            var decoder = OTLPTracesDecoder()
            return try decoder.decode(json: bytes, into: batch)
        }
        #expect(report.spans == 1 && report.rejected(.badTraceID) == 1)
        let row = batch.rows[0]
        #expect(row.traceID.description == "5b8efff798038103d269b633813fc60c" && row.parentID.isZero)
        #expect(row.start == 1_544_712_660_000_000_001 && row.kind == .server && row.status == .error)
        #expect(batch.attributes(row.attributes)[0] == Attribute("n", .int(5)))
        #expect(batch.attributes(batch.resources[0].attributes) == [Attribute("service.name", .string("s"))])
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
