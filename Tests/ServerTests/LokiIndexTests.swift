import Bedrock
import Formats
import Model
import Testing
import Transport

@testable import QueryServer

/// Labels, series, volumes, detection, patterns, deletions, probes.
@Suite struct LokiIndexTests {
    private func filled() throws -> LogFixture {
        let fixture = try LogFixture()
        try fixture.fill(Labels(["app": "a", "host": "h1"]), count: 10) { "aaaaaaaaa\($0)" }
        try fixture.fill(Labels(["app": "b", "host": "h1"]), count: 4) { "bb\($0)" }
        try fixture.store.flush()
        try fixture.fill(Labels(["app": "b", "host": "h2"]), count: 2) { "cc\($0)" }
        return fixture
    }

    @Test func listsLabels() throws {
        let fixture = try filled()
        #expect(try fixture.json("labels")["data"]?.text == #"["app","host"]"#)
        #expect(try fixture.json("label")["data"]?.text == #"["app","host"]"#)
        #expect(try fixture.json("label/app/values")["data"]?.text == #"["a","b"]"#)
        #expect(
            try fixture.json("label/app/values", [("query", #"{host="h2"}"#)])["data"]?.text == #"["b"]"#)
        #expect(try fixture.json("label/nothing/values")["data"]?.text == "[]")
        #expect(try fixture.json("labels", [("start", "1"), ("end", "2")])["data"]?.text == "[]")
        #expect(
            try fixture.json("series", [("match[]", #"{app="b"}"#)])["data"]?.text
                == #"[{"app":"b","host":"h1"},{"app":"b","host":"h2"}]"#)
        #expect(try fixture.json("series")["data"]?.array?.count == 3)
        #expect(try fixture.get("labels", [("query", "{")]).status == 400)
        #expect(try fixture.get("series", [("match[]", "rate(")]).status == 400)
    }

    @Test func countsStreamsAndBytes() throws {
        let fixture = try filled()
        let all = try fixture.json("index/stats", [("query", #"{app=~".+"}"#)])
        #expect(all["streams"]?.int == 3 && all["entries"]?.int == 16)
        #expect(all["bytes"]?.int == 100 + 12 + 6)
        let cut = try fixture.json(
            "index/stats",
            [
                ("query", #"{app="a"}"#), ("start", String(LogFixture.now - 5 * LogFixture.second)),
                ("end", "1700000000"),
            ])
        #expect(cut["streams"]?.int == 1 && cut["entries"]?.int == 5)
        #expect(try fixture.get("index/stats", [("query", "{"), ("start", "1")]).status == 400)
    }

    @Test func sumsVolumes() throws {
        let fixture = try filled()
        let series = try fixture.json("index/volume", [("query", #"{app=~".+"}"#)])
        #expect(
            series["data"]?["result"]?.text
                == #"[{"metric":{"app":"a"},"value":[1700000000,"100"]},{"metric":{"app":"b"},"value":[1700000000,"18"]}]"#
        )
        let targets = try fixture.json(
            "index/volume", [("query", #"{app=~".+"}"#), ("targetLabels", "host"), ("limit", "1")])
        #expect(targets["data"]?["result"]?.text == #"[{"metric":{"host":"h1"},"value":[1700000000,"112"]}]"#)
        let names = try fixture.json("index/volume", [("query", #"{app=~".+"}"#), ("aggregateBy", "labels")])
        #expect(names["data"]?["result"]?[0]?["metric"]?.text == #"{"app":""}"#)
        let steps = try fixture.json(
            "index/volume_range",
            [("query", #"{app="a"}"#), ("start", "1699999990"), ("end", "1700000000"), ("step", "5")])
        #expect(
            steps["data"]?["result"]?.text
                == #"[{"metric":{"app":"a"},"values":[[1699999990,"50"],[1699999995,"50"]]}]"#)
        #expect(try fixture.get("index/volume", [("query", #"{app="a"}"#), ("aggregateBy", "x")]).status == 400)
        #expect(try fixture.get("index/volume", [("query", #"{app="a"}"#), ("limit", "5000")]).status == 400)
    }

    @Test func detects() throws {
        let fixture = try LogFixture()
        try fixture.fill(Labels(["app": "a", "pod": "17"]), count: 4, metadata: Labels(["trace_id": "abc"])) {
            #"{"user":{"id":\#($0)},"took":"1\#($0)ms","ok":true,"size":"4KB"}"#
        }
        try fixture.fill(Labels(["app": "b", "shard": "17"]), count: 2) { "level=info dur=0.\($0)5 msg=\"hi there\"" }
        let labels = try fixture.json("detected_labels", [("query", #"{app=~".+"}"#)])
        #expect(
            labels["detectedLabels"]?.text
                == #"[{"label":"app","cardinality":2},{"label":"pod","cardinality":1}]"#)
        let fields = try fixture.json("detected_fields", [("query", #"{app=~".+"}"#)])
        var found: [String: JSONValue] = [:]
        for field in fields["fields"]?.array ?? [] { found[field["label"]?.string ?? ""] = field }
        #expect(
            found["user_id"]?.text
                == #"{"label":"user_id","type":"int","cardinality":4,"parsers":["json"],"jsonPath":["user","id"]}"#)
        #expect(found["took"]?["type"]?.string == "duration" && found["ok"]?["type"]?.string == "boolean")
        #expect(found["size"]?["type"]?.string == "bytes")
        #expect(found["dur"]?.text == #"{"label":"dur","type":"float","cardinality":2,"parsers":["logfmt"]}"#)
        #expect(found["trace_id"]?["parsers"]?.isNull ?? false)
        let values = try fixture.json("detected_field/msg/values", [("query", #"{app="b"}"#)])
        #expect(values["values"]?.text == #"["hi there"]"#)
        #expect(try fixture.get("detected_fields", [("query", #"{app="b"}"#), ("line_limit", "100000")]).status == 400)
    }

    @Test func showsPatterns() throws {
        let fixture = try LogFixture()
        try fixture.fill(Labels(["app": "a"]), count: 60) { "user \($0 * 7919) logged in from 10.0.0.\($0)" }
        try fixture.store.flush()
        let json = try fixture.json("patterns", [("query", #"{app="a"}"#), ("step", "60")])
        let first = try #require(json["data"]?[0])
        #expect(try #require(first["pattern"]?.string).contains("<_>"))
        let counts = (first["samples"]?.array ?? []).compactMap { $0[1]?.int }
        #expect(counts.reduce(0, +) == 60)
    }

    @Test func takesDeletions() throws {
        let fixture = try LogFixture()
        let made = try fixture.send(.post, "delete", [("query", #"{app="a"} |= "x""#), ("start", "1"), ("end", "100")])
        #expect(made.status == 200)
        #expect(made.text == #"{"request_id":"d0","status":"processing"}"#)
        let other = try fixture.send(.put, "delete", [("query", #"{app="b"}"#), ("start", "1")])
        #expect(other.status == 200)
        let list = try fixture.json("delete")
        #expect(list.array?.compactMap { $0["request_id"]?.string } == ["d1", "d0"])
        #expect(list[1]?["query"]?.string == "1 matchers, 1 filters" && list[1]?["state"]?.string == "received")
        #expect(list[1]?["start_time"]?.int == 1 && list[1]?["end_time"]?.int == 100)
        fixture.deletions.advance("d0", to: .gone)
        #expect(try fixture.json("delete")[1]?["state"]?.string == "gone")
        #expect(try fixture.json("delete")[1]?["status"]?.string == "processed")
        #expect(try fixture.send(.delete, "delete", [("request_id", "d0")]).status == 400)
        #expect(try fixture.send(.delete, "delete", [("request_id", "d1")]).status == 204)
        #expect(try fixture.send(.delete, "delete", [("request_id", "d7")]).status == 404)
        #expect(try fixture.send(.delete, "delete").status == 400)
        let bad: [[(name: String, value: String)]] = [
            [], [("query", #"{app="a"}"#)], [("query", #"{app="a"}"#), ("start", "x")],
            [("query", #"{app="a"}"#), ("start", "10"), ("end", "5")], [("query", "{"), ("start", "10")],
            [("query", #"{app="a"}"#), ("start", "10"), ("end", "1800000000")],
        ]
        for parameters in bad { #expect(try fixture.send(.post, "delete", parameters).status == 400, "\(parameters)") }
    }

    /// The engine's own deletions, through the API, to the end.
    @Test func deletesInTheStore() throws {
        let rig = try LogStoreRig()
        let batch = LogBatch()
        batch.beginStream(Labels(["app": "a"]))
        for i in 0..<10 { batch.append(timestamp: LogFixture.now - Int64(i) - 1, line: "secret \(i % 2)") }
        try rig.write(batch, tenant: .default)
        let deletions = EngineLogDeletions(rig.engine)
        var id = ""
        try rig.answer { done in
            deletions.request(
                tenant: .default, matchers: [Matcher("app", equals: "a")], range: LogTimeRange(0, LogFixture.now),
                filters: [LineFilter([.literal(Array("secret 1".utf8))])], metadataMatchers: [], done: done)
        } then: {
            id = $0
        }
        let listed = try #require(deletions.requests(tenant: .default).first)
        #expect(listed.id == id && listed.query == #"{app="a"} |= "secret 1""#)
        #expect(listed.state == .hidden)
        #expect(deletions.cancel(tenant: .default, id: id) == false)
        #expect(deletions.cancel(tenant: Tenant("other"), id: id) == nil)
        #expect(deletions.requests(tenant: Tenant("other")).isEmpty)
    }

    @Test func answersProbes() throws {
        let fixture = try LogFixture()
        func status(_ path: String) throws -> Int { try fixture.client.call(HTTPCall(.get, fixture.url(path))).status }
        #expect(try fixture.client.call(HTTPCall(.get, fixture.url("/ready"))).text == "ready\n")
        #expect(try fixture.json("status/buildinfo")["version"]?.string?.hasPrefix("3.") ?? false)
        let limits = try fixture.json("drilldown-limits")
        #expect(limits["limits"]?["max_entries_limit_per_query"]?.int == 5000)
        #expect(limits["pattern_ingester_enabled"]?.bool ?? false)
        #expect(try status("/loki/api/v1/rules") == 404)
        #expect(try status("/prometheus/api/v1/rules") == 200 && status("/prometheus/api/v1/alerts") == 200)
        #expect(try fixture.json("format_query", [("query", #"{app="a"}"#)])["data"]?.string == #"{app="a"}"#)
        #expect(try fixture.get("format_query", [("query", "{")]).status == 400)
    }

    @Test func saysWhenItIsNotReady() throws {
        let fixture = try LogFixture { $0.isReady = { false } }
        #expect(try fixture.get("labels").status == 503)
        #expect(try fixture.get("tail", [("query", #"{app="a"}"#)]).status == 503)
        #expect(try fixture.get("export", [("query", #"{app="a"}"#)]).status == 503)
        #expect(try fixture.client.call(HTTPCall(.get, fixture.url("/ready"))).status == 503)
    }
}
