import Bedrock
import Formats
import Model
import Receivers
import Testing
import Transport

@Suite struct LogReceiverTests {
    private let json: HTTPHeaders = ["Content-Type": "application/json"]

    private func push(_ lines: [String], at time: Int = 1) -> [UInt8] {
        let values = lines.map { #"["\#(time)","\#($0)"]"# }.joined(separator: ",")
        return Array(#"{"streams":[{"stream":{"app":"a"},"values":[\#(values)]}]}"#.utf8)
    }

    @Test func lokiPushInEveryForm() throws {
        let receiver = try LogTestReceiver()
        let batch = LogBatch()
        batch.beginStream(Labels([Label("app", "p")]))
        let odd: [UInt8] = [0xFF, 0x00, 0x80]
        odd.withUnsafeBytes { batch.append(timestamp: 5, line: $0) }
        batch.append(timestamp: 6, line: "")
        batch.append(timestamp: 7, line: String(repeating: "x", count: 1 << 20), metadata: Labels([Label("k", "v")]))
        var body = ByteBuffer()
        LokiPushEncoder.body(batch, into: &body)
        var headers: HTTPHeaders = ["X-Scope-OrgID": "t1"]
        for (name, value) in LokiPushEncoder.headers { headers[name] = value }
        #expect(try receiver.send("/loki/api/v1/push", body.array(), headers).status == 204)
        headers["Content-Encoding"] = "snappy"
        #expect(try receiver.send("/loki/api/v1/push", body.array(), headers).status == 204)
        #expect(receiver.sink.rows.count == 6)
        #expect(receiver.sink.rows[0].line == odd && receiver.sink.rows[1].line.isEmpty)
        #expect(receiver.sink.rows[2].line.count == 1 << 20 && receiver.sink.rows[2].metadata == #"{k="v"}"#)
        #expect(receiver.sink.rows[0].tenant == "t1")

        #expect(try receiver.send("/loki/api/v1/push", push(["one"]), json).status == 204)
        for (coding, encode) in [
            ("gzip", { Gzip.compress($0, into: &$1) }), ("deflate", { Gzip.compress($0, into: &$1, format: .zlib) }),
            ("zstd", { Zstd.compress($0, into: &$1) }),
        ] as [(String, (UnsafeRawBufferPointer, inout ByteBuffer) -> Void)] {
            var packed = ByteBuffer()
            push([coding]).withUnsafeBytes { encode($0, &packed) }
            let headers: HTTPHeaders = ["Content-Type": "application/json; charset=utf-8", "Content-Encoding": coding]
            #expect(try receiver.send("/loki/api/v1/push", packed.array(), headers).status == 204, "\(coding)")
        }
        #expect(receiver.sink.lines.suffix(4) == ["one", "gzip", "deflate", "zstd"])
    }

    @Test func refusalsSayWhyAndTheRestIsStored() throws {
        let receiver = try LogTestReceiver()
        let body = Array(
            #"{"streams":[{"stream":{},"values":[["1","lost"]]},{"stream":{"a":"b"},"values":[["1","kept"]]}]}"#.utf8)
        let answer = try receiver.send("/loki/api/v1/push", body, json)
        #expect(answer.status == 400 && answer.text.contains("1 entries were refused, 1 stored"))
        #expect(receiver.sink.lines == ["kept"])
        #expect(receiver.ledger.table.map(\.reason) == ["no_labels"] && receiver.ledger.total(.logs) == 1)
        #expect(try receiver.send("/loki/api/v1/push", [0x7B], json).status == 400)
        #expect(
            try receiver.send("/loki/api/v1/push", [1, 2], ["Content-Type": "application/x-protobuf"]).status == 400)
        #expect(try receiver.send("/loki/api/v1/push", [1, 2], ["Content-Type": "text/csv"]).status == 415)
        let bad = try receiver.send(
            "/loki/api/v1/push", push(["x"]), ["Content-Type": "application/json", "X-Scope-OrgID": "a b"])
        #expect(bad.status == 400)
    }

    @Test func overloadAndLimitsAreAnsweredAsSuch() throws {
        let small = try LogTestReceiver(memory: 10)
        let answer = try small.send("/loki/api/v1/push", push(["x"]), json)
        #expect(answer.status == 503 && answer.headers["Retry-After"] != nil)
        var options = LogReceiverOptions()
        options.bodyBytesMax = 100
        let narrow = try LogTestReceiver(options: options)
        let long = push([String(repeating: "x", count: 200)])
        #expect(try narrow.send("/loki/api/v1/push", long, json).status == 413)
        let failing = try LogTestReceiver()
        for (error, status) in [
            (WriteError.diskFull("full"), 503), (.tenantLimit("limit", retryAfterSeconds: 3), 429),
            (.unavailable("stopping"), 503), (.tooLarge("large"), 413), (.invalid("bad"), 400),
        ] {
            failing.sink.fail(error)
            #expect(try failing.send("/loki/api/v1/push", push(["x"]), json).status == status)
            #expect(try failing.send("/insert/jsonline", Array(#"{"_msg":"x"}"#.utf8), [:]).status == status)
            #expect(
                try failing.send(
                    "/v1/logs", Array(#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}"#.utf8), json
                ).status == status)
            #expect(try failing.send("/_bulk", Array("{\"create\":{}}\n{\"a\":1}\n".utf8), json).status == status)
        }
        #expect(failing.ledger.total(.logs) == 0)
    }

    @Test func otlpIsAnsweredInItsEncoding() throws {
        let receiver = try LogTestReceiver()
        let body = Array(
            #"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}},{"timeUnixNano":"18446744073709551615"}]}]}]}"#
                .utf8)
        let answer = try receiver.send("/v1/logs", body, json)
        #expect(answer.status == 200 && answer.headers["Content-Type"] == "application/json")
        let partial = try JSONValue(parsing: answer.text)["partialSuccess"]
        #expect(partial?["rejectedLogRecords"]?.string == "1")
        #expect(receiver.sink.rows.map(\.time) == [1_700_000_000_000_000_000])
        // resource_logs { scope_logs { log_records { body { string_value: "y" } } } }
        let message: [UInt8] = [0x0A, 9, 0x12, 7, 0x12, 5, 0x2A, 3, 0x0A, 1, 0x79]
        for path in ["/v1/logs", "/otlp/v1/logs", "/loki/otlp/v1/logs"] {
            let answer = try receiver.send(path, message, ["Content-Type": "application/x-protobuf"])
            #expect(answer.status == 200 && answer.text.isEmpty)
        }
        #expect(receiver.sink.lines == ["x", "y", "y", "y"])
        #expect(try receiver.send("/v1/logs", [0xFF], ["Content-Type": "application/x-protobuf"]).status == 400)
        #expect(try receiver.send("/v1/logs", [], ["Content-Type": "text/plain"]).status == 415)
    }

    @Test func bulkAnswersAsElasticsearch() throws {
        let receiver = try LogTestReceiver()
        let body = Array("{\"create\":{}}\n{\"message\":\"a\"}\n{\"index\":{\"_index\":\"i\"}}\nnot json\n".utf8)
        let answer = try receiver.send("/logs-app/_bulk", body, ["Content-Type": "application/x-ndjson"])
        #expect(answer.status == 200 && answer.headers["X-Elastic-Product"] == "Elasticsearch")
        let value = try JSONValue(parsing: answer.text)
        #expect(value["errors"]?.bool == true && value["items"]?.array?.count == 2)
        #expect(receiver.sink.rows.map(\.labels) == [#"{index="logs-app"}"#])
        #expect(receiver.ledger.total(.logs) == 1)
        let root = try receiver.send("/", [], [:], method: .get)
        #expect(try JSONValue(parsing: root.text)["version"]?["number"]?.string != nil)
        #expect(try receiver.send("/", [], [:], method: .head).status == 200)
        #expect(try receiver.send("/_license", [], [:], method: .get).status == 200)
        #expect(try receiver.send("/a%22b/_bulk", body, [:]).status == 400)
    }

    @Test func jsonLinesNameTheirFields() throws {
        let receiver = try LogTestReceiver()
        let body = Array("{\"t\":\"1700000001\",\"m\":\"hello\",\"s\":\"x\",\"k\":1}\n".utf8)
        let path = "/insert/jsonline?_time_field=t&_msg_field=m&_stream_fields=s,other"
        #expect(try receiver.send(path, body, ["Content-Type": "application/stream+json"]).status == 200)
        #expect(
            receiver.sink.rows == [
                .init(
                    labels: #"{s="x"}"#, time: 1_700_000_001_000_000_000, line: Array("hello".utf8),
                    metadata: #"{k="1"}"#, tenant: "default")
            ])
    }
}
