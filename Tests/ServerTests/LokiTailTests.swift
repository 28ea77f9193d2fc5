import Bedrock
import Formats
import Model
import Synchronization
import Testing
import Transport

@testable import QueryServer

/// Tails as event streams and websockets: history, what follows, sharing, slow clients, limits.
@Suite struct LokiTailTests {
    /// What a tail has brought.
    private final class Tail: Sendable {
        private struct State {
            var parser = ServerSentEvents()
            var messages: [JSONValue] = []
            var ids: [String] = []
            var isOver = false
        }

        private let state = Mutex(State())
        let cancellation = Cancellation()

        var messages: [JSONValue] { state.withLock { $0.messages } }
        var ids: [String] { state.withLock { $0.ids } }
        var isOver: Bool { state.withLock { $0.isOver } }
        var lines: [String] {
            messages.flatMap { $0["streams"]?.array ?? [] }.flatMap { $0["values"]?.array ?? [] }
                .compactMap { $0[1]?.string }
        }

        init(
            _ fixture: LogFixture, _ parameters: [(name: String, value: String)], headers: HTTPHeaders = .init(),
            _ receive: @escaping @Sendable () -> Void = {}
        ) {
            var call = HTTPCall(.get, fixture.url("/loki/api/v1/tail/sse", parameters), headers: headers)
            call.timeoutSeconds = .infinity
            call.cancellation = cancellation
            call.receive = { [self] _, piece in
                receive()
                state.withLock { state in
                    try? state.parser.feed(piece) { event in
                        state.ids.append(event.id)
                        if let json = try? JSONValue(parsing: String(decoding: event.data, as: UTF8.self)) {
                            state.messages.append(json)
                        }
                    }
                }
                return true
            }
            fixture.client.send(call) { [self] _ in state.withLock { $0.isOver = true } }
        }
    }

    private func write(_ fixture: LogFixture, _ labels: Labels, _ lines: [String]) throws {
        let batch = LogBatch()
        batch.beginStream(labels)
        for (i, line) in lines.enumerated() { batch.append(timestamp: LogFixture.now + Int64(i), line: line) }
        try fixture.write(batch)
    }

    private let app = Labels(["app": "a"])

    @Test func followsWhatIsWritten() throws {
        let fixture = try LogFixture()
        try fixture.fill(app, count: 20) { "old \($0)" }
        let tail = Tail(fixture, [("query", #"{app="a"} |= "o""#), ("limit", "3")])
        #expect(queryEventually { tail.lines == ["old 17", "old 18", "old 19"] })
        try write(fixture, app, ["one", "xx", "two"])
        try write(fixture, Labels(["app": "other"]), ["no"])
        #expect(queryEventually { tail.lines.count == 5 })
        #expect(tail.lines.suffix(2) == ["one", "two"])
        let last = try #require(tail.messages.last)
        #expect(try #require(last["lag_ms"]?.int) < 2000)
        #expect(last["dropped_total"]?.int == 0 && last["dropped_entries"] == nil)
        #expect(tail.ids.last == String(LogFixture.now + 2))
        #expect(fixture.api.tails?.clientCount == 1 && fixture.feed.followerCount == 1)
        tail.cancellation.cancel()
        #expect(queryEventually { fixture.api.tails?.clientCount == 0 && fixture.feed.followerCount == 0 })
    }

    @Test func goesOnWhereItStopped() throws {
        let fixture = try LogFixture()
        try fixture.fill(app, count: 20) { "old \($0)" }
        let seen = LogFixture.now - 3 * LogFixture.second
        let tail = Tail(fixture, [("query", #"{app="a"}"#)], headers: ["Last-Event-ID": String(seen)])
        #expect(queryEventually { tail.lines == ["old 17", "old 18", "old 19"] })
        tail.cancellation.cancel()
    }

    @Test func beginsWithWhatAQueueHolds() throws {
        let fixture = try LogFixture { $0.logOptions.tailBytesMax = 40_000 }
        try fixture.fill(app, count: 20) { "\($0) " + String(repeating: "x", count: 3000) }
        let tail = Tail(fixture, [("query", #"{app="a"}"#), ("limit", "20")])
        #expect(queryEventually { tail.lines.count + Self.dropped(tail) == 20 })
        // Half of 40 000 bytes are six such entries: the newest, in order; the others are told.
        #expect(tail.lines.map { $0.prefix { $0 != " " } } == ["14", "15", "16", "17", "18", "19"])
        try write(fixture, app, ["after"])
        #expect(queryEventually { tail.lines.last == "after" })
        #expect(Self.dropped(tail) == 14)
        tail.cancellation.cancel()
    }

    @Test func sharesOneReader() throws {
        let fixture = try LogFixture()
        let queries = [#"{app="a"}"#, #"{ app = "a" }"#, #"{app="a"}"#, #"{app="a"} |= "x""#]
        let tails = queries.map { Tail(fixture, [("query", $0)]) }
        #expect(queryEventually { fixture.api.tails?.clientCount == 4 })
        #expect(fixture.api.tails?.readerCount == 2 && fixture.feed.followerCount == 2)
        try write(fixture, app, ["x", "y"])
        #expect(queryEventually { tails[3].lines == ["x"] })
        for tail in tails.prefix(3) { #expect(queryEventually { tail.lines == ["x", "y"] }) }
        for tail in tails { tail.cancellation.cancel() }
        #expect(queryEventually { fixture.feed.followerCount == 0 })
    }

    @Test func speaksWebsocket() throws {
        let fixture = try LogFixture()
        let peer = try WebSocketPeer(fixture.server.port, "/loki/api/v1/tail?query=%7Bapp%3D%22a%22%7D")
        #expect(peer.head.hasPrefix("HTTP/1.1 101"))
        #expect(queryEventually { fixture.api.tails?.clientCount == 1 })
        try write(fixture, app, ["hello"])
        let text = try #require(peer.nextText())
        #expect(try JSONValue(parsing: text)["streams"]?[0]?["values"]?[0]?[1]?.string == "hello")
        peer.close()
        #expect(queryEventually { fixture.api.tails?.clientCount == 0 })
    }

    @Test func aClientThatDoesNotReadHurtsNobody() throws {
        let fixture = try LogFixture {
            $0.logOptions.tailEntriesMax = 500
            $0.logOptions.tailBytesMax = 1 << 20
        }
        let forgotten = try WebSocketPeer(fixture.server.port, "/loki/api/v1/tail?query=%7Bapp%3D%22a%22%7D")
        let good = Tail(fixture, [("query", #"{app="a"}"#)])
        #expect(queryEventually { fixture.api.tails?.clientCount == 2 })
        let line = String(repeating: "x", count: 2000)
        let batch = LogBatch()
        batch.beginStream(app)
        for i in 0..<200 { batch.append(timestamp: LogFixture.now + Int64(i), line: line) }
        var written = 0
        #expect(
            queryEventually {
                // Only told: what the store does with it is not the matter here.
                fixture.feed.tell(batch, .default)
                written += 200
                return (fixture.api.tails?.droppedCount ?? 0) > 0 && written > 4000
            })
        #expect(queryEventually { good.lines.count + Self.dropped(good) >= written })
        _ = forgotten
    }

    private static func dropped(_ tail: Tail) -> Int { tail.messages.last?["dropped_total"]?.int ?? 0 }

    @Test func tellsWhatIsDropped() throws {
        let state = Gate()
        let outlet = GatedOutlet(gate: state)
        var options = LogQueryOptions()
        options.tailEntriesMax = 5
        let client = TailClient(
            outlet, encoding: LogValueEncoding(), delaySeconds: 0, waitsForHistory: false, options: options, now: 0)
        func chunk(_ lines: [String]) -> TailChunk? {
            var builder = TailChunkBuilder(encoding: LogValueEncoding())
            for line in lines {
                Array(line.utf8).withUnsafeBytes { bytes in
                    app.storage.withUnsafeBytes { labels in
                        builder.add(
                            LogEntryView(
                                timestamp: 7, line: bytes, stream: labels,
                                metadata: UnsafeRawBufferPointer(start: nil, count: 0),
                                parsed: UnsafeRawBufferPointer(start: nil, count: 0)))
                    }
                }
            }
            return builder.finish(arrivedAt: 1_000_000)
        }
        #expect(client.push(try #require(chunk(["a", "b", "c"]))) == 0)
        #expect(client.pump(now: 2_000_000) {}.sent == 0)
        #expect(client.push(try #require(chunk(["d", "e", "f"]))) == 3)
        state.open()
        #expect(client.pump(now: 5_000_000) {}.sent == 3)
        let message = try JSONValue(parsing: try #require(state.messages.last))
        #expect(message["dropped"]?.int == 3 && message["dropped_total"]?.int == 3 && message["lag_ms"]?.int == 4)
        #expect(message["dropped_entries"]?.array?.count == 3)
        #expect(message["dropped_entries"]?[0]?.text == #"{"labels":{"app":"a"},"timestamp":"7"}"#)
        #expect(client.push(try #require(chunk(["g"]))) == 0)
        _ = client.pump(now: 6_000_000) {}
        let next = try JSONValue(parsing: try #require(state.messages.last))
        #expect(next["dropped"]?.int == 0 && next["dropped_total"]?.int == 3 && next["dropped_entries"] == nil)
    }

    @Test func waitsAsLongAsAsked() throws {
        let fixture = try LogFixture()
        let tail = Tail(fixture, [("query", #"{app="a"}"#), ("delay_for", "1")])
        #expect(queryEventually { fixture.api.tails?.clientCount == 1 })
        let began = SystemClock().monotonicNanoseconds()
        try write(fixture, app, ["late"])
        #expect(queryEventually { tail.lines == ["late"] })
        #expect(SystemClock().monotonicNanoseconds() - began >= 1_000_000_000)
        #expect(try #require(tail.messages.last?["lag_ms"]?.int) >= 1000)
        tail.cancellation.cancel()
    }

    @Test func endsAfterItsTimeAndWithTheServer() throws {
        let fixture = try LogFixture { $0.logOptions.tailSecondsMax = 0.3 }
        let short = Tail(fixture, [("query", #"{app="a"}"#)])
        #expect(queryEventually { short.isOver && fixture.api.tails?.clientCount == 0 })
        let other = try LogFixture()
        let long = Tail(other, [("query", #"{app="a"}"#)])
        #expect(queryEventually { other.api.tails?.clientCount == 1 })
        #expect(other.server.shutdown(deadlineSeconds: 5))
        #expect(queryEventually { long.isOver })
    }

    @Test func refusesWhatItMust() throws {
        let fixture = try LogFixture { $0.logOptions.tailsMax = 1 }
        let cases: [(String, String)] = [
            ("query", "{"), ("query", "vector(1)+vector(1)"), ("delay_for", "6"), ("delay_for", "-1"), ("limit", "0"),
            ("limit", "6000"), ("start", "x"),
        ]
        for (name, value) in cases {
            let query = name == "query" ? value : #"{app="a"}"#
            let got = try fixture.get("tail/sse", [("query", query), (name, value)])
            #expect(got.status == 400, "\(name)=\(value): \(got.text)")
        }
        let plain = try fixture.get("tail", [("query", #"{app="a"}"#)])
        #expect(plain.status == 400 && plain.text.contains("websocket"))
        let one = Tail(fixture, [("query", #"{app="a"}"#)])
        #expect(queryEventually { fixture.api.tails?.clientCount == 1 })
        #expect(try fixture.get("tail/sse", [("query", #"{app="a"}"#)]).status == 429)
        one.cancellation.cancel()
        let without = try LogFixture { $0.feed = nil }
        #expect(try without.get("tail/sse", [("query", #"{app="a"}"#)]).status == 501)
    }
}

/// Keeps what is offered while open.
private final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, messages: [String])>((false, []))

    var messages: [String] { state.withLock { $0.messages } }

    func open() { state.withLock { $0.isOpen = true } }

    func offer(_ message: [UInt8]) -> Bool {
        state.withLock { state in
            if state.isOpen { state.messages.append(String(decoding: message, as: UTF8.self)) }
            return state.isOpen
        }
    }
}

private struct GatedOutlet: TailOutlet {
    let gate: Gate
    var isOpen: Bool { true }

    func offer(_ message: [UInt8], id: Int64) -> Bool { gate.offer(message) }
    func whenRoom(for bytes: Int, _ body: @escaping @Sendable () -> Void) { body() }
    func beat() {}
    func end(_ reason: String) {}
}
