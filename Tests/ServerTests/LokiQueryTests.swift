import Bedrock
import Formats
import Model
import Testing
import Transport

@testable import QueryServer

/// `query`, `query_range`, `format_query`: answers, pages, errors.
@Suite struct LokiQueryTests {
    private static let range: [(name: String, value: String)] = [
        ("start", String(LogFixture.now - 3600 * LogFixture.second)), ("end", String(LogFixture.now)),
    ]

    private func query(_ text: String, _ more: [(name: String, value: String)] = []) -> [(name: String, value: String)]
    {
        [("query", text)] + Self.range + more
    }

    @Test func warnsWhereBlocksAreDamaged() throws {
        let sound = try LogFixture()
        let damaged = try LogFixture { $0.logs = $0.logs.map { DamagedSource(inner: $0) } }
        for text in [#"{app="a"}"#, #"count_over_time({app="a"}[5m])"#] {
            for fixture in [sound, damaged] {
                try fixture.fill(Labels(["app": "a"]), count: 2) { "line \($0)" }
            }
            #expect(try sound.json("query_range", query(text))["warnings"] == nil)
            let warnings = try damaged.json("query_range", query(text))["warnings"]?.array
            #expect(warnings?.count == 1 && warnings?[0].string?.hasPrefix("2 damaged blocks") == true, "\(text)")
        }
        let instant = [(name: "query", value: #"count_over_time({app="a"}[5m])"#)]
        #expect(try damaged.json("query", instant)["warnings"]?.array?.count == 1)
    }

    @Test func answersStreams() throws {
        let fixture = try LogFixture()
        try fixture.fill(Labels(["app": "a", "host": "h1"]), count: 3) { "line \($0) of a" }
        try fixture.fill(Labels(["app": "b"]), count: 2, metadata: Labels(["trace_id": "t"])) { "line \($0) of \"b\"" }
        let json = try fixture.json("query_range", query(#"{app=~".+"}"#))
        #expect(json["status"]?.string == "success")
        #expect(json["data"]?["resultType"]?.string == "streams")
        let result = try #require(json["data"]?["result"]?.array)
        #expect(result.count == 2)
        #expect(result[0]["stream"]?.text == #"{"app":"a","host":"h1"}"#)
        // Newest first.
        #expect(
            result[0]["values"]?.text
                == #"[["1699999999000000000","line 2 of a"],["1699999998000000000","line 1 of a"],["1699999997000000000","line 0 of a"]]"#
        )
        // Without the flag, metadata is shown among the labels.
        #expect(result[1]["stream"]?.text == #"{"app":"b","trace_id":"t"}"#)
        #expect(result[1]["values"]?[0]?[1]?.string == "line 1 of \"b\"")
        let summary = try #require(json["data"]?["stats"]?["summary"])
        #expect(summary["totalEntriesReturned"]?.int == 5)
        #expect(try #require(summary["totalLinesProcessed"]?.int) >= 5)
        #expect(json["data"]?["cursor"] == nil)
    }

    @Test func showsCategoriesWhereAsked() throws {
        let fixture = try LogFixture()
        try fixture.fill(Labels(["app": "b"]), count: 1, metadata: Labels(["trace_id": "t"])) { _ in "x" }
        let json = try fixture.json(
            "query_range", query(#"{app="b"}"#), headers: ["X-Loki-Response-Encoding-Flags": "categorize-labels"])
        #expect(json["data"]?["encodingFlags"]?.text == #"["categorize-labels"]"#)
        #expect(json["data"]?["result"]?[0]?["stream"]?.text == #"{"app":"b"}"#)
        #expect(
            json["data"]?["result"]?[0]?["values"]?[0]?[2]?.text == #"{"structuredMetadata":{"trace_id":"t"}}"#)
    }

    @Test func givesLinesByteForByteWhereAsked() throws {
        let fixture = try LogFixture()
        let batch = LogBatch()
        batch.beginStream(Labels(["app": "b"]))
        for (index, line) in [[0xFF, 0x41], [0x42]].enumerated() {
            line.map { UInt8($0) }.withUnsafeBytes {
                batch.append(timestamp: LogFixture.now - Int64(index + 1) * LogFixture.second, line: $0)
            }
        }
        try fixture.write(batch)
        let flags: HTTPHeaders = ["X-Loki-Response-Encoding-Flags": "categorize-labels, base64-lines"]
        let data = try fixture.json("query_range", query(#"{app="b"}"#), headers: flags)["data"]
        #expect(data?["encodingFlags"]?.text == #"["categorize-labels","base64-lines"]"#)
        let values = data?["result"]?[0]?["values"]
        #expect(values?[0]?[1]?.string == "\u{FFFD}A" && values?[0]?[2]?.text == #"{"lineBase64":"/0E="}"#)
        #expect(values?[1]?[1]?.string == "B" && values?[1]?[2]?.text == "{}")
    }

    @Test func searchesEveryStreamWhereAsked() throws {
        let fixture = try LogFixture()
        try fixture.fill(Labels(["app": "a"]), count: 2) { _ in "x" }
        try fixture.fill(Labels(["host": "h"]), count: 3) { _ in "x" }
        let header: HTTPHeaders = ["X-Obs-Empty-Selector": "all"]
        let entries = try fixture.json("query_range", query(#"{} |= "x""#), headers: header)
        #expect(entries["data"]?["result"]?.array?.count == 2)
        let count = try fixture.json("query", query("sum(count_over_time({}[1h]))"), headers: header)
        #expect(count["data"]?["result"]?[0]?["value"]?[1]?.string == "5", "\(count)")
        #expect(try fixture.json("format_query", query("{}"), headers: header)["data"]?.string == "{}")
        #expect(try fixture.get("query_range", query("{}")).status == 400)
    }

    @Test func pagesThroughEverythingOnce() throws {
        let fixture = try LogFixture()
        for app in ["a", "b", "c"] {
            let batch = LogBatch()
            batch.beginStream(Labels(["app": app]))
            // Many entries at one time, some of them equal.
            for i in 0..<50 {
                batch.append(timestamp: LogFixture.now - Int64(i / 7 + 1) * LogFixture.second, line: "\(app)\(i / 3)")
            }
            try fixture.write(batch)
            if app == "b" { try fixture.store.flush() }
        }
        for direction in ["forward", "backward"] {
            var lines: [String] = []
            var times: [Int64] = []
            var cursor: String?
            repeat {
                var parameters = query(#"{app=~".+"}"#, [("limit", "11"), ("direction", direction)])
                if let cursor { parameters.append(("cursor", cursor)) }
                let response = try fixture.get("query_range", parameters)
                let json = try JSONValue(parsing: response.text)
                var page: [(Int64, String)] = []
                for stream in json["data"]?["result"]?.array ?? [] {
                    for value in stream["values"]?.array ?? [] {
                        page.append((Int64(value[0]?.string ?? "") ?? 0, value[1]?.string ?? ""))
                    }
                }
                cursor = json["data"]?["cursor"]?.string
                #expect(response.headers["X-Obs-Next-Cursor"] == cursor)
                #expect(page.count == 11 || cursor == nil)
                lines += page.map(\.1)
                times += page.map(\.0)
            } while cursor != nil && lines.count < 1000
            #expect(lines.count == 150)
            let expected = ["a", "b", "c"].flatMap { app in (0..<50).map { "\(app)\($0 / 3)" } }
            #expect(lines.sorted() == expected.sorted())
            let whole = stride(from: 0, to: times.count, by: 11).map { times[$0] }
            #expect(whole == (direction == "forward" ? whole.sorted() : whole.sorted(by: >)))
        }
    }

    @Test func replacesWhatIsNotText() throws {
        let fixture = try LogFixture()
        let batch = LogBatch()
        batch.beginStream(Labels(["app": "a"]))
        let bytes: [UInt8] = [0x61, 0xFF, 0x22, 0x00, 0x62]
        bytes.withUnsafeBytes { batch.append(timestamp: LogFixture.now - 1, line: $0) }
        try fixture.write(batch)
        let json = try fixture.json("query_range", query(#"{app="a"}"#))
        #expect(json["data"]?["result"]?[0]?["values"]?[0]?[1]?.string == "a\u{FFFD}\"\0b")
    }

    @Test func thinsOutByInterval() throws {
        let fixture = try LogFixture()
        try fixture.fill(Labels(["app": "a"]), count: 100) { "\($0)" }
        let json = try fixture.json("query_range", query(#"{app="a"}"#, [("interval", "10s"), ("limit", "8")]))
        let values = json["data"]?["result"]?[0]?["values"]?.array ?? []
        let lines: [String] = values.compactMap { $0[1]?.string }
        #expect(lines == ["99", "89", "79", "69", "59", "49", "39", "29"])
    }

    @Test func answersGrafanasHealthCheck() throws {
        let fixture = try LogFixture()
        let json = try fixture.json("query", [("query", "vector(1)+vector(1)"), ("time", "4000000000")])
        #expect(json["data"]?["resultType"]?.string == "vector")
        #expect(json["data"]?["result"]?.text == #"[{"metric":{},"value":[4000000000,"2"]}]"#)
    }

    @Test func answersNumbers() throws {
        let fixture = try LogFixture()
        try fixture.fill(Labels(["app": "a"]), count: 10) { "\($0)" }
        let instant = try fixture.json(
            "query", [("query", #"sum(count_over_time({app="a"}[1m]))"#), ("time", String(LogFixture.now))])
        #expect(instant["data"]?["result"]?.text == #"[{"metric":{},"value":[1700000000,"10"]}]"#)
        let matrix = try fixture.json(
            "query_range",
            [
                ("query", #"count_over_time({app="a"}[5s])"#), ("start", "1699999990"), ("end", "1700000000"),
                ("step", "5"),
            ])
        #expect(matrix["data"]?["resultType"]?.string == "matrix")
        #expect(
            matrix["data"]?["result"]?.text
                == #"[{"metric":{"app":"a"},"values":[[1699999990,"1"],[1699999995,"5"],[1700000000,"4"]]}]"#)
    }

    @Test func refusesWhatItMust() throws {
        let fixture = try LogFixture()
        func answer(_ path: String, _ parameters: [(name: String, value: String)]) throws -> (Int, String) {
            let response = try fixture.get(path, parameters)
            #expect(response.headers["Content-Type"]?.hasPrefix("text/plain") ?? false)
            return (response.status, response.text)
        }
        let log = try answer("query", [("query", #"{app="a"}"#)])
        #expect(log.0 == 400)
        #expect(log.1.hasPrefix("log queries are not supported as an instant query type"))
        let cases: [(String, String, String)] = [
            ("start", "tomorrow", "could not parse 'start' parameter"),
            ("end", "1e400", "could not parse 'end' parameter"), ("limit", "0", "limit must be a positive value"),
            ("limit", "5001", "max entries limit per query exceeded"), ("limit", "x", "strconv.Atoi"),
            ("limit", "99999999999999999999", "value out of range"), ("direction", "up", "invalid direction"),
            ("step", "0", "zero or negative query resolution"), ("step", "-5", "zero or negative query resolution"),
            ("step", "0.0001", "exceeded maximum resolution of 11,000 points"), ("step", "abc", "valid duration"),
            ("interval", "-1", "interval must be >= 0"), ("since", "never", "could not parse 'since'"),
            ("cursor", "nonsense", "invalid cursor"),
        ]
        for (name, value, text) in cases {
            let got = try answer("query_range", [("query", #"{app="a"}"#), (name, value)])
            #expect(got.0 == 400 && got.1.contains(text), "\(name)=\(value): \(got)")
        }
        for text in ["", "{", "{}", "nonsense(", "{app=~\"[\"}"] {
            let got = try answer("query_range", [("query", text)])
            #expect(got.0 == 400, "\(text): \(got)")
        }
        let empty = try answer("query_range", [("query", #"{app="a"}"#), ("start", "20"), ("end", "10")])
        #expect(empty.0 == 400 && empty.1.contains("end timestamp must not be before"))
    }

    @Test func readsTimesAsLokiDoes() {
        #expect(LokiParameters.parseTime("1700000000") == 1_700_000_000_000_000_000)
        #expect(LokiParameters.parseTime("1700000000123456789") == 1_700_000_000_123_456_789)
        #expect(LokiParameters.parseTime("1700000000.5") == 1_700_000_000_500_000_000)
        #expect(LokiParameters.parseTime("2023-11-14T22:13:20.123456789Z") == 1_700_000_000_123_456_789)
        #expect(LokiParameters.parseTime("4") == 4_000_000_000)
        for text in ["", "x", "1e99.0", "NaN", "9999999999999999999999"] {
            #expect(LokiParameters.parseTime(text) == nil, "\(text)")
        }
    }

    @Test func keepsTenantsApart() throws {
        let fixture = try LogFixture()
        let batch = LogBatch()
        batch.beginStream(Labels(["app": "secret"]))
        batch.append(timestamp: LogFixture.now - 1, line: "x")
        try fixture.write(batch, tenant: Tenant("other"))
        #expect(try fixture.json("query_range", query(#"{app="secret"}"#))["data"]?["result"]?.array?.isEmpty ?? false)
        let own = try fixture.json("query_range", query(#"{app="secret"}"#), headers: ["X-Scope-OrgID": "other"])
        #expect(own["data"]?["result"]?.array?.count == 1)
    }
}
