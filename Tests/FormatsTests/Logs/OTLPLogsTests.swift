import Bedrock
import Formats
import Model
import Testing

@Suite struct OTLPLogsTests {
    private func decode(json text: String) throws -> (LogRows, LogDecodeReport) {
        var decoder = OTLPLogsDecoder()
        let batch = LogBatch()
        let report = try Array(text.utf8).withUnsafeBytes { try decoder.decode(json: $0, arrival: 77, into: batch) }
        return (LogRows(batch), report)
    }

    private func decode(protobuf message: WireMessage) throws -> (LogRows, LogDecodeReport) {
        var decoder = OTLPLogsDecoder()
        let batch = LogBatch()
        let report = try message.bytes.withUnsafeBytes {
            try decoder.decode(protobuf: $0, arrival: 77, into: batch)
        }
        return (LogRows(batch), report)
    }

    private let everything = #"""
        {"resourceLogs":[{"resource":{"attributes":[
        {"key":"service.name","value":{"stringValue":"shop"}},{"key":"k8s.pod.name","value":{"stringValue":"p-1"}},
        {"key":"host.name","value":{"stringValue":"h"}}]},
        "scopeLogs":[{"scope":{"name":"lib","version":"1.0","attributes":[{"key":"s","value":{"boolValue":true}}]},
        "logRecords":[{"timeUnixNano":"1544712660300000000","observedTimeUnixNano":1544712660300000001,"severityNumber":10,
        "severityText":"Information","traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","flags":1,
        "body":{"stringValue":"Example \"log\" record"},"eventName":"e","droppedAttributesCount":2,
        "attributes":[{"key":"http.status","value":{"intValue":"200"}},{"key":"ratio","value":{"doubleValue":0.5}},
        {"key":"list","value":{"arrayValue":{"values":[{"stringValue":"a"},{"intValue":"1"}]}}},
        {"key":"map","value":{"kvlistValue":{"values":[{"key":"in.ner","value":{"stringValue":"x"}}]}}}]}]}]}]}
        """#

    private let metadata =
        #"{dropped_attributes_count="2", event_name="e", flags="1", host_name="h", http_status="200", list="[\"a\",1]", map_in_ner="x", "#
        + #"observed_timestamp="1544712660300000001", ratio="0.5", s="true", scope_name="lib", scope_version="1.0", severity_number="10", "#
        + #"severity_text="Information", span_id="eee19b7ec3c1b174", trace_id="5b8efff798038103d269b633813fc60c"}"#

    @Test func resourcesBecomeStreamsAndTheRestMetadata() throws {
        let (rows, report) = try decode(json: everything)
        #expect(report.rows == 1)
        #expect(rows.rows[0].labels == #"{k8s_pod_name="p-1", service_name="shop"}"#)
        #expect(rows.rows[0].time == 1_544_712_660_300_000_000)
        #expect(rows.lines == [#"Example "log" record"#])
        #expect(rows.rows[0].metadata == metadata)
    }

    private static func attribute(
        _ message: inout WireMessage, _ field: UInt64, _ key: String, _ value: (inout WireMessage) -> Void
    ) {
        message.bytes(field) { pair in
            pair.string(1, key)
            pair.bytes(2, value)
        }
    }

    @Test func protobufGivesTheSame() throws {
        var request = WireMessage()
        request.bytes(1) { logs in
            logs.bytes(2) { scope in
                scope.bytes(2) { record in
                    record.fixed64(1, 1_544_712_660_300_000_000)
                    record.fixed64(11, 1_544_712_660_300_000_001)
                    record.varint(2, 10)
                    record.string(3, "Information")
                    record.bytes(5) { $0.string(1, #"Example "log" record"#) }
                    Self.attribute(&record, 6, "http.status") { $0.varint(3, 200) }
                    Self.attribute(&record, 6, "ratio") { $0.double(4, 0.5) }
                    Self.attribute(&record, 6, "list") { value in
                        value.bytes(5) { list in
                            list.bytes(1) { $0.string(1, "a") }
                            list.bytes(1) { $0.varint(3, 1) }
                        }
                    }
                    Self.attribute(&record, 6, "map") { value in
                        value.bytes(6) { map in Self.attribute(&map, 1, "in.ner") { $0.string(1, "x") } }
                    }
                    record.varint(7, 2)
                    record.fixed32(8, 1)
                    record.bytes(
                        9,
                        [
                            0x5B, 0x8E, 0xFF, 0xF7, 0x98, 0x03, 0x81, 0x03, 0xD2, 0x69, 0xB6, 0x33, 0x81, 0x3F, 0xC6,
                            0x0C,
                        ])
                    record.bytes(10, [0xEE, 0xE1, 0x9B, 0x7E, 0xC3, 0xC1, 0xB1, 0x74])
                    record.string(12, "e")
                }
                scope.bytes(1) { library in
                    library.string(1, "lib")
                    library.string(2, "1.0")
                    Self.attribute(&library, 3, "s") { $0.varint(2, 1) }
                }
            }
            logs.bytes(1) { resource in
                Self.attribute(&resource, 1, "service.name") { $0.string(1, "shop") }
                Self.attribute(&resource, 1, "k8s.pod.name") { $0.string(1, "p-1") }
                Self.attribute(&resource, 1, "host.name") { $0.string(1, "h") }
            }
        }
        #expect(try decode(protobuf: request).0 == decode(json: everything).0)
    }

    @Test func bodiesAreTheirBytes() throws {
        var request = WireMessage()
        request.bytes(1) { logs in
            logs.bytes(2) { scope in
                scope.bytes(2) { $0.bytes(5) { $0.bytes(1, [0xFF, 0x00, 0x41]) } }
                scope.bytes(2) { $0.bytes(5) { $0.bytes(7, [0x80]) } }
                scope.bytes(2) { $0.bytes(5) { $0.varint(3, 5) } }
                scope.bytes(2) { _ in }
            }
        }
        let (rows, _) = try decode(protobuf: request)
        #expect(rows.rows.map(\.line) == [[0xFF, 0x00, 0x41], [0x80], [0x35], []])
        #expect(rows.rows.allSatisfy { $0.labels == #"{service_name="unknown_service"}"# && $0.time == 77 })
        let json = try decode(
            json:
                #"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"bytesValue":"gA=="}},{"body":{"kvlistValue":{"values":[{"key":"a","value":{"intValue":"1"}},{"key":"b","value":{"arrayValue":{"values":[{"boolValue":true},{}]}}}]}}}]}]}]}"#
        )
        #expect(json.0.rows.map(\.line) == [[0x80], Array(#"{"a":1,"b":[true,null]}"#.utf8)])
    }

    @Test func theMoreSpecificAttributeWins() throws {
        let (rows, _) = try decode(
            json:
                #"{"resourceLogs":[{"resource":{"attributes":[{"key":"x","value":{"stringValue":"resource"}},"#
                + #"{"key":"y","value":{"stringValue":"resource"}}]},"scopeLogs":[{"scope":{"attributes":["#
                + #"{"key":"x","value":{"stringValue":"scope"}}]},"logRecords":["#
                + #"{"attributes":[{"key":"x","value":{"stringValue":"record"}}]},{}]}]}]}"#
        )
        #expect(rows.rows.map(\.metadata) == [#"{x="record", y="resource"}"#, #"{x="scope", y="resource"}"#])
    }

    @Test func theExampleOfTheSpecificationDecodes() throws {
        guard SharedData.isPresent else { return }
        let text = try SharedData.read("reference/otlp/examples/logs.json")
        let (rows, report) = try decode(json: String(decoding: text, as: UTF8.self))
        #expect(report.rows == 1 && rows.lines == ["Example log record"])
        #expect(rows.rows[0].labels == #"{service_name="my.service"}"#)
    }

    @Test func nestingIsBounded() {
        let deep = String(repeating: #"{"arrayValue":{"values":["#, count: 5000)
        #expect(throws: LogDecodeError.self) {
            try decode(json: #"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":"# + deep)
        }
        let closed = deep + String(repeating: "]}}", count: 5000)
        #expect(throws: LogDecodeError.self) {
            try decode(json: #"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":"# + closed + "}]}]}]}")
        }
    }

    @Test func damagedRequestsNeverCrash() {
        var random = SeededGenerator(seed: 13)
        var decoder = OTLPLogsDecoder()
        for _ in 0..<3000 {
            let into = LogBatch()
            let bytes = LogSample.damaged(Array(everything.utf8), &random)
            bytes.withUnsafeBytes { _ = try? decoder.decode(json: $0, arrival: 1, into: into) }
            bytes.withUnsafeBytes { _ = try? decoder.decode(protobuf: $0, arrival: 1, into: into) }
            #expect(LogRows(into).rows.count == into.rowCount)
        }
    }
}
