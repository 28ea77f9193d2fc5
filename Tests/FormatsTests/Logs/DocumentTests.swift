import Bedrock
import Formats
import Model
import Testing

@Suite struct DocumentTests {
    private func lines(
        _ text: String, fields: DocumentFields = .jsonLines
    ) throws -> (LogRows, LogDecodeReport) {
        var decoder = JSONLinesDecoder()
        let batch = LogBatch()
        let report = try Array(text.utf8).withUnsafeBytes {
            try decoder.decode($0, fields: fields, arrival: 77, into: batch)
        }
        return (LogRows(batch), report)
    }

    private func bulk(_ text: String, index: String? = nil) throws -> (LogRows, String) {
        var decoder = BulkDecoder()
        let batch = LogBatch()
        let (_, results) = try Array(text.utf8).withUnsafeBytes {
            try decoder.decode($0, index: index, arrival: 77, into: batch)
        }
        return (LogRows(batch), String(decoding: results.json(milliseconds: 3), as: UTF8.self))
    }

    @Test func fieldsAreFlattenedAndGivenTheirRoles() throws {
        let (rows, report) = try lines(
            #"{"_time":"2023-11-14T22:13:20.123456789Z","_msg":"hel\tlo","host":{"name":"h","ip":["a",1]},"n":1.50,"t":true,"z":null,"a.b":"c"}"#
                + "\r\n\n",
            fields: DocumentFields(time: ["_time"], message: ["_msg"], stream: ["host.name"]))
        #expect(report.rows == 1)
        #expect(rows.rows[0].labels == #"{host_name="h"}"#)
        #expect(rows.rows[0].time == 1_700_000_000_123_456_789)
        #expect(rows.lines == ["hel\tlo"])
        #expect(rows.rows[0].metadata == #"{a_b="c", host_ip="[\"a\",1]", n="1.50", t="true"}"#)
    }

    @Test func streamsInAnyOrderAreGrouped() throws {
        let text = (0..<7).map { #"{"_msg":"\#($0)","s":"\#($0 % 3)"}"# }.joined(separator: "\n")
        let (rows, _) = try lines(text, fields: DocumentFields(time: [], message: ["_msg"], stream: ["s"]))
        #expect(rows.lines == ["0", "3", "6", "1", "4", "2", "5"])
        #expect(rows.rows.map(\.labels) == ["0", "0", "0", "1", "1", "2", "2"].map { #"{s="\#($0)"}"# })
    }

    @Test(
        arguments: [
            ("1700000000", 1_700_000_000_000_000_000), ("1700000000123", 1_700_000_000_123_000_000),
            ("1700000000123456", 1_700_000_000_123_456_000), ("1700000000123456789", 1_700_000_000_123_456_789),
            ("1700000000.5", 1_700_000_000_500_000_000), (#""2023-11-14T23:13:20+01:00""#, 1_700_000_000_000_000_000),
            ("0", 77), (#""""#, 77),
        ] as [(String, Int64)])
    func timesAreReadByTheirSize(_ text: String, _ time: Int64) throws {
        #expect(try lines(#"{"_msg":"x","_time":\#(text)}"#).0.rows.map(\.time) == [time])
    }

    @Test func aDocumentWithoutALineIsTheLine() throws {
        let (rows, _) = try lines(#" {"a": "b" }"#)
        #expect(rows.lines == [#" {"a": "b" }"#] && rows.rows[0].metadata == "{}")
    }

    @Test func badDocumentsAreLeftOut() throws {
        let (rows, report) = try lines(
            "nonsense\n{\"_msg\":\"a\"}\n{\"_msg\":\"b\",\"_time\":\"soon\"}\n[1]\n{\"_msg\":\"\\q\"}")
        #expect(rows.lines == ["a"])
        #expect(report.rejected(.malformedItem) == 3 && report.rejected(.badTimestamp) == 1)
    }

    @Test func bulkActionsAreAnsweredOneByOne() throws {
        let (rows, answer) = try bulk(
            """
            {"create":{"_index":"logs","_id":"7"}}
            {"@timestamp":"2023-11-14T22:13:20Z","message":"one","log":{"level":"info"},"service":{"name":"shop"}}
            {"index":{}}
            {"msg":"two"}
            {"delete":{"_index":"logs","_id":"1"}}
            {"create":{}}
            {"@timestamp":"never","message":"three"}

            """, index: "std")
        #expect(rows.lines == ["one", "two"])
        #expect(rows.rows.map(\.labels) == [#"{index="logs", service_name="shop"}"#, #"{index="std"}"#])
        #expect(rows.rows[0].metadata == #"{log_level="info"}"#)
        let value = try JSONValue(parsing: answer)
        #expect(value["errors"]?.bool == true && value["took"]?.number == 3)
        let items = value["items"]?.array ?? []
        #expect(items.count == 4)
        #expect(items.first?["create"]?["_id"]?.string == "7" && items.first?["create"]?["status"]?.number == 201)
        #expect(items[2]["delete"]?["status"]?.number == 400 && items[3]["create"]?["status"]?.number == 400)
    }

    @Test(arguments: ["{}", "x", "{\"create\":{}}", "{\"create\":1}\n{}", "{\"do\":{}}\n{}"])
    func whatIsNoBulkIsRefusedWhole(_ text: String) {
        #expect(throws: LogDecodeError.self) { try bulk(text) }
    }

    @Test func whatTheAnswerCouldNotEchoIsRefused() throws {
        let document = "{\"message\":\"m\"}\n"
        for action in [#"{"index":{"_id":"\q"}}"#, #"{"index":{"_index":"\u12"}}"#, "{\"index\":{\"_id\":\"\u{01}\"}}"]
        {
            #expect(throws: LogDecodeError.self) { try bulk(action + "\n" + document, index: "i") }
        }
        #expect(throws: LogDecodeError.self) { try bulk("{\"index\":{}}\n" + document, index: "a\"b") }
        let (rows, answer) = try bulk(#"{"index":{"_index":"\u0061","_id":"\"1\/"}}"# + "\n" + document)
        #expect(rows.rows.count == 1 && (try? JSONValue(parsing: answer)) != nil)
    }

    @Test func actionsCountAgainstTheRequestsLimit() {
        var options = LogDecodeOptions()
        options.limits.rowsPerRequestMax = 10
        var decoder = BulkDecoder(options: options)
        let body = Array(String(repeating: "{\"delete\":{}}\n", count: 11).utf8)
        body.withUnsafeBytes { body in
            do throws(LogDecodeError) {
                _ = try decoder.decode(body, index: nil, arrival: 1, into: LogBatch())
                Issue.record("taken")
            } catch { #expect(error == .tooLarge("the request has over 10 actions; send smaller ones")) }
        }
    }

    @Test func damagedDocumentsNeverCrash() {
        var random = SeededGenerator(seed: 14)
        var bulk = BulkDecoder()
        var lines = JSONLinesDecoder()
        let good =
            "{\"create\":{\"_index\":\"a\"}}\n{\"message\":\"x\\u0041\",\"@timestamp\":1700000000,\"o\":{\"p\":[1,{}],\"q\":\"r\"}}\n"
        for _ in 0..<3000 {
            let bytes = LogSample.damaged(Array((good + good).utf8), &random)
            let batch = LogBatch()
            bytes.withUnsafeBytes { _ = try? bulk.decode($0, index: "i", arrival: 1, into: batch) }
            batch.clear()
            bytes.withUnsafeBytes { _ = try? lines.decode($0, arrival: 1, into: batch) }
            #expect(LogRows(batch).rows.count == batch.rowCount)
        }
    }
}
