import Bedrock
import Glibc
import Testing

@testable import Transport

/// Answers that are produced while they are sent.
@Suite struct StreamTests {
    let client = HTTPClient()

    /// A server whose `/stream` hands its streams to the test.
    private func server(
        capacityBytes: Int = 1 << 20, isEndless: Bool = false, _ adjust: (inout HTTPServerOptions) -> Void = { _ in }
    ) throws -> (TestServer, Gathered<HTTPBodyStream>) {
        let streams = Gathered<HTTPBodyStream>()
        let route = HTTPRoute([.get], "/stream") { _, respond in
            let stream = HTTPBodyStream(capacityBytes: capacityBytes, isEndless: isEndless)
            streams.add(stream)
            respond(HTTPResponse(headers: ["Content-Type": "text/plain"], stream: stream))
        }
        return (try TestServer([route], adjust), streams)
    }

    private func begin(_ test: TestServer, _ streams: Gathered<HTTPBodyStream>) throws -> (
        RawConnection, HTTPBodyStream
    ) {
        let connection = try RawConnection(test.server.port)
        connection.write("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(eventually { streams.count == 1 })
        return (connection, try #require(streams.values.first))
    }

    @Test func sendsPiecesAsTheyCome() throws {
        let (test, streams) = try server()
        let (connection, stream) = try begin(test, streams)
        #expect(stream.offer(Array("one\n".utf8)))
        let head = connection.read(until: "one\n")
        #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n") && head.contains("Transfer-Encoding: chunked"))
        pause(milliseconds: 20)
        #expect(stream.offer(Array("two\n".utf8)))
        #expect(connection.read(until: "two\n").contains("4\r\ntwo\n"))
        stream.finish()
        #expect(connection.read(until: "0\r\n\r\n").hasSuffix("0\r\n\r\n"))
        #expect(!stream.offer([1]))
        // The connection lives on.
        connection.write("GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(eventually { streams.count == 2 })
        streams.values[1].fail()
        #expect(!connection.readAll().contains("0\r\n\r\n"))
        #expect(eventually { test.counter.now.exchanges.count == 2 })
        #expect(test.counter.now.exchanges.first?.responseBytes == 8)
    }

    @Test func holdsBackAProducerWithoutBlockingIt() throws {
        let (test, streams) = try server(capacityBytes: 64 << 10)
        let (connection, stream) = try begin(test, streams)
        let piece = [UInt8](repeating: 97, count: 16 << 10)
        // The client reads nothing: kernel buffers fill, then the stream, then pieces are turned down.
        var taken = 0
        #expect(
            eventually {
                while stream.offer(piece) { taken += 1 }
                let before = taken
                pause(milliseconds: 50)
                while stream.offer(piece) { taken += 1 }
                return before == taken
            })
        #expect(stream.bufferedBytes <= 64 << 10)
        let calls = Counted()
        stream.whenRoom { calls.add(nil) }
        #expect(calls.count == 0)
        Background.run { _ = connection.read(until: "the end") }
        #expect(eventually { calls.count == 1 })
        #expect(eventually { stream.offer(Array("the end".utf8)) })
        #expect(eventually { stream.bufferedBytes == 0 })
        #expect(stream.totalBytes == taken * piece.count + 7)
        stream.finish()
    }

    @Test func deliversMuchToAClientThatReads() throws {
        let (test, streams) = try server(capacityBytes: 256 << 10)
        let url = test.url
        let answers = Gathered<Result<HTTPResponse, HTTPCallError>>()
        client.send(HTTPCall(.get, url + "/stream")) { answers.add($0) }
        #expect(eventually { streams.count == 1 })
        let stream = try #require(streams.values.first)
        Feeder(stream, pieces: 2000).go()
        #expect(eventually { answers.count == 1 })
        let body = try #require(answers.values.first).get().body
        #expect(body.count == 2000 * 10_007)
        #expect(body.indices.allSatisfy { $0 % 997 != 0 || body[$0] == UInt8(truncatingIfNeeded: $0 / 10_007) })
    }

    @Test func noticesAHangUp() throws {
        let (test, streams) = try server()
        let (connection, stream) = try begin(test, streams)
        #expect(stream.offer([65]))
        _ = connection.read(until: "A")
        let calls = Counted()
        connection.close()
        #expect(eventually { stream.state == .cancelled })
        stream.whenRoom { calls.add(nil) }
        #expect(calls.count == 1)
        #expect(eventually { test.server.connectionCount == 0 })
    }

    @Test func givesUpOnAClientThatTakesNothing() throws {
        let (test, streams) = try server { $0.streamStallSecondsMax = 0.2 }
        let (connection, stream) = try begin(test, streams)
        let piece = [UInt8](repeating: 97, count: 64 << 10)
        #expect(
            eventually {
                _ = stream.offer(piece)
                return stream.state == .cancelled
            })
        #expect(test.counter.now.expired == 1)
        connection.close()
        #expect(eventually { test.server.connectionCount == 0 })
    }

    @Test func endsEndlessOnesAtOnceWhenItStops() throws {
        let (test, streams) = try server(isEndless: true)
        let (connection, stream) = try begin(test, streams)
        #expect(stream.offer(Array("last words".utf8)))
        _ = connection.read(until: "last words")
        let began = SystemClock().monotonicNanoseconds()
        #expect(test.server.shutdown(deadlineSeconds: 10))
        #expect(SystemClock().monotonicNanoseconds() - began < 2_000_000_000)
        #expect(connection.readAll().hasSuffix("0\r\n\r\n"))
        #expect(stream.state == .finished)
    }

    @Test func keepsTheDeadlineOfAStop() throws {
        let (test, streams) = try server()
        let (connection, stream) = try begin(test, streams)
        #expect(stream.offer([65]))
        _ = connection.read(until: "A")
        let began = SystemClock().monotonicNanoseconds()
        #expect(!test.server.shutdown(deadlineSeconds: 0.2))
        #expect(SystemClock().monotonicNanoseconds() - began < 2_000_000_000)
        #expect(stream.state == .cancelled)
        #expect(!connection.readAll().contains("0\r\n\r\n"))
    }

    @Test func answersHeadWithoutProducing() throws {
        let (test, streams) = try server()
        #expect(try client.call(HTTPCall(.head, test.url + "/stream")).status == 200)
        #expect(eventually { streams.values.first?.state == .cancelled })
    }

    @Test func worksOverTLS() throws {
        let certificates = try Certificates()
        let tls = try ServerTLS(
            files: PosixFileSystem(), certificateFile: certificates.path("server.pem"),
            keyFile: certificates.path("server.key"))
        let (test, streams) = try server { $0.tls = tls }
        var call = HTTPCall(.get, test.url + "/stream")
        call.options = HTTPCallOptions()
        call.options?.tls.authoritiesFile = certificates.path("ca.pem")
        let pieces = Gathered<Int>()
        call.receive = { _, piece in
            pieces.add(piece.count)
            return true
        }
        let answers = Gathered<Result<HTTPResponse, HTTPCallError>>()
        client.send(call) { answers.add($0) }
        #expect(eventually { streams.count == 1 })
        let stream = try #require(streams.values.first)
        #expect(stream.offer([1, 2, 3]))
        #expect(eventually { pieces.values == [3] })
        pause(milliseconds: 20)
        #expect(stream.offer([4]))
        #expect(eventually { pieces.values == [3, 1] })
        stream.finish()
        #expect(eventually { answers.count == 1 })
        #expect(try #require(answers.values.first).get().status == 200)
    }

    @Test func localCallersGatherStreams() throws {
        let stream = HTTPBodyStream(capacityBytes: 32 << 10)
        let caller = LocalCaller(routes: [
            HTTPRoute([.get], "/s") { _, respond in
                respond(HTTPResponse(stream: stream))
                Feeder(stream, pieces: 20).go()
            }
        ])
        #expect(try caller.call(HTTPCall(.get, "http://x/s")).body.count == 20 * 10_007)
    }
}

/// Feeds a stream with numbered pieces as it has room, then ends it.
final class Feeder: Sendable {
    private let stream: HTTPBodyStream
    private let pieces: Int
    private let given = Counted()

    init(_ stream: HTTPBodyStream, pieces: Int) {
        self.stream = stream
        self.pieces = pieces
    }

    func go() {
        while given.count < pieces {
            let piece = [UInt8](repeating: UInt8(truncatingIfNeeded: given.count), count: 10_007)
            guard stream.offer(piece) else {
                // Away from the event loop, so that waiting never nests.
                return stream.whenRoom(for: 10_007) { [self] in Background.run { self.go() } }
            }
            given.add(nil)
        }
        stream.finish()
    }
}

/// Answers received piece by piece.
@Suite struct StreamingClientTests {
    let client = HTTPClient()

    @Test func receivesEventsAsTheyCome() throws {
        let streams = Gathered<HTTPBodyStream>()
        let test = try TestServer([
            HTTPRoute([.get], "/events") { _, respond in
                let stream = HTTPBodyStream(isEndless: true)
                streams.add(stream)
                respond(HTTPResponse(headers: ["Content-Type": "text/event-stream"], stream: stream))
            }
        ])
        let events = Gathered<ServerSentEvents.Event>()
        let parser = ParserBox()
        var call = HTTPCall(.get, test.url + "/events", timeoutSeconds: .infinity)
        call.receive = { status, piece in
            #expect(status == 200)
            parser.feed(piece) { events.add($0) }
            return events.count < 3
        }
        let answers = Gathered<Result<HTTPResponse, HTTPCallError>>()
        client.send(call) { answers.add($0) }
        #expect(eventually { streams.count == 1 })
        let stream = try #require(streams.values.first)
        _ = stream.offer(ServerSentEvents.encode(data: Array("one".utf8)))
        #expect(eventually { events.count == 1 })
        _ = stream.offer(ServerSentEvents.heartbeat)
        _ = stream.offer(ServerSentEvents.encode(name: "lag", id: "7", data: Array("two".utf8)))
        #expect(eventually { events.count == 2 })
        #expect(events.values.map(\.name) == ["message", "lag"])
        #expect(events.values.last?.id == "7" && events.values.last?.data == Array("two".utf8))
        _ = stream.offer(Array("data: a\r\ndata:b\r\n\r\n".utf8))
        #expect(eventually { answers.count == 1 })
        #expect(events.values.last?.data == Array("a\nb".utf8))
        #expect(throws: HTTPCallError.cancelled) { try answers.values.first?.get() }
        #expect(eventually { stream.state == .cancelled })
    }

    @Test func givesUpOnSilence() throws {
        let test = try TestServer([
            HTTPRoute([.get], "/quiet") { _, respond in
                let stream = HTTPBodyStream(isEndless: true)
                _ = stream.offer([65])
                respond(HTTPResponse(stream: stream))
            }
        ])
        var call = HTTPCall(.get, test.url + "/quiet", timeoutSeconds: .infinity)
        call.receive = { _, _ in true }
        call.silenceSecondsMax = 1
        #expect(throws: HTTPCallError.self) { try client.call(call) }
    }

    @Test func boundsEvents() {
        var parser = ServerSentEvents(eventBytesMax: 10)
        #expect(throws: ServerSentEvents.TooLong(limit: 10)) {
            try Array("data: 0123456789".utf8).withUnsafeBytes { bytes in try parser.feed(bytes) { _ in } }
        }
    }
}

private final class ParserBox: @unchecked Sendable {
    private var parser = ServerSentEvents()

    func feed(_ piece: UnsafeRawBufferPointer, _ event: (ServerSentEvents.Event) -> Void) {
        try? parser.feed(piece, event)
    }
}
