import Bedrock
import Formats
import Model
import Synchronization
import Testing
import Transport

@testable import Client

/// Answers requests from a closure; keeps what was asked.
final class HTTPDouble: HTTPCaller {
    let calls = Mutex<[HTTPCall]>([])
    private let answer: @Sendable (HTTPCall) -> Result<HTTPResponse, HTTPCallError>

    init(_ answer: @escaping @Sendable (HTTPCall) -> Result<HTTPResponse, HTTPCallError>) { self.answer = answer }

    convenience init(status: Int = 200, _ body: String) {
        self.init { _ in .success(HTTPResponse(status: status, contentType: "application/json", body)) }
    }

    func send(_ call: HTTPCall, done: @escaping @Sendable (Result<HTTPResponse, HTTPCallError>) -> Void) {
        calls.withLock { $0.append(call) }
        done(answer(call))
    }
}

@Suite struct ClientTests {
    private func client(_ double: HTTPDouble) -> PrometheusClient {
        PrometheusClient(ServerContext(address: "localhost:7070/"), caller: double)
    }

    private func failure<T>(_ body: () async throws(ClientError) -> T) async -> ClientError? {
        do throws(ClientError) { _ = try await body() } catch { return error }
        return nil
    }

    @Test func matrixInColumns() async throws {
        let double = HTTPDouble(
            """
            {"status":"success","data":{"resultType":"matrix","result":[
              {"metric":{"__name__":"up","job":"a"},"values":[[1700000000,"1"],[1700000015.5,"0.25"]]},
              {"metric":{"job":"q\\"\\u00e4","Z":"y"},"values":[[1700000000.123,"NaN"],[1700000001,"+Inf"],[1700000002,"-1.5e-9"]]}]},
             "warnings":["w"],"infos":["i"]}
            """)
        let answer = try await client(double).range(
            "up{a=\"b\"}", start: 1_700_000_000_123, end: 1_700_000_060_000, step: 15_000)
        guard case .matrix(let table) = answer.result else {
            Issue.record("no matrix")
            return
        }
        #expect(table.labels == [Labels(["__name__": "up", "job": "a"]), Labels(["job": "q\"ä", "Z": "y"])])
        #expect(table.offsets == [0, 2, 5])
        #expect(
            table.timestamps == [
                1_700_000_000_000, 1_700_000_015_500, 1_700_000_000_123, 1_700_000_001_000, 1_700_000_002_000,
            ])
        #expect(
            table.values[0] == 1 && table.values[1] == 0.25 && table.values[2].isNaN && table.values[3] == .infinity
                && table.values[4] == -1.5e-9)
        #expect(answer.warnings == ["w"] && answer.infos == ["i"])
        let call = double.calls.withLock { $0[0] }
        #expect(call.url == "http://localhost:7070/api/v1/query_range")
        #expect(
            String(decoding: call.body, as: UTF8.self)
                == "query=up%7Ba%3D%22b%22%7D&start=1700000000.123&end=1700000060&step=15")
    }

    @Test func vectorsScalarsStringsAndHistograms() async throws {
        let vector = try await client(
            HTTPDouble(
                "{\"data\":{\"result\":[{\"value\":[1,\"2\"],\"metric\":{}}],\"resultType\":\"vector\"},\"status\":\"success\"}"
            )
        ).query("x")
        guard case .vector(let table) = vector.result else {
            Issue.record("no vector")
            return
        }
        #expect(table.count == 1 && table.lastValue(0) == 2)
        let scalar = try await client(
            HTTPDouble("{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[1.5,\"3\"]}}")
        ).query("3")
        #expect(scalar.result == .scalar(Sample(1500, 3)))
        let text = try await client(
            HTTPDouble("{\"status\":\"success\",\"data\":{\"resultType\":\"string\",\"result\":[1,\"a\\nb\"]}}")
        ).query("\"a\"")
        #expect(text.result == .string(timestamp: 1000, "a\nb"))
        let native = try await client(
            HTTPDouble(
                """
                {"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"histogram":[1,{"count":"3","sum":"7.5","buckets":[[0,"0.5","1","2"],[3,"-0.1","0.1","1"]]}]}]}}
                """)
        ).query("h")
        guard case .vector(let histograms) = native.result else {
            Issue.record("no vector")
            return
        }
        #expect(histograms.histograms[0].sum == 7.5 && histograms.histograms[0].buckets.map(\.rule) == [0, 3])
    }

    @Test func errorsAreTyped() async {
        let parse = await failure { () async throws(ClientError) in
            try await client(
                HTTPDouble(
                    status: 400,
                    "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"invalid parameter \\\"query\\\": 1:5: parse error: unexpected end\"}"
                )
            ).query("rate(")
        }
        guard case .api(let error)? = parse else {
            Issue.record("no API error but \(String(describing: parse))")
            return
        }
        #expect(error.kind == "bad_data" && error.position == TextPosition(line: 1, column: 5))
        #expect(
            await failure { () async throws(ClientError) in try await client(HTTPDouble(status: 401, "no")).query("x") }
                == .refused(server: "http://localhost:7070", status: 401, reason: "no"))
        #expect(
            await failure { () async throws(ClientError) in
                try await client(HTTPDouble(status: 503, "Service Unavailable")).query("x")
            } == .unavailable(server: "http://localhost:7070", reason: "Service Unavailable"))
        let html = await failure { () async throws(ClientError) in try await client(HTTPDouble("<html>")).query("x") }
        guard case .malformed? = html else {
            Issue.record("not malformed but \(String(describing: html))")
            return
        }
        #expect(
            await failure { () async throws(ClientError) in
                try await client(HTTPDouble { _ in .failure(.unreachable("connection refused")) }).query("x")
            } == .unreachable(server: "http://localhost:7070", reason: "connection refused"))
        #expect(
            await failure { () async throws(ClientError) in
                try await client(HTTPDouble { _ in .failure(.tooLarge(limit: 5)) }).query("x")
            } == .tooLarge(bytes: 5))
    }

    @Test func truncatedAndFlippedAnswersAreErrorsOrValues() async {
        let whole = Array(
            "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"a\":\"\\u00e9\"},\"values\":[[1,\"1\"],[2.5,\"1e3\"]],\"histograms\":[[1,{\"count\":\"1\",\"buckets\":[[0,\"1\",\"2\",\"3\"]]}]]}]}}"
                .utf8)
        for length in 0..<whole.count {
            let double = HTTPDouble { _ in .success(HTTPResponse(status: 200, body: Array(whole[..<length]))) }
            #expect(await failure { () async throws(ClientError) in try await client(double).query("x") } != nil)
        }
        for at in whole.indices {
            for flip: UInt8 in [1, 4, 32, 128] {
                var bytes = whole
                bytes[at] ^= flip
                let flipped = bytes
                let double = HTTPDouble { _ in .success(HTTPResponse(status: 200, body: flipped)) }
                _ = await failure { () async throws(ClientError) in try await client(double).query("x") }
            }
        }
    }

    @Test func labelsAndSeries() async throws {
        let double = HTTPDouble("{\"status\":\"success\",\"data\":[\"a\",\"b\"]}")
        #expect(
            try await client(double).labelValues("http.status", matching: ["up"], range: TimeRange(0, 1000)) == [
                "a", "b",
            ])
        #expect(
            double.calls.withLock { $0[0].url }
                == "http://localhost:7070/api/v1/label/U__http_2e_status/values?match%5B%5D=up&start=0&end=1")
        let series = HTTPDouble("{\"status\":\"success\",\"data\":[{\"__name__\":\"up\",\"job\":\"a\"}]}")
        #expect(try await client(series).series(matching: ["up"]) == [Labels(["__name__": "up", "job": "a"])])
    }

    @Test func targetsAndMetadata() async throws {
        let targets = HTTPDouble(
            "{\"status\":\"success\",\"data\":{\"activeTargets\":[{\"scrapePool\":\"n\",\"scrapeUrl\":\"http://x/metrics\",\"health\":\"down\",\"lastError\":\"refused\",\"labels\":{\"job\":\"n\"}}],\"droppedTargets\":[]}}"
        )
        let found = try await client(targets).targets()
        #expect(found.count == 1 && found[0].health == "down" && found[0].labels[0].name == "job")
        let metadata = HTTPDouble(
            "{\"status\":\"success\",\"data\":{\"up\":[{\"type\":\"gauge\",\"help\":\"h\",\"unit\":\"\"}]}}")
        #expect(
            try await client(metadata).metadata() == [MetricDescription(name: "up", type: "gauge", help: "h", unit: "")]
        )
    }

    @Test func credentialsGoWithEveryCall() async throws {
        let double = HTTPDouble("{\"status\":\"success\",\"data\":[]}")
        var context = ServerContext(address: "https://example.com/obs", bearerToken: "secret", tenant: "shop")
        context.tls.authoritiesFile = "/ca.pem"
        _ = try await PrometheusClient(context, caller: double).labelNames()
        let call = double.calls.withLock { $0[0] }
        #expect(call.url == "https://example.com/obs/api/v1/labels")
        #expect(call.headers["X-Scope-OrgID"] == "shop")
        #expect(call.options?.credentials == .bearer("secret") && call.options?.tls.authoritiesFile == "/ca.pem")
    }

    @Test(arguments: [
        ("0", 0.0), ("1", 1), ("-1.5", -1.5), ("123456789012345", 123_456_789_012_345), ("0.1", 0.1), ("1e+21", 1e21),
        ("1234567890.12345678", 1_234_567_890.12345678), ("0.30000000000000004", 0.1 + 0.2),
    ])
    func numbers(_ text: String, _ value: Double) {
        let bytes = Array(text.utf8)
        #expect(bytes.withUnsafeBytes { JSONScanner.double($0) } == value)
    }

    @Test(arguments: ["", "-", "1x", "1.2.3", "--1"]) func noNumbers(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(bytes.withUnsafeBytes { JSONScanner.double($0) } == nil)
    }
}

@Suite struct ServerChoiceTests {
    private let text = """
        current: prod
        contexts:
          local: {server: "http://127.0.0.1:7070"}
          prod:
            server: https://obs.example.com/
            token: abc
            tenant: shop
            ca_file: ~/ca.pem
        """

    @Test func contextFiles() throws {
        let file = try ContextFile(parsing: text, file: "config.yaml", home: "/home/u", files: PosixFileSystem())
        #expect(file.current == "prod" && file.contexts.map(\.name) == ["local", "prod"])
        #expect(file.contexts[1].context.address == "https://obs.example.com")
        #expect(file.contexts[1].context.tls.authoritiesFile == "/home/u/ca.pem")
        #expect(throws: (any Error).self) {
            try ContextFile(parsing: "contexts:\n  a: {serve: x}\n", file: "f", home: "", files: PosixFileSystem())
        }
        #expect(throws: (any Error).self) {
            try ContextFile(parsing: "current: gone\n", file: "f", home: "", files: PosixFileSystem())
        }
    }

    @Test func flagThenEnvironmentThenDefault() throws {
        let files = PosixFileSystem()
        #expect(
            try ServerChoice(environment: ["HOME": "/nonexistent"]).resolve(files: files).address
                == "http://127.0.0.1:7070")
        #expect(
            try ServerChoice(environment: ["HOME": "/nonexistent", "OBSQ_SERVER": "other:9090", "OBSQ_TOKEN": "t"])
                .resolve(files: files) == ServerContext(address: "http://other:9090", bearerToken: "t"))
        #expect(
            try ServerChoice(flag: "https://x:1/", environment: ["HOME": "/nonexistent", "OBSQ_SERVER": "other:9090"])
                .resolve(files: files).address == "https://x:1")
        #expect(throws: ContextError.self) {
            try ServerChoice(flag: "nowhere", environment: ["HOME": "/nonexistent"]).resolve(files: files)
        }
        #expect(throws: ContextError.self) {
            try ServerChoice(environment: ["OBSQ_CONFIG": "/nonexistent/file"]).resolve(files: files)
        }
    }
}
