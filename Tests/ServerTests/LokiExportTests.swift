import Bedrock
import Formats
import Glibc
import Model
import Synchronization
import Testing
import Transport

@testable import QueryServer

/// Exports: whole, resumed, of bytes that are not text, taken slowly, abandoned.
@Suite struct LokiExportTests {
    private func fixture(rows: Int, pageRows: Int = 100, exports: Int = 8, padding: Int = 0) throws -> LogFixture {
        let fixture = try LogFixture {
            $0.logOptions.exportPageRows = pageRows
            $0.logOptions.exportsMax = exports
        }
        let blanks = String(repeating: " ", count: padding)
        for app in ["a", "b"] {
            let batch = LogBatch()
            batch.beginStream(Labels(["app": app]))
            for i in 0..<rows / 2 {
                batch.append(timestamp: LogFixture.now - Int64(1 + i / 3) * 1000, line: "line \(i) of \(app)" + blanks)
            }
            try fixture.write(batch)
        }
        return fixture
    }

    private func lines(_ response: HTTPResponse) throws -> [JSONValue] {
        try response.text.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    }

    @Test func exportsEverythingAndResumes() throws {
        let fixture = try fixture(rows: 1000)
        let response = try fixture.get("export", [("query", #"{app=~".+"}"#)])
        #expect(response.headers["Content-Type"]?.hasPrefix("application/x-ndjson") ?? false)
        let all = try lines(response)
        #expect(all.last?.text == #"{"end":true,"count":1000}"#)
        let entries = all.filter { $0["timestamp"] != nil }
        #expect(entries.count == 1000)
        let times = entries.compactMap { Int64($0["timestamp"]?.string ?? "") }
        #expect(times == times.sorted())
        #expect(Set(entries.compactMap { $0["line"]?.string }).count == 1000)
        let cursors = all.filter { $0["cursor"] != nil }
        #expect(cursors.count == 9 && cursors[3]["count"]?.int == 400)
        // From the fourth cursor on, there is what followed it, and the count goes on.
        let cursor = try #require(cursors[3]["cursor"]?.string)
        let rest = try lines(fixture.get("export", [("query", #"{app=~".+"}"#), ("cursor", cursor)]))
        #expect(rest.last?.text == #"{"end":true,"count":1000}"#)
        #expect(rest.filter { $0["timestamp"] != nil } == Array(entries[400...]))
        #expect(queryEventually { fixture.api.exportCount.load(ordering: .relaxed) == 0 })
    }

    @Test func keepsBytes() throws {
        let fixture = try LogFixture()
        let batch = LogBatch()
        batch.beginStream(Labels(["app": "a"]))
        let bytes: [UInt8] = [0xFF, 0x00, 0x80, 0x41]
        bytes.withUnsafeBytes { batch.append(timestamp: LogFixture.now - 2, line: $0) }
        batch.append(timestamp: LogFixture.now - 1, line: "")
        try fixture.write(batch)
        let exact = try lines(fixture.get("export", [("query", #"{app="a"}"#), ("encoding", "base64")]))
        #expect(exact[0]["line"]?.text == #"{"base64":"/wCAQQ=="}"#)
        #expect(exact[1]["line"]?.string == "")
        let text = try lines(fixture.get("export", [("query", #"{app="a"}"#)]))
        #expect(text[0]["line"]?.string == "\u{FFFD}\0\u{FFFD}A")
        #expect(try fixture.get("export", [("query", #"{app="a"}"#), ("encoding", "x")]).status == 400)
    }

    @Test func refusesWhatItMust() throws {
        let fixture = try fixture(rows: 10)
        for (name, value) in [("query", "{"), ("cursor", "x"), ("cursor", "5:"), ("start", "x"), ("end", "1")] {
            let query = name == "query" ? value : #"{app="a"}"#
            let start = name == "end" ? [("start", "2")] : []
            let got = try fixture.get("export", [("query", query), (name, value)] + start)
            #expect(got.status == 400, "\(name)=\(value): \(got.text)")
        }
        #expect(fixture.api.exportCount.load(ordering: .relaxed) == 0)
    }

    @Test func aClientThatLeavesFreesItsPlace() throws {
        let fixture = try fixture(rows: 20_000, pageRows: 5000, exports: 1)
        let pieces = Atomic<Int>(0)
        var call = HTTPCall(.get, fixture.url("/loki/api/v1/export", [("query", #"{app=~".+"}"#)]))
        call.receive = { _, _ in pieces.add(1, ordering: .relaxed).newValue < 2 }
        #expect(throws: HTTPCallError.cancelled) { try fixture.client.call(call) }
        #expect(queryEventually { fixture.api.exportCount.load(ordering: .relaxed) == 0 })
        #expect(fixture.api.runningCount == 0)
        #expect(try fixture.get("export", [("query", #"{app="none"}"#)]).text == "{\"end\":true,\"count\":0}\n")
    }

    @Test func aSlowClientHoldsNoThread() throws {
        let fixture = try fixture(rows: 60_000, pageRows: 10_000, exports: 1, padding: 400)
        let received = Atomic<Int>(0)
        var call = HTTPCall(.get, fixture.url("/loki/api/v1/export", [("query", #"{app=~".+"}"#)]))
        call.receive = { _, piece in
            received.add(piece.count, ordering: .relaxed)
            usleep(20_000)
            return true
        }
        let done = Atomic<Bool>(false)
        let slow = HTTPClient()
        slow.send(call) { _ in done.store(true, ordering: .relaxed) }
        #expect(queryEventually { received.load(ordering: .relaxed) > 0 })
        #expect(queryEventually { fixture.api.runningCount == 0 })
        let isDone = done.load(ordering: .relaxed)
        #expect(!isDone)
        #expect(try fixture.get("export", [("query", #"{app="a"}"#)]).status == 429)
    }
}
