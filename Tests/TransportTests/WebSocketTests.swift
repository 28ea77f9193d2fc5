import Bedrock
import Glibc
import Testing

@testable import Transport

/// The server's side of websockets, driven by a bare client.
@Suite struct WebSocketTests {
    private func server(
        _ options: WebSocketOptions = WebSocketOptions(), _ adjust: (inout HTTPServerOptions) -> Void = { _ in }
    ) throws -> (TestServer, Ear) {
        let ear = Ear()
        let route = HTTPRoute([.get], "/ws") { request, respond in
            respond(.webSocket(request, options: options, ear))
        }
        return (try TestServer([route] + TestServer.routes, adjust), ear)
    }

    @Test func shakesHands() throws {
        let (test, ear) = try server()
        let peer = try Peer(test.server.port)
        // The key and the answer of RFC 6455 §1.3.
        #expect(peer.head.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
        #expect(peer.head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
        #expect(eventually { ear.sockets.count == 1 && test.server.webSocketCount == 1 })
        let socket = try #require(ear.sockets.values.first)
        #expect(socket.send(text: Array("hello".utf8)))
        #expect(peer.next() == .text(Array("hello".utf8)))
        #expect(socket.send(binary: [UInt8](repeating: 7, count: 100_000)))
        #expect(peer.next() == .binary([UInt8](repeating: 7, count: 100_000)))
        peer.send(.text, Array("grüß".utf8))
        #expect(eventually { ear.messages.values == [.text(Array("grüß".utf8))] })
        peer.send(.ping, [1, 2])
        #expect(peer.nextFrame() == [0x8A, 2, 1, 2])
        peer.send(.close, [0x03, 0xE8])
        #expect(peer.next() == .close(code: 1000, reason: ""))
        #expect(eventually { ear.ends.values == [1000] && test.server.connectionCount == 0 })
        #expect(!socket.send(text: [65]) && !socket.isOpen)
        #expect(test.counter.now.exchanges.first?.status == 101)
    }

    @Test func takesFragmentsWithControlFramesBetween() throws {
        let (test, ear) = try server()
        let peer = try Peer(test.server.port)
        peer.sendRaw(first: 0x01, Array("Hel".utf8))
        peer.sendRaw(first: 0x89, [9])
        peer.sendRaw(first: 0x80, Array("lo".utf8))
        #expect(eventually { ear.messages.values == [.text(Array("Hello".utf8))] })
        #expect(peer.nextFrame() == [0x8A, 1, 9])
    }

    struct Breach: Sendable {
        let bytes: [UInt8]
        let code: UInt16
    }

    static let breaches: [Breach] = [
        // Not masked; a reserved bit; an unknown opcode; a fragmented ping; a continuation of nothing.
        Breach(bytes: [0x81, 0x01, 0x41], code: 1002),
        Breach(bytes: [0xC1, 0x80, 0, 0, 0, 0], code: 1002),
        Breach(bytes: [0x83, 0x80, 0, 0, 0, 0], code: 1002),
        Breach(bytes: [0x09, 0x80, 0, 0, 0, 0], code: 1002),
        Breach(bytes: [0x80, 0x80, 0, 0, 0, 0], code: 1002),
        // Half a close code; one that may not be sent; text that is not UTF-8.
        Breach(bytes: [0x88, 0x81, 0, 0, 0, 0, 3], code: 1002),
        Breach(bytes: [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xED], code: 1002),
        Breach(bytes: [0x81, 0x81, 0, 0, 0, 0, 0xFF], code: 1007),
        // One byte more than is taken; more than there is.
        Breach(bytes: [0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], code: 1009),
        Breach(bytes: [0x82, 0xFF] + [UInt8](repeating: 0xFF, count: 8) + [0, 0, 0, 0], code: 1009),
    ]

    @Test(arguments: breaches)
    func refusesWhatIsNotTheProtocol(_ breach: Breach) throws {
        var options = WebSocketOptions()
        options.messageBytesMax = 0xFFFF
        let (test, ear) = try server(options)
        let peer = try Peer(test.server.port)
        peer.write(breach.bytes)
        guard case .close(let got, _) = peer.next() else { return #expect(Bool(false), "no close frame") }
        #expect(got == breach.code)
        #expect(eventually { ear.ends.values == [breach.code] })
    }

    @Test func refusesOtherHandshakes() throws {
        let (test, _) = try server()
        func status(_ fields: String) throws -> String {
            String(
                try RawConnection.exchange(
                    test.server.port, "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: close, upgrade\r\n\(fields)\r\n"
                ).prefix(12))
        }
        let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        #expect(try status("") == "HTTP/1.1 400")
        #expect(try status("Upgrade: h2c\r\n" + key) == "HTTP/1.1 400")
        #expect(try status("Upgrade: websocket\r\nSec-WebSocket-Version: 8\r\n" + key) == "HTTP/1.1 426")
        #expect(
            try status("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: a\r\n") == "HTTP/1.1 400")
    }

    @Test func boundsItsQueue() throws {
        var options = WebSocketOptions()
        options.queueBytesMax = 100_000
        options.stallSecondsMax = 0.5
        let (test, ear) = try server(options)
        let peer = try Peer(test.server.port)
        #expect(eventually { ear.sockets.count == 1 })
        let socket = try #require(ear.sockets.values.first)
        let text = [UInt8](repeating: 65, count: 20_000)
        // The peer never reads: it is given up.
        let isGivenUp = eventually {
            while socket.send(text: text) {}
            #expect(socket.bufferedBytes <= 100_100)
            return ear.ends.values == [1006]
        }
        #expect(isGivenUp && socket.refusedCount > 0)
        _ = peer
    }

    @Test func noticesSilenceAndHangUp() throws {
        var options = WebSocketOptions()
        options.pingSeconds = 0.1
        let (test, ear) = try server(options)
        let quiet = try Peer(test.server.port)
        #expect(quiet.nextFrame() == [0x89, 0])
        #expect(eventually { ear.ends.count == 1 })
        let leaving = try Peer(test.server.port)
        leaving.connection.close()
        #expect(eventually { ear.ends.count == 2 && test.server.connectionCount == 0 })
    }

    @Test func saysGoodbyeWhenItStops() throws {
        let (test, ear) = try server()
        let polite = try Peer(test.server.port)
        let rude = try Peer(test.server.port)
        #expect(eventually { test.server.webSocketCount == 2 })
        Background.run {
            if case .close = polite.next() { polite.send(.close, [0x03, 0xE9]) }
        }
        let began = SystemClock().monotonicNanoseconds()
        test.server.shutdown(deadlineSeconds: 5)
        #expect(SystemClock().monotonicNanoseconds() - began < 3_000_000_000)
        #expect(eventually { ear.ends.values.sorted() == [1001, 1006] })
        guard case .close(let code, _) = rude.next() else { return #expect(Bool(false), "no close frame") }
        #expect(code == 1001)
    }

    @Test func stopsWithoutAnsweringPeers() throws {
        let (test, ear) = try server()
        let peers = try (0..<5).map { _ in try Peer(test.server.port) }
        test.server.shutdown(deadlineSeconds: 0)
        #expect(eventually { ear.ends.count == 5 })
        _ = peers
    }

    @Test func worksOverTLS() throws {
        let certificates = try Certificates()
        let tls = try ServerTLS(
            files: PosixFileSystem(), certificateFile: certificates.path("server.pem"),
            keyFile: certificates.path("server.key"))
        let (test, ear) = try server { $0.tls = tls }
        let request =
            "GET /ws HTTP/1.1\\r\\nHost: a\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n"
            + "Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n"
        let out = certificates.path("out")
        Background.run {
            system(
                "(printf '\(request)'; sleep 0.4; printf '\\201\\201\\0\\0\\0\\0A'; sleep 0.6) | "
                    + "openssl s_client -quiet -no_ign_eof -connect 127.0.0.1:\(test.server.port) > \(out) 2>/dev/null")
        }
        #expect(eventually { ear.sockets.count == 1 })
        #expect(try #require(ear.sockets.values.first).send(text: Array("secret".utf8)))
        #expect(eventually { ear.messages.values == [.text([65])] })
        #expect(eventually { ear.ends.count == 1 })
        let got = try PosixFileSystem().readAll(out, limit: 10_000)
        #expect(String(decoding: got, as: UTF8.self).contains("secret"))
    }

    /// Whatever bytes come in whatever pieces, the decoder answers with events or one violation.
    @Test func decodesAnything() {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<3000 {
            var decoder = WebSocketDecoder(messageBytesMax: 300)
            do {
                for _ in 0..<4 {
                    var bytes = (0..<Int.random(in: 0..<40, using: &generator)).map { _ in
                        UInt8.random(in: 0...255, using: &generator)
                    }
                    if bytes.count > 1, Bool.random(using: &generator) {
                        bytes[0] = [0x81, 0x82, 0x01, 0x80, 0x88, 0x89].randomElement(using: &generator) ?? 0
                        bytes[1] = 0x80 | UInt8.random(in: 0..<30, using: &generator)
                    }
                    try bytes.withUnsafeBytes { try decoder.feed($0) { _ in } }
                }
            } catch {
                #expect([1002, 1007, 1009].contains((error as? WebSocketViolation)?.code))
            }
        }
    }
}

/// Keeps what websockets tell.
final class Ear: WebSocketDelegate {
    let sockets = Gathered<WebSocket>()
    let messages = Gathered<WebSocket.Message>()
    let ends = Gathered<UInt16>()

    func webSocketOpened(_ socket: WebSocket) { sockets.add(socket) }
    func webSocket(_ socket: WebSocket, received message: WebSocket.Message) { messages.add(message) }
    func webSocketClosed(_ socket: WebSocket, code: UInt16, reason: String) { ends.add(code) }
}

/// A websocket client over a bare connection.
final class Peer: @unchecked Sendable {
    let connection: RawConnection
    private(set) var head = ""
    private var decoder = WebSocketDecoder(messageBytesMax: 10 << 20, expectsMasks: false)
    private var events: [WebSocketDecoder.Event] = []

    init(_ port: UInt16, path: String = "/ws") throws {
        connection = try RawConnection(port)
        connection.write(
            "GET \(path) HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        // Byte by byte, so that no frame is taken with it.
        var bytes: [UInt8] = []
        while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8), let byte = readBytes(1).first { bytes.append(byte) }
        head = String(decoding: bytes, as: UTF8.self)
    }

    func write(_ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { Glibc.send(connection.socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    func send(_ opcode: WebSocketFrame.Opcode, _ payload: [UInt8]) { sendRaw(first: 0x80 | opcode.rawValue, payload) }

    /// A masked frame of up to 125 bytes.
    func sendRaw(first: UInt8, _ payload: [UInt8]) {
        let mask: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
        write(
            [first, 0x80 | UInt8(payload.count)] + mask + payload.enumerated().map { $0.element ^ mask[$0.offset % 4] })
    }

    /// The next message or close.
    func next() -> WebSocketDecoder.Event? {
        while events.isEmpty {
            let bytes = readBytes(65536)
            if bytes.isEmpty { return nil }
            try? bytes.withUnsafeBytes { try decoder.feed($0) { events.append($0) } }
        }
        return events.removeFirst()
    }

    /// The bytes of the next short frame.
    func nextFrame() -> [UInt8] {
        let start = readBytes(2)
        guard start.count == 2 else { return start }
        return start + (start[1] > 0 ? readBytes(Int(start[1])) : [])
    }

    private func readBytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = recv(connection.socket, &bytes, count, 0)
        return Array(bytes.prefix(max(0, got)))
    }
}
