import Bedrock
import Formats
import Model
import Testing
import Transport

@testable import Client

@Suite struct LokiClientTests {
    private func client(_ double: HTTPDouble) -> LokiClient {
        LokiClient(ServerContext(address: "localhost:7070", tenant: "shop"), caller: double)
    }

    private func failure<T>(_ body: () async throws(ClientError) -> T) async -> ClientError? {
        do throws(ClientError) { _ = try await body() } catch { return error }
        return nil
    }

    private let request = LogPageRequest("{app=\"a\"} |= \"x\"", range: LogTimeRange(100, 200), limit: 3)

    private static let page = """
        {"status":"success","data":{"resultType":"streams","encodingFlags":["categorize-labels"],"result":[
          {"stream":{"app":"a"},"values":[["150","second\\nline",{"structuredMetadata":{"trace_id":"1f"},"parsed":{"k":"v"}}],["110","\\u00e4\\ud83d\\ude00\\ud83d",{}]]},
          {"stream":{"app":"b"},"values":[["180","x"]]}],
          "cursor":"c-2","stats":{"summary":{"totalLinesProcessed":7}}}}
        """

    @Test func entriesInOrderOfTime() async throws {
        let double = HTTPDouble(Self.page)
        let (table, answer) = try await client(double).entries(request)
        #expect(table.rows.map(\.timestamp) == [180, 150, 110])
        #expect(table.text(0) == "x" && table.text(1) == "second\nline" && table.text(2) == "ä😀\u{FFFD}")
        #expect(table.labels(1) == Labels(["app": "a"]) && table.labels(0) == Labels(["app": "b"]))
        #expect(table.metadata(1) == Labels(["trace_id": "1f"]) && table.parsed(1) == Labels(["k": "v"]))
        #expect(table.metadata(2).isEmpty && table.parsed(0).isEmpty)
        #expect(answer.nextCursor == "c-2" && answer.statistics?["summary"]?["totalLinesProcessed"]?.int == 7)
        let call = double.calls.withLock { $0[0] }
        #expect(call.url == "http://localhost:7070/loki/api/v1/query_range" && call.method == .post)
        #expect(call.headers["X-Loki-Response-Encoding-Flags"] == "categorize-labels,base64-lines")
        #expect(call.headers["X-Scope-OrgID"] == "shop")
        #expect(
            String(decoding: call.body, as: UTF8.self)
                == "query=%7Bapp%3D%22a%22%7D%20%7C%3D%20%22x%22&start=100&end=200&limit=3&direction=backward")
    }

    @Test func cursorsAndDirections() async throws {
        let double = HTTPDouble(
            "{\"data\":{\"result\":[{\"values\":[[\"5\",\"b\"],[\"5\",\"c\"],[\"4\",\"a\"]],\"stream\":{}}],\"resultType\":\"streams\"},\"status\":\"success\"}"
        )
        var next = request
        next.direction = .forward
        next.cursor = "c-1"
        let (table, answer) = try await client(double).entries(next)
        #expect((0..<3).map(table.text) == ["a", "b", "c"])
        #expect(answer.nextCursor == nil)
        let body = double.calls.withLock { String(decoding: $0[0].body, as: UTF8.self) }
        #expect(body.hasSuffix("&direction=forward&cursor=c-1"))
    }

    @Test func bytesThatAreNotTextStay() async throws {
        let double = HTTPDouble { _ in
            var body = Array(
                "{\"status\":\"success\",\"data\":{\"resultType\":\"streams\",\"result\":[{\"stream\":{\"a\":\"b\"},\"values\":[[\"1\",\""
                    .utf8)
            body += [0xFF, 0xFE, 0x41]
            body += Array("\\\"\"]]}]}}".utf8)
            return .success(HTTPResponse(status: 200, body: body))
        }
        let table = try await client(double).entries(request).table
        #expect(table.line(0) == [0xFF, 0xFE, 0x41, 0x22])
        #expect(table.text(0) == "\u{FFFD}\u{FFFD}A\"")
    }

    @Test func metricsAndEmptyAnswers() async throws {
        let matrix = try await client(
            HTTPDouble(
                "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"a\":\"b\"},\"values\":[[1,\"2\"],[2,\"3\"]]}],\"stats\":{}}}"
            )
        ).range("rate({a=\"b\"}[1m])", start: 0, end: 2_000_000_000, step: 1_000_000_000)
        guard case .metric(.matrix(let table)) = matrix.result else {
            Issue.record("no matrix")
            return
        }
        #expect(table.values == [2, 3])
        for result in ["[]", "null"] {
            let empty = try await client(
                HTTPDouble("{\"status\":\"success\",\"data\":{\"resultType\":\"streams\",\"result\":\(result)}}")
            ).entries(request).table
            #expect(empty.isEmpty)
        }
        let wrong = await failure { () async throws(ClientError) in
            try await client(
                HTTPDouble("{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}")
            ).entries(request)
        }
        guard case .malformed? = wrong else {
            Issue.record("\(String(describing: wrong))")
            return
        }
    }

    @Test func errorsAreTextWithStatusAndPlace() async {
        let parse = await failure { () async throws(ClientError) in
            try await client(
                HTTPDouble(status: 400, "parse error at line 1, col 9: syntax error: unexpected end of input")
            ).entries(request)
        }
        guard case .api(let error)? = parse else {
            Issue.record("no API error but \(String(describing: parse))")
            return
        }
        #expect(error.status == 400 && error.position == TextPosition(line: 1, column: 9))
        #expect(error.message.hasSuffix("unexpected end of input"))
        for (status, text) in [(404, "404 page not found"), (502, "<html>bad gateway")] {
            let other = await failure { () async throws(ClientError) in
                try await client(HTTPDouble(status: status, text)).entries(request)
            }
            guard case .malformed? = other else {
                Issue.record("\(status): \(String(describing: other))")
                continue
            }
        }
        #expect(
            await failure { () async throws(ClientError) in
                try await client(HTTPDouble(status: 503, "starting")).entries(request)
            } == .unavailable(server: "http://localhost:7070", reason: "starting"))
    }

    @Test func truncatedAndFlippedAnswersAreErrorsOrValues() async {
        let whole = Array(Self.page.utf8)
        for length in 0..<whole.count {
            let double = HTTPDouble { _ in .success(HTTPResponse(status: 200, body: Array(whole[..<length]))) }
            #expect(await failure { () async throws(ClientError) in try await client(double).entries(request) } != nil)
        }
        for at in whole.indices {
            for flip: UInt8 in [1, 4, 32, 128] {
                var bytes = whole
                bytes[at] ^= flip
                let flipped = bytes
                let double = HTTPDouble { _ in .success(HTTPResponse(status: 200, body: flipped)) }
                _ = await failure { () async throws(ClientError) in try await client(double).entries(request) }
            }
        }
    }

    @Test func patternsByCount() async throws {
        let double = HTTPDouble(
            "{\"status\":\"success\",\"data\":[{\"pattern\":\"a <_>\",\"samples\":[[10,2],[20,3]]},{\"pattern\":\"b\",\"samples\":[[10,9]]}]}"
        )
        let found = try await client(double).patterns(
            "{a=\"b\"}", range: LogTimeRange(0, 60_000_000_000), step: 10_000_000_000)
        #expect(found.map(\.text) == ["b", "a <_>"] && found.map(\.total) == [9, 5])
        #expect(found[1].counts.first?.time == 10_000_000_000)
        #expect(double.calls.withLock { $0[0].url.hasSuffix("&start=0&end=60000000000&step=10") })
    }
}
