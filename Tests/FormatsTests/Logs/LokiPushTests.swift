import Bedrock
import Formats
import Model
import Testing

@Suite struct LokiPushTests {
    private func decode(json text: String, options: LogDecodeOptions = .init()) throws -> (LogRows, LogDecodeReport) {
        try decode(json: Array(text.utf8), options: options)
    }

    private func decode(
        json bytes: [UInt8], options: LogDecodeOptions = .init()
    ) throws -> (LogRows, LogDecodeReport) {
        var decoder = LokiPushDecoder(options: options)
        let batch = LogBatch()
        let report = try bytes.withUnsafeBytes { try decoder.decode(json: $0, into: batch) }
        return (LogRows(batch), report)
    }

    private func decode(protobuf bytes: [UInt8]) throws -> (LogRows, LogDecodeReport) {
        var decoder = LokiPushDecoder()
        let batch = LogBatch()
        let report = try bytes.withUnsafeBytes { try decoder.decode(protobuf: $0, into: batch) }
        return (LogRows(batch), report)
    }

    @Test func protobufComesBackAsItWasEncoded() throws {
        var random = SeededGenerator(seed: 11)
        var decoder = LokiPushDecoder()
        for _ in 0..<200 {
            let batch = LogSample.batch(&random)
            var message = ByteBuffer()
            LokiPushEncoder.encode(batch, into: &message)
            let back = LogBatch()
            let report = try decoder.decode(protobuf: message.bytes, into: back)
            #expect(LogRows(back) == LogRows(batch))
            #expect(report.rows == batch.rowCount && report.rejectedTotal == 0)
        }
    }

    @Test func jsonIsUnescapedIntoTheBatch() throws {
        let (rows, report) = try decode(
            json: """
                {"streams":[{"stream":{"job":"a","app":"\\u0041\\"b"},"values":[
                ["1700000000000000001","plain"],["2","tab\\t quote\\" slash\\\\ \\u00e9 \\ud83d\\ude00 \\ud83d",{"trace_id":"x","b.c":"1"}],[3,""]]}]}
                """)
        #expect(report.rows == 3)
        #expect(rows.rows.map(\.time) == [1_700_000_000_000_000_001, 2, 3])
        #expect(rows.lines == ["plain", "tab\t quote\" slash\\ é 😀 \u{FFFD}", ""])
        #expect(rows.rows[1].metadata == #"{b_c="1", trace_id="x"}"#)
        #expect(rows.rows[0].labels == #"{app="A\"b", job="a"}"#)
    }

    @Test func invalidUTF8StaysWhatItIs() throws {
        let json =
            Array(#"{"streams":[{"stream":{"a":"b"},"values":[["1","x"#.utf8) + [0xFF, 0xC0, 0x80]
            + Array(#""]]}]}"#.utf8)
        #expect(try decode(json: json).0.rows[0].line == [0x78, 0xFF, 0xC0, 0x80])
    }

    @Test func valuesMayStandBeforeTheirLabels() throws {
        let (rows, _) = try decode(json: #"{"x":[1,{"y":"}"}],"streams":[{"values":[["1","l"]],"stream":{"a":"b"}}]}"#)
        #expect(rows.rows.map(\.labels) == [#"{a="b"}"#])
    }

    @Test func nothingMayFollowTheDocument() {
        let document = #"{"streams":[{"stream":{"a":"b"},"values":[["1","x"]]}]}"#
        #expect(throws: Never.self) { try decode(json: document + " \n") }
        for tail in ["\0", "\0" + document, document] {
            #expect(throws: LogDecodeError.self) { try decode(json: document + tail) }
        }
    }

    @Test func badStreamsAreRefusedAndTheRestTaken() throws {
        let (rows, report) = try decode(
            json: """
                {"streams":[{"stream":{},"values":[["1","a"],["2","b"]]},{"stream":{"x y":"1"},"values":[["1","c"]]},
                {"stream":{"ok":"1"},"values":[["soon","d"],["5","e"]]}]}
                """)
        #expect(rows.lines == ["e"])
        #expect(report.rejected(.noLabels) == 2)
        #expect(report.rejected(.badLabelName) == 1)
        #expect(report.rejected(.badTimestamp) == 1)
        #expect(report.firstRejection?.contains("at least one label") == true)
    }

    @Test func longLinesAreRefusedByTheirPlainLength() throws {
        var options = LogDecodeOptions()
        options.limits.lineBytesMax = 8
        let (rows, report) = try decode(
            json:
                #"{"streams":[{"stream":{"a":"b"},"values":[["1","12345678"],["2","\u0041\u0042\u0043"],["3","123456789"]]}]}"#,
            options: options)
        #expect(rows.lines == ["12345678", "ABC"])
        #expect(report.rejected(.lineTooLong) == 1)
    }

    @Test func serviceNameAndLevelAreAddedOnlyWhenAskedFor() throws {
        let text = #"{"streams":[{"stream":{"app":"shop"},"values":[["1","level=WARN msg=x"]]}]}"#
        let plain = try decode(json: text).0.rows[0]
        #expect(plain.labels == #"{app="shop"}"# && plain.metadata == "{}")
        var options = LogDecodeOptions()
        options.addsServiceName = true
        options.addsDetectedLevel = true
        let added = try decode(json: text, options: options).0.rows[0]
        #expect(added.labels == #"{app="shop", service_name="shop"}"#)
        #expect(added.metadata == #"{detected_level="warn"}"#)
    }

    @Test(arguments: [
        "", "{", "[]", #"{"streams":[{"stream":{"a":"b"},"values":[["1","x"]}]}"#, #"{"streams":[]} x"#,
        #"{"streams":[{"stream":{"a":"b"},"values":[["1","\q"]]}]}"#, #"{"streams":[{"stream":{"a":1},"values":[]}]}"#,
    ])
    func brokenJSONIsRefusedWhole(_ text: String) {
        #expect(throws: LogDecodeError.self) { try decode(json: text) }
    }

    @Test func labelTextsAreReadAsLokiDoes() throws {
        for (text, labels) in [
            (#"{b="1", a="x\"\\\n\u00e9\x41"}"#, "{a=\"x\\\"\\\\\\néA\", b=\"1\"}"), ("{a=`raw\\`,}", #"{a="raw\\"}"#),
            (" { a = \"1\" } ", #"{a="1"}"#),
        ] {
            var message = WireMessage()
            message.bytes(1) { stream in
                stream.string(1, text)
                stream.bytes(2) { $0.string(2, "line") }
            }
            #expect(try decode(protobuf: message.bytes).0.rows.map(\.labels) == [labels])
        }
        for text in ["", "{", "{}", "a=1", #"{a="1""#, #"{a="1"} x"#, #"{a="\q"}"#, #"{a="1",,}"#, #"{a="1" b="2"}"#] {
            var message = WireMessage()
            message.bytes(1) { stream in
                stream.string(1, text)
                stream.bytes(2) { $0.string(2, "line") }
            }
            let (rows, report) = try decode(protobuf: message.bytes)
            #expect(rows.rows.isEmpty && report.rejectedTotal == 1, "\(text)")
        }
    }

    @Test func damagedRequestsNeverCrash() {
        var random = SeededGenerator(seed: 12)
        var decoder = LokiPushDecoder()
        for round in 0..<3000 {
            let batch = LogSample.batch(&random)
            var message = ByteBuffer()
            LokiPushEncoder.encode(batch, into: &message)
            let json = Array(
                #"{"streams":[{"stream":{"a":"b\u0041"},"values":[["1","x\n\ud83d\ude00",{"k":"v"}]]}]}"#.utf8)
            let bytes = LogSample.damaged(round % 2 == 0 ? message.array() : json, &random)
            let into = LogBatch()
            bytes.withUnsafeBytes { bytes in
                if round % 2 == 0 {
                    _ = try? decoder.decode(protobuf: bytes, into: into)
                } else {
                    _ = try? decoder.decode(json: bytes, into: into)
                }
            }
            #expect(LogRows(into).rows.count == into.rowCount)
        }
    }
}
