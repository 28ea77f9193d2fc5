import Bedrock
import Model
import Synchronization
import Testing
import Transport

@testable import QueryServer

/// Concurrency, waiting, cancellation, deadlines, the slow-query log.
@Suite struct QueryLimitTests {
    private final class Answers: Sendable {
        private let kept = Mutex<[Result<HTTPResponse, HTTPCallError>]>([])

        var count: Int { kept.withLock { $0.count } }
        var statuses: [Int] { kept.withLock { $0.compactMap { try? $0.get().status } } }
        var texts: [String] { kept.withLock { $0.compactMap { try? $0.get().text } } }

        func add(_ result: Result<HTTPResponse, HTTPCallError>) { kept.withLock { $0.append(result) } }
    }

    private final class Records: QueryObserver {
        private let kept = Mutex<(finished: [QueryRecord], refused: Int)>(([], 0))

        var finished: [QueryRecord] { kept.withLock { $0.finished } }
        var refused: Int { kept.withLock { $0.refused } }

        func queryFinished(_ record: QueryRecord) { kept.withLock { $0.finished.append(record) } }
        func queryRefused(endpoint: String) { kept.withLock { $0.refused += 1 } }
    }

    private func narrow(concurrency: Int, waiting: Int) -> QueryOptions {
        var options = QueryOptions()
        options.concurrencyMax = concurrency
        options.waitingMax = waiting
        return options
    }

    @Test func boundsWhatRunsAndWaits() throws {
        let records = Records()
        let gate = QueryGate()
        let fixture = try QueryFixture(options: narrow(concurrency: 2, waiting: 3)) { $0.observer = records }
        fixture.source.setGate { try gate.pass($0) }
        let answers = Answers()
        for expected in 1...8 {
            fixture.client.send(HTTPCall(.get, fixture.server.url + "/api/v1/query?query=up")) { answers.add($0) }
            #expect(queryEventually { fixture.api.runningCount + fixture.api.waitingCount + answers.count == expected })
        }
        #expect(fixture.api.runningCount == 2 && fixture.api.waitingCount == 3)
        #expect(answers.statuses == [503, 503, 503])
        #expect(
            answers.texts.first
                == #"{"status":"error","errorType":"unavailable","error":"too many queries: 2 are running and 3 waiting; try again later"}"#
        )
        gate.open()
        #expect(queryEventually { answers.count == 8 })
        #expect(answers.statuses.filter { $0 == 200 }.count == 5)
        #expect(queryEventually { records.finished.count == 5 && records.refused == 3 })
        #expect(records.finished.allSatisfy { $0.endpoint == "query" && $0.samplesRead > 0 && $0.seriesSelected == 2 })
        #expect(queryEventually { fixture.api.runningCount == 0 && fixture.api.waitingCount == 0 })
    }

    @Test func stopsWhenTheClientGoesAway() throws {
        let records = Records()
        let gate = QueryGate()
        let fixture = try QueryFixture(options: narrow(concurrency: 1, waiting: 10)) { $0.observer = records }
        fixture.source.setGate { try gate.pass($0) }
        let answers = Answers()
        let cancellation = Cancellation()
        for _ in 0..<2 {
            var call = HTTPCall(.get, fixture.server.url + "/api/v1/query?query=up")
            call.cancellation = cancellation
            fixture.client.send(call) { answers.add($0) }
        }
        #expect(queryEventually { fixture.api.runningCount == 1 && fixture.api.waitingCount == 1 })
        cancellation.cancel()
        // The gate stays shut: only their cancellation ends the one that runs and the one that waits.
        #expect(queryEventually { records.finished.count == 2 })
        #expect(records.finished.allSatisfy { $0.status == 499 })
        #expect(answers.count == 2)
    }

    @Test func keepsDeadlines() throws {
        let gate = QueryGate()
        let fixture = try QueryFixture()
        fixture.source.setGate { try gate.pass($0) }
        let asked = try fixture.get("/api/v1/query", [("query", "up"), ("timeout", "100ms")])
        #expect(asked.status == 503)
        #expect(
            asked.text
                == #"{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}"#)
        var options = narrow(concurrency: 1, waiting: 10)
        options.timeoutSeconds = 0.1
        let strict = try QueryFixture(options: options)
        strict.source.setGate { try gate.pass($0) }
        // More than the server allows is not to be had.
        #expect(try strict.get("/api/v1/query", [("query", "up"), ("timeout", "1h")]).status == 503)
    }

    @Test func logsSlowQueries() throws {
        var options = QueryOptions()
        options.slowQuerySeconds = 0
        options.loggedQueryBytesMax = 12
        let fixture = try QueryFixture(options: options)
        _ = try fixture.get(
            "/api/v1/query_range",
            [("query", "sum(up) by (job, instance)"), ("start", "1699999970"), ("end", "1700000000"), ("step", "15")])
        #expect(queryEventually { !fixture.log.lines.isEmpty })
        let line = fixture.log.lines.first ?? ""
        #expect(
            line.contains(#"level=warn component=query msg="slow query" endpoint=query_range query="sum(up) by (…""#))
        #expect(line.contains("span=2023-11-14T22:12:50.000Z/2023-11-14T22:13:20.000Z/15s"))
        #expect(line.contains("series=2") && line.contains("status=200"))
    }

    @Test func reportsFailingStores() throws {
        struct Broken: Error, CustomStringConvertible { let description = "block 7 of segment 3 is corrupt" }
        let fixture = try QueryFixture()
        fixture.source.setGate { _ in throw Broken() }
        let response = try fixture.get("/api/v1/query", [("query", "up")])
        #expect(response.status == 500)
        #expect(
            response.text == #"{"status":"error","errorType":"internal","error":"block 7 of segment 3 is corrupt"}"#)
    }

    @Test func separatesTenants() throws {
        let fixture = try QueryFixture {
            $0.tenant = { $0.headers["X-Scope-OrgID"].map { Tenant($0) } ?? .default }
        }
        let call = HTTPCall(.get, fixture.server.url + "/api/v1/query?query=up", headers: ["X-Scope-OrgID": "other"])
        #expect(try fixture.client.call(call).text.hasSuffix(#""result":[]}}"#))
    }

    @Test func compressesAnswers() throws {
        let fixture = try QueryFixture()
        let url = fixture.server.url + "/api/v1/query_range?query=up&start=1699999400&end=1700000000&step=1"
        let plain = try fixture.client.call(HTTPCall(.get, url, headers: ["Accept-Encoding": "identity"]))
        for coding in ["gzip", "zstd"] {
            let packed = try fixture.client.call(HTTPCall(.get, url, headers: ["Accept-Encoding": coding]))
            #expect(packed.headers["Content-Encoding"] == coding)
            #expect(packed.body.count * 4 < plain.body.count)
        }
    }
}
