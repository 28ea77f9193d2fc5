import Bedrock
import Formats
import Model
import Receivers
import Testing
import Transport

@Suite struct SpanReceiverTests {
    private let protobuf: HTTPHeaders = ["Content-Type": "application/x-protobuf"]
    private let json: HTTPHeaders = ["Content-Type": "application/json"]

    private func span(trace: String = "5b8efff798038103d269b633813fc60c", id: String = "eee19b7ec3c1b174") -> String {
        #"{"traceId":"\#(trace)","spanId":"\#(id)","name":"GET /","startTimeUnixNano":"1000","endTimeUnixNano":"2000"}"#
    }

    private func request(_ spans: String...) -> [UInt8] {
        let list = spans.joined(separator: ",")
        return Array(
            #"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s"}}]},"scopeSpans":[{"spans":[\#(list)]}]}]}"#
                .utf8)
    }

    @Test func takesProtobufAndJSONInEveryCompression() throws {
        let receiver = try SpanTestReceiver()
        let batch = SpanBatch()
        let body = request(span())
        try body.withUnsafeBytes { bytes in
            var decoder = OTLPTracesDecoder()
            _ = try decoder.decode(json: bytes, into: batch)
        }
        var encoded = ByteBuffer()
        OTLPTracesWriter.protobuf(batch, into: &encoded)
        var tenant = protobuf
        tenant["X-Scope-OrgID"] = "t1"
        let first = try receiver.send("/v1/traces", encoded.array(), tenant)
        #expect(first.status == 200 && first.body.isEmpty)
        #expect(first.headers["Content-Type"] == "application/x-protobuf")
        let second = try receiver.send("/otlp/v1/traces", body, json)
        #expect(second.status == 200 && second.text == "{}" && second.headers["Content-Type"] == "application/json")
        for (coding, encode) in [
            ("gzip", { Gzip.compress($0, into: &$1) }), ("zstd", { Zstd.compress($0, into: &$1) }),
        ] as [(String, (UnsafeRawBufferPointer, inout ByteBuffer) -> Void)] {
            var packed = ByteBuffer()
            encode(encoded.bytes, &packed)
            var headers = protobuf
            headers["Content-Encoding"] = coding
            #expect(try receiver.send("/v1/traces", packed.array(), headers).status == 200, "\(coding)")
        }
        let spans = receiver.sink.spans
        #expect(spans.rowCount == 4 && receiver.sink.tenants == ["t1", "default", "default", "default"])
        for row in spans.rows {
            #expect(row.traceID.description == "5b8efff798038103d269b633813fc60c" && row.duration == 1000)
            #expect(spans.text(row.name) == "GET /")
            let resource = spans.attributes(spans.resources[Int(row.resource)].attributes)
            #expect(resource == [Attribute("service.name", .string("s"))])
        }
    }

    @Test func tellsWhatItRefuses() throws {
        let receiver = try SpanTestReceiver()
        let answer = try receiver.send("/v1/traces", request(span(), span(trace: "00")), json)
        #expect(answer.status == 200 && answer.text.contains(#""rejectedSpans":"1""#))
        #expect(answer.text.contains("a trace id of 1 bytes"))
        #expect(receiver.sink.spans.rowCount == 1)
        #expect(receiver.ledger.table.map(\.reason) == ["bad_trace_id"] && receiver.ledger.total(.traces) == 1)
        let none = try receiver.send("/v1/traces", request(span(id: String(repeating: "0", count: 16))), json)
        #expect(none.status == 200 && none.text.contains("all zero"))
        let bad = try receiver.send("/v1/traces", Array("{".utf8), json)
        #expect(bad.status == 400 && bad.text.contains(#""code":3"#))
        #expect(try receiver.send("/v1/traces", [0xFF], protobuf).status == 400)
        #expect(try receiver.send("/v1/traces", [], ["Content-Type": "text/csv"]).status == 415)
    }

    @Test func refusesWhatTheSinkRefuses() throws {
        let receiver = try SpanTestReceiver()
        for (error, status) in [
            (WriteError.diskFull("full"), 503), (.tenantLimit("limit", retryAfterSeconds: 3), 429),
            (.unavailable("stopping"), 503), (.tooLarge("large"), 413), (.invalid("bad"), 400),
        ] {
            receiver.sink.fail(error)
            let answer = try receiver.send("/v1/traces", request(span()), json)
            #expect(answer.status == status)
            #expect((answer.headers["Retry-After"] != nil) == (status == 503 || status == 429))
        }
        let small = try SpanTestReceiver(memory: 10)
        #expect(try small.send("/v1/traces", request(span()), json).status == 503)
        var options = SpanReceiverOptions()
        options.bodyBytesMax = 50
        #expect(try SpanTestReceiver(options: options).send("/v1/traces", request(span()), json).status == 413)
    }

    @Test func takesZipkinAndJaeger() throws {
        let receiver = try SpanTestReceiver()
        let zipkin =
            #"[{"traceId":"5982fe77008310cc","id":"67fae42571535f60","timestamp":5,"localEndpoint":{"serviceName":"z"}}"#
        #expect(try receiver.send("/api/v2/spans", Array((zipkin + "]").utf8), json).status == 202)
        let partly = try receiver.send("/api/v2/spans", Array((zipkin + #",{"id":"1"}]"#).utf8), json)
        #expect(partly.status == 400 && partly.text.contains("1 spans were refused, 1 stored"))
        #expect(try receiver.send("/api/v2/spans", Array("[".utf8), json).status == 400)
        #expect(try receiver.send("/api/v2/spans", [], ["Content-Type": "application/x-thrift"]).status == 415)
        let thrift: HTTPHeaders = ["Content-Type": "application/x-thrift"]
        // A batch of one span with its trace's id, its own, and nothing else.
        let span: [UInt8] = [10, 0, 1] + [0, 0, 0, 0, 0, 0, 0, 7] + [10, 0, 3] + [0, 0, 0, 0, 0, 0, 0, 5] + [0]
        let batch: [UInt8] = [15, 0, 2, 12, 0, 0, 0, 1] + span + [0]
        #expect(try receiver.send("/api/traces?format=jaeger.thrift", batch, thrift).status == 202)
        #expect(try receiver.send("/api/traces?format=zipkin.json", batch, thrift).status == 400)
        #expect(try receiver.send("/api/traces", [0xFF], thrift).status == 400)
        let spans = receiver.sink.spans
        #expect(spans.rows.map(\.spanID.value) == [0x67fa_e425_7153_5f60, 0x67fa_e425_7153_5f60, 5])
    }
}
