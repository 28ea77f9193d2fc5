import Bedrock
import Formats
import Model
import Testing
import Transport

@Suite struct TempoTests {
    let fixture: TraceFixture

    init() throws { fixture = try TraceFixture() }

    private func search(_ query: String, _ more: [(name: String, value: String)] = []) throws -> [JSONValue] {
        try fixture.json("/api/search", TraceFixture.range + [("q", query)] + more)["traces"]?.array ?? []
    }

    @Test(arguments: ["/tempo/api/traces/", "/api/traces/"]) func givesATraceById(path: String) throws {
        // Short ids are padded.
        let trace = try fixture.json(path + "1")
        let batches = try #require(trace["batches"]?.array)
        #expect(batches.count == 2)
        let span = try #require(batches[0]["scopeSpans"]?[0]?["spans"]?[0])
        #expect(span["name"]?.string == "GET /" && span["kind"]?.string == "SPAN_KIND_SERVER")
        // Identifiers in base64, as proto3's JSON has bytes.
        #expect(span["traceId"]?.string == "AAAAAAAAAAAAAAAAAAAAAQ==" && span["spanId"]?.string == "AAAAAAAAAAs=")
        let call = try #require(batches[1]["scopeSpans"]?[0]?["spans"]?[0])
        #expect(
            call["status"]?["code"]?.string == "STATUS_CODE_ERROR" && call["status"]?["message"]?.string == "no cart")
        #expect(call["events"]?[0]?["name"]?.string == "exception" && call["links"]?[0]?["spanId"]?.string != nil)
    }

    @Test func givesATraceAsProtobuf() throws {
        let response = try fixture.get("/tempo/api/traces/2", headers: ["Accept": "application/protobuf"])
        #expect(response.headers["Content-Type"] == "application/protobuf")
        let batch = SpanBatch()
        try response.body.withUnsafeBytes { bytes in
            var decoder = OTLPTracesDecoder()
            _ = try decoder.decode(protobuf: bytes, into: batch)
        }
        #expect(batch.rowCount == 2 && batch.rows.allSatisfy { $0.traceID == TraceID(high: 0, low: 2) })
    }

    @Test func tellsWhatIsNoTrace() throws {
        #expect(try fixture.get("/api/traces/77").status == 404)
        #expect(try fixture.get("/api/traces/xyz").status == 400)
        #expect(try fixture.get("/api/traces/0").status == 400)
        #expect(try fixture.get("/api/traces/\(String(repeating: "1", count: 33))").status == 400)
        #expect(try fixture.json("/api/v2/traces/1")["status"]?.string == "COMPLETE")
    }

    @Test func searches() throws {
        let failed = try search("{ status = error }")
        #expect(failed.compactMap { $0["traceID"]?.string?.last }.sorted() == ["1", "4", "7", "a"])
        let first = try #require(failed.first)
        #expect(first["rootServiceName"]?.string == "frontend" && first["rootTraceName"]?.string == "GET /")
        #expect(first["durationMs"]?.int == 300 && first["spanSets"]?[0]?["matched"]?.int == 1)
        #expect(first["startTimeUnixNano"]?.string != nil && first["spanCount"]?.int == 2)
        #expect(try search("{ resource.service.name = \"cart\" && duration > 75ms }").count == 2)
        #expect(try search("{ span.http.status = 500 } >> { status = error }").count == 4)
        #expect(try search("{ true }", [("limit", "3")]).count == 3)
        let shown = try search("{ .user = \"u3\" }")[0]["spanSets"]?[0]?["spans"]?[0]?["attributes"]
        #expect(shown?[0]?["key"]?.string == "user" && shown?[0]?["value"]?["stringValue"]?.string == "u3")
    }

    @Test func searchesByTagsAsBefore() throws {
        let parameters = TraceFixture.range + [("tags", "service.name=FRONT user=\"u7\""), ("minDuration", "100ms")]
        let found = try fixture.json("/api/search", parameters)["traces"]?.array
        #expect(found?.count == 1 && found?[0]["traceID"]?.string?.last == "8")
    }

    @Test func refusesBadRequests() throws {
        let cases: [[(name: String, value: String)]] = [
            [("q", "{ status = }")], [("q", "{ duration > \"x\" }")], [("q", "{ true } | rate()")], [("limit", "-1")],
            [("start", "soon")], [("start", "20"), ("end", "10")], [("tags", "novalue")], [("minDuration", "long")],
        ]
        for parameters in cases {
            let response = try fixture.get("/api/search", parameters)
            #expect(response.status == 400, "\(parameters)")
            #expect(!response.body.isEmpty)
        }
    }

    @Test func countsOverTime() throws {
        let answer = try fixture.json(
            "/api/metrics/query_range",
            TraceFixture.range + [("q", "{ } | count_over_time() by (resource.service.name)"), ("step", "5s")])
        let series = try #require(answer["series"]?.array)
        #expect(series.count == 2)
        #expect(series[0]["labels"]?[0]?["key"]?.string == "resource.service.name")
        #expect(series[0]["promLabels"]?.string == "{resource.service.name=\"cart\"}")
        let total = (series[0]["samples"]?.array ?? []).reduce(0) { $0 + ($1["value"]?.number ?? 0) }
        #expect(total == 10)
        let instant = try fixture.json(
            "/api/metrics/query", TraceFixture.range + [("q", "{ status = error } | count_over_time()")])
        #expect(instant["series"]?[0]?["value"]?.number == 4)
        #expect(try fixture.get("/api/metrics/query_range", TraceFixture.range + [("q", "{ }")]).status == 400)
    }

    @Test func listsTagsAndValues() throws {
        let names = strings(try fixture.json("/api/search/tags")["tagNames"])
        #expect(names.contains("service.name") && names.contains("http.status"))
        let scopes = try fixture.json("/api/v2/search/tags")["scopes"]?.array ?? []
        let words = scopes.compactMap { $0["name"]?.string }
        #expect(words.contains("intrinsic"))
        let span = scopes.first { $0["name"]?.string == "span" }
        #expect(strings(span?["tags"]) == ["http.status", "user"])
        func values(_ tag: String, _ q: String = "") throws -> [String] {
            try fixture.json("/api/v2/search/tag/\(tag)/values", [("q", q)])["tagValues"]?.array?.compactMap {
                $0["value"]?.string
            } ?? []
        }
        #expect(try values("resource.service.name") == ["cart", "frontend"])
        #expect(try values("span.http.status") == ["200", "500"])
        #expect(try values("status") == ["unset", "ok", "error"])
        #expect(try values("name", "{ resource.service.name = \"cart\" && span. }") == ["get"])
        #expect(try fixture.json("/api/search/tag/service.name/values")["tagValues"]?.array?.count == 2)
        #expect(try fixture.get("/api/v2/search/tag/what:ever/values").status == 400)
    }

    @Test func answersProbes() throws {
        #expect(try fixture.get("/tempo/api/echo").body == Array("echo".utf8))
        #expect(try fixture.get("/tempo/ready").status == 200)
        #expect(try fixture.json("/tempo/api/status/buildinfo")["version"]?.string != nil)
    }
}
