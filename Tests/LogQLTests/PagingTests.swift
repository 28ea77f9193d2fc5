import Bedrock
import Model
import Testing

@testable import LogQL

@Suite struct PagingTests {
    private func query(_ text: String) throws -> LogQuery {
        guard case .log(let query) = try LogQLParser.parse(text) else {
            throw LogQLQueryError.execution("no log query")
        }
        return query
    }

    /// Pages of any size, put together, are the whole answer, each line once, in the order that cursors promise.
    @Test(arguments: 0..<5) func pagesGiveTheWholeAnswerOnce(_ seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let logs = RandomLogs(&random, count: Int.random(in: 1...250, using: &random))
        let source = logs.source(partRows: Int.random(in: 1...60, using: &random))
        let engine = RandomLogs.engine(Int.random(in: 1...3, using: &random))
        for pipeline in RandomLogs.pipelines {
            let query = try query("{app=~\"a|b\"} " + pipeline)
            let range = LogTimeRange(
                RandomLogs.start + Int64.random(in: 0..<50, using: &random) * 5_000_000_000,
                RandomLogs.start + Int64.random(in: 60..<130, using: &random) * 5_000_000_000)
            var forward: [(index: Int, hash: Hash128, entry: RandomLogs.Found)] = []
            for (index, found) in try logs.processed(query).enumerated() {
                guard let found, range.contains(found.row.time) else { continue }
                forward.append((index: index, hash: found.row.stream.hash128, entry: found))
            }
            forward.sort { a, b in
                if a.entry.row.time != b.entry.row.time { return a.entry.row.time < b.entry.row.time }
                return a.hash != b.hash ? a.hash < b.hash : a.index < b.index
            }
            for direction in LogDirection.allCases {
                let wanted = direction == .backward ? forward.reversed() : forward
                let size = Int.random(in: 1...40, using: &random)
                var found: [LogEntry] = []
                var after: LogCursor?
                repeat {
                    let page = try engine.streams(
                        query, range: range, limit: size, direction: direction, after: after, source: source)
                    #expect(page.entries.count == size || page.next == nil)
                    found += page.entries
                    if let next = page.next { #expect(LogCursor(next.description) == next) }
                    after = page.next
                } while after != nil && found.count <= wanted.count
                #expect(found.map(\.timestamp) == wanted.map { $0.entry.row.time }, "\(query) \(direction)")
                #expect(found.map(\.line) == wanted.map { $0.entry.line }, "\(query) \(direction)")
                let labels = found.map { entry in
                    Labels(
                        keepingEmpty: (entry.stream.list + entry.metadata.list + entry.parsed.list).map {
                            ($0.name, $0.value)
                        })
                }
                #expect(labels == wanted.map { $0.entry.labels }, "\(query) \(direction)")
            }
        }
    }

    @Test func lastLinesOpenOnlyTheNewestParts() throws {
        let source = MemoryLogSource(partRows: 10)
        let stream = Labels(["app": "a"])
        for index in 0..<1000 { source.append(stream, timestamp: Int64(index) * 1_000_000_000, line: "line \(index)") }
        let counting = CountingSource(source)
        let page = try RandomLogs.engine(1).streams(
            query("{app=\"a\"}"), range: .everything, limit: 5, source: counting)
        #expect(page.entries.map { String(decoding: $0.line, as: UTF8.self) }.first == "line 999")
        #expect(page.entries.count == 5 && page.next != nil)
        #expect(counting.counts.opened == 1 && counting.counts.lines == 5)
    }

    @Test func cursorsRefuseOtherText() {
        for text in ["", "1-2-3", "x", "1-00000000000000000000000000000000-x", "1-00000000000000000000000000000000--1"]
        {
            #expect(LogCursor(text) == nil)
        }
    }
}
