import Bedrock
import Kernels
import Model
import Testing
import TraceKit
import TraceQL

/// A few traces whose spans have numbers that are easy to name.
enum Fixture {
    static let base: Int64 = 1_700_000_000_000_000_000
    static let everything = SpanTimeRange(0, .max)

    private static func span(
        _ trace: UInt64, _ id: UInt64, _ parent: UInt64, _ name: String, _ service: String, ms: Int64,
        _ kind: SpanKind, _ attributes: [String: AttributeValue] = [:]
    ) -> TestSpan {
        var span = TestSpan(
            trace: trace, span: id, parent: parent, name,
            start: base + Int64(trace) * 1_000_000_000 + Int64(id) * 1_000_000, duration: ms * 1_000_000)
        span.kind = kind
        span.resource["service.name"] = .string(service)
        span.attributes = attributes
        return span
    }

    /// Trace 1: 1 ─ 2, 3 ─ 4, 5. Trace 2: 11 ─ 12, 13. Trace 3: only 21, whose parent never came.
    static let spans: [TestSpan] = {
        var spans = [
            span(1, 1, 0, "GET /", "frontend", ms: 100, .server, ["http.status_code": .int(500), "size": .int(10)]),
            span(1, 2, 1, "auth", "auth", ms: 10, .client, ["retry": .bool(true), "size": .int(4)]),
            span(1, 3, 1, "query", "db", ms: 50, .client, ["db.rows": .int(3), "size": .double(2.5)]),
            span(1, 4, 3, "exec", "db", ms: 20, .internal, ["db.rows": .int(7)]),
            span(1, 5, 3, "exec", "db", ms: 5, .internal, ["tags": .array([.string("x"), .string("y")])]),
            span(2, 11, 0, "GET /", "frontend", ms: 30, .server, ["http.status_code": .int(200)]),
            span(2, 12, 11, "auth", "auth", ms: 20, .client, ["retry": .bool(false)]),
            span(2, 13, 11, "auth", "auth", ms: 40, .client, ["service.name": .string("own")]),
            span(3, 21, 99, "lost", "worker", ms: 1, .consumer),
        ]
        spans[2].status = .error
        spans[2].statusMessage = "broken"
        spans[3].events = [TestEvent("exception", at: 5_000_000, ["type": .string("IOError")]), TestEvent("retry")]
        spans[4].links = [TestLink(trace: 2, span: 11, ["why": .string("again")])]
        spans[0].scopeName = "http"
        spans[0].scopeVersion = "1.2"
        return spans
    }()

    static let engine = TraceQLEngine()

    static func search(
        _ query: String, _ source: MemorySpanSource? = nil, limit: Int = 100, spansPerSet: Int = 0
    ) throws -> [TraceMatch] {
        try engine.search(
            TraceQLParser.parse(query), range: everything, limit: limit, spansPerSet: spansPerSet,
            source: source ?? MemorySpanSource(spans, partRows: 2)
        ).traces
    }

    /// Span numbers of the sets of each trace, by trace and first span.
    static func found(_ query: String, _ source: MemorySpanSource? = nil) throws -> [[UInt64]] {
        try search(query, source).sorted { $0.summary.id < $1.summary.id }.flatMap { trace in
            trace.spanSets.map { $0.spans.map(\.spanID.value).sorted() }.sorted { ($0.first ?? 0) < ($1.first ?? 0) }
        }
    }
}

@Suite struct SearchTests {
    @Test(arguments: [
        ("{ }", [[1, 2, 3, 4, 5], [11, 12, 13], [21]]),
        ("{ name = \"auth\" }", [[2], [12, 13]]),
        ("{ status = error }", [[3]]),
        ("{ kind = client && duration > 15ms }", [[3], [12, 13]]),
        ("{ span.http.status_code >= 400 }", [[1]]),
        ("{ resource.service.name =~ \"d.\" }", [[3, 4, 5]]),
        ("{ .service.name = \"own\" }", [[13]]),
        ("{ .missing != \"x\" }", []),
        ("{ .db.rows = nil && kind = internal }", [[5]]),
        ("{ .retry }", [[2]]),
        ("{ !.retry }", [[12]]),
        ("{ !!.retry }", [[2]]),
        ("{ !(.retry = true) && name = \"auth\" }", [[12, 13]]),
        ("{ .tags = \"y\" }", [[5]]),
        ("{ .tags != \"y\" }", []),
        ("{ .tags != \"z\" }", [[5]]),
        ("{ event:name = \"exception\" && event.type =~ \"IO.*\" }", [[4]]),
        ("{ event:timeSinceStart > 4ms }", [[4]]),
        ("{ link:spanID = \"b\" }", [[5]]),
        ("{ link.why != nil }", [[5]]),
        ("{ trace:id = \"2\" }", [[11, 12, 13]]),
        ("{ span:id = \"000000000000000B\" }", [[11]]),
        ("{ instrumentation:version = \"1.2\" }", [[1]]),
        ("{ nestedSetParent < 0 }", [[1], [11]]),
        ("{ span:childCount = 2 }", [[1, 3], [11]]),
        ("{ rootName = \"GET /\" && name = \"exec\" }", [[4, 5]]),
        ("{ traceDuration > 60ms && kind = server }", [[1]]),
        ("{ .size > 1 }", [[1, 2, 3]]),
        ("{ .size * 2 > 7 + 1 }", [[1]]),
        ("{ .size + 0.5 = 3 }", [[3]]),
        ("{ duration > .size * 2ms }", [[1, 2, 3]]),
        ("{ .size / 0 = 1 }", []),
        ("{ .size % 3 = 1 }", [[1, 2]]),
        ("{ -.size < -4 }", [[1]]),
        ("{ .size ^ 2 = 16 }", [[2]]),
        ("{ name = resource.service.name }", [[2], [12, 13]]),
        ("{ true = !.retry }", [[12]]),
        ("{ 1 = 2 }", []),
    ]) func filtersFindSpans(_ query: String, _ wanted: [[UInt64]]) throws {
        guard !query.contains("/ 0") else {
            #expect(throws: TraceQLError.self) { try TraceQLParser.parse(query) }
            return
        }
        for sharesTexts in [true, false] {
            let source = MemorySpanSource(Fixture.spans, partRows: 2, sharesTexts: sharesTexts)
            #expect(try Fixture.found(query, source) == wanted)
        }
    }

    @Test(arguments: [
        ("{ kind = server } && { status = error }", [[1, 3]]),
        ("{ kind = server } || { status = error }", [[1, 3], [11]]),
        ("{ kind = server } > { }", [[2, 3], [12, 13]]),
        ("{ kind = server } >> { name = \"exec\" }", [[4, 5]]),
        ("{ name = \"exec\" } << { }", [[1, 3]]),
        ("{ name = \"exec\" } < { }", [[3]]),
        ("{ name = \"auth\" } ~ { }", [[3], [12, 13]]),
        ("{ name = \"auth\" } ~ { name = \"auth\" }", [[12, 13]]),
        ("{ kind = server } !> { }", [[1, 4, 5], [11], [21]]),
        ("{ kind = server } !>> { }", [[1], [11], [21]]),
        ("{ name = \"exec\" } !< { kind = client }", [[2], [12, 13]]),
        ("{ name = \"exec\" } !<< { kind = server }", [[11]]),
        ("{ name = \"auth\" } !~ { kind = client }", [[2]]),
        ("{ kind = server } &> { status = error }", [[1, 3]]),
        ("{ kind = server } &>> { name = \"exec\" }", [[1, 4, 5]]),
        ("{ name = \"exec\" } &< { }", [[3, 4, 5]]),
        ("{ name = \"exec\" && .db.rows = 7 } &<< { kind = server }", [[1, 4]]),
        ("{ name = \"auth\" } &~ { status = error }", [[2, 3]]),
        ("{ kind = server } > { status = error } > { .db.rows > 1 }", [[4]]),
        ("({ kind = server } > { kind = client }) && { name = \"exec\" }", [[2, 3, 4, 5]]),
    ]) func operatorsRelateSpans(_ query: String, _ wanted: [[UInt64]]) throws {
        #expect(try Fixture.found(query) == wanted)
    }

    @Test(arguments: [
        ("{ } | count() > 3", [[1, 2, 3, 4, 5]]),
        ("count() < 3", [[21]]),
        ("3 > count()", [[21]]),
        ("{ name = \"auth\" } | avg(duration) = 30ms", [[12, 13]]),
        ("{ } | max(.size) >= 10", [[1, 2, 3, 4, 5]]),
        ("{ } | sum(.db.rows) = 10", [[1, 2, 3, 4, 5]]),
        ("{ } | min(duration) < 2ms", [[21]]),
        ("{ } | sum(.missing) = 0", []),
        ("{ } | by(name)", [[1], [2], [3], [4, 5], [11], [12, 13], [21]]),
        ("{ } | by(name) | count() > 1", [[4, 5], [12, 13]]),
        ("{ } | by(name) | count() > 1 | coalesce()", [[4, 5], [12, 13]]),
        ("{ } | by(resource.service.name) | coalesce() | count() = 5", [[1, 2, 3, 4, 5]]),
        ("{ } | by(.service.name) | { kind = client } | count() = 1", [[2], [3], [12], [13]]),
        ("{ kind = client } | { duration > 15ms }", [[3], [12, 13]]),
        ("count() > 2 | { kind = server }", [[1], [11]]),
        ("({ kind = client } | count() = 2) && { kind = server }", [[1, 2, 3], [11, 12, 13]]),
        ("({ } | by(name) | count() > 1) > { }", []),
        ("{ } > ({ name = \"exec\" } | count() = 2)", [[4, 5]]),
        ("{ } | by(kind) | { } > { }", [[12, 13]].filter { _ in false }),
        ("{ } | by(resource.service.name) | { } > { }", [[4, 5]]),
        ("{ } | by(resource.service.name) | { } >> { }", [[4, 5]]),
        ("{ } | by(resource.service.name) | { } << { }", [[3]]),
        ("{ } | by(name) | { } ~ { }", [[4, 5], [12, 13]]),
        ("{ } | select(.db.rows) | { .db.rows > 3 }", [[4]]),
    ]) func pipelinesWorkOnSets(_ query: String, _ wanted: [[UInt64]]) throws {
        #expect(try Fixture.found(query) == wanted)
    }

    @Test func answersShowWhatTheQueryMentions() throws {
        let traces = try Fixture.search(
            "{ .db.rows > 1 && duration > 1ms } | by(resource.service.name) | max(duration) > 1ms | select(kind)",
            spansPerSet: 1)
        let trace = try #require(traces.first)
        #expect(traces.count == 1)
        #expect(trace.summary.rootName == "GET /" && trace.summary.rootServiceName == "frontend")
        #expect(trace.summary.spanCount == 5 && trace.summary.errorCount == 1)
        let set = try #require(trace.spanSets.first)
        #expect(set.matched == 2 && set.spans.count == 1)
        #expect(set.attributes.map(\.name) == ["by(resource.service.name)", "max(duration)"])
        #expect(set.attributes.map(\.value) == [.string("db"), .duration(50_000_000)])
        let span = set.spans[0]
        #expect(span.spanID == SpanID(3) && span.name == "query" && span.duration == 50_000_000)
        #expect(span.attributes.map(\.field.text) == [".db.rows", "resource.service.name", "kind"])
        #expect(span.attributes.map(\.value) == [.int(3), .string("db"), .kind(.client)])
        let lost = try Fixture.search("{ name = \"lost\" }")
        #expect(lost.first?.summary.rootName == nil)
    }

    private static func many(_ count: UInt64) -> [TestSpan] {
        (1...count).map { TestSpan(trace: $0, span: $0, "s", start: Int64($0 * 7919 % 1000) * 1000, duration: 1) }
    }

    @Test func searchStopsWhenThereIsEnough() throws {
        let source = MemorySpanSource(Self.many(200), partRows: 5)
        let traces = try Fixture.search("{ }", source, limit: 7)
        #expect(traces.count == 7)
        #expect(source.opened.count <= 2 + QueryPool.coreCount * 2)
        let starts = traces.map(\.summary.start)
        #expect(starts == starts.sorted(by: >))
    }

    @Test func mostRecentIsExact() throws {
        // Parts in an order that helps nobody.
        let spans = Self.many(200)
        let newest = spans.map(\.start).sorted(by: >).prefix(9)
        let source = MemorySpanSource(spans, partRows: 3)
        let traces = try Fixture.search("{ } with (most_recent=true)", source, limit: 9)
        #expect(traces.map(\.summary.start) == Array(newest))
        #expect(source.opened.count == 67)
    }

    @Test func cancellingAndBudgetsEndQueries() throws {
        let query = try TraceQLParser.parse("{ }")
        let cancellation = Cancellation()
        cancellation.cancel()
        let source = MemorySpanSource(Fixture.spans)
        var error: TraceQLQueryError?
        do {
            _ = try Fixture.engine.search(
                query, range: Fixture.everything, source: source, cancellation: cancellation)
        } catch let caught { error = caught }
        guard case .cancelled? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        var options = TraceQLEngineOptions()
        options.spansMax = 3
        do {
            _ = try TraceQLEngine(options).search(query, range: Fixture.everything, source: source)
            Issue.record("read more than it may")
        } catch {
            guard case .tooManySpans = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test func moreConditionsThanARequestTakes() throws {
        let many = (0..<100).map { "{ .size = \($0) }" }.joined(separator: " || ")
        #expect(try Fixture.found(many) == [[1, 2]])
        let all = (0..<100).map { "{ .size != \(100 + $0) }" }.joined(separator: " && ")
        #expect(try Fixture.found(all) == [[1, 2, 3]])
    }

    @Test func circlesOfParentsEnd() throws {
        let spans = [
            TestSpan(trace: 1, span: 1, parent: 3, "a"), TestSpan(trace: 1, span: 2, parent: 1, "b"),
            TestSpan(trace: 1, span: 3, parent: 2, "c"), TestSpan(trace: 1, span: 4, parent: 3, "d"),
            TestSpan(trace: 1, span: 5, parent: 5, "e"),
        ]
        let source = MemorySpanSource(spans)
        #expect(try Fixture.found("{ name = \"a\" } >> { }", source) == [[2, 3, 4]])
        #expect(try Fixture.found("{ } << { }", source) == [[1, 2, 3]])
        #expect(try Fixture.found("{ } > { }", source) == [[2, 3, 4]])
    }
}

@Suite struct ExplanationTests {
    private func explain(_ query: String) throws -> String {
        try TraceQLEngine().explain(TraceQLParser.parse(query)).description
    }

    @Test func tellsWhatGoesDown() throws {
        #expect(
            try explain("{ .a = 1 && duration > 2s } | { name =~ \"x\" } | by(kind) | count() > 1") == """
                search
                  read matching spans by trace
                    store filter: all(all(.a = 1, duration > 2s), name =~ "x")
                    columns: kind
                  split by(kind)
                  keep sets with count() > 1
                """)
        #expect(
            try explain("({ .a + 1 = .b } >> { } | rate() by (name)) / 2") == """
                arithmetic /
                  rate() by (name)
                    read whole traces of matching spans
                      store filter: all(.a != nil, .b != nil)
                      store filter: everything
                      columns: .a, .b
                    find (filter 1 with { .a + 1 = .b } >> filter 2)
                  number 2
                """)
    }
}
