import Bedrock
import Glibc
import Testing

@testable import Transport

/// grpcio's calls, right and wrong.
@Suite(.enabled(if: GRPCTestServer.hasPython, Comment(rawValue: GRPCTestServer.skipped)))
struct GRPCTests {
    @Test func answersCalls() throws {
        let test = try GRPCTestServer()
        let said = test.python(
            """
            print(call("Echo", b"hello"))
            print(call("Echo", b""))
            print(call("Echo", b"x" * 3000000) == b"x" * 3000000)
            print(call("Echo", b"y" * 100000, compression=grpc.Compression.Gzip) == b"y" * 100000)
            print(call("Later", b"late"))
            print(call("Metadata", b"", metadata=[("x-scope-orgid", "acme")]))
            """)
        #expect(said == "b'hello'\nb''\nTrue\nTrue\nb'late'\nb'acme'\n")
        #expect(test.server.callCounts.answered == 6 && test.server.callCounts.failed == 0)
    }

    @Test func saysWhyNot() throws {
        let test = try GRPCTestServer { $0.messageBytesMax = 100_000 }
        let said = test.python(
            """
            print(call("Nothing", b"hello"))
            print(call("Fail", b""))
            print(call("Drop", b""))
            print(call("Echo", b"x" * 100001))
            print(call("Echo", b"x" * 30000000))
            print(call("Echo", b"x" * 200000, compression=grpc.Compression.Gzip)[:18])
            print(call("Echo", b"x", compression=grpc.Compression.Deflate))
            print(len(call("Echo", b"x" * 100000)))
            """)
        let lines = said.split(separator: "\n").map(String.init)
        try #require(lines.count == 8, "\(said)")
        #expect(lines[0] == "UNIMPLEMENTED: 'unknown method /test.Echo/Nothing'")
        #expect(lines[1] == "FAILED_PRECONDITION: 'so nicht: 100 % übel\\n' 0809ff")
        #expect(lines[2].hasPrefix("INTERNAL: "))
        #expect(lines[3].hasPrefix("RESOURCE_EXHAUSTED: ") && lines[4].hasPrefix("RESOURCE_EXHAUSTED: "), "\(said)")
        #expect(lines[5] == "RESOURCE_EXHAUSTED")
        #expect(lines[6].hasPrefix("UNIMPLEMENTED: 'grpc-encoding deflate"))
        #expect(lines[7] == "100000")
    }

    @Test func endsCallsAtTheirDeadline() throws {
        let test = try GRPCTestServer()
        #expect(test.python("print(call('Hang', b'', timeout=0.3)[:17])") == "DEADLINE_EXCEEDED\n")
        #expect(eventually { test.held.count == 1 && test.held.cancelled == 1 })
    }

    @Test func servesAThousandStreams() throws {
        let test = try GRPCTestServer { $0.streamsMax = 100 }
        let said = test.python(
            """
            echo = channel.unary_unary("/test.Echo/Later")
            calls = [echo.future(b"%d" % i, timeout=50) for i in range(1000)]
            print(all(c.result() == b"%d" % i for i, c in enumerate(calls)))
            """)
        #expect(said == "True\n")
    }

    @Test func answersOpenCallsAtShutdown() throws {
        let test = try GRPCTestServer()
        Background.run {
            while test.held.count == 0 { pause(milliseconds: 5) }
            Background.run(afterMilliseconds: 300) { test.held.answerAll() }
            test.server.shutdown(deadlineSeconds: 10)
        }
        #expect(test.python("print(call('Hang', b''))") == "b'\\x01'\n")
    }

    @Test func wantsItsToken() throws {
        let test = try GRPCTestServer { $0.tokens = BearerTokens(["secret"]) }
        let said = test.python(
            """
            print(call("Echo", b"a")[:15])
            print(call("Echo", b"a", metadata=[("authorization", "Bearer secret")]))
            """)
        #expect(said == "UNAUTHENTICATED\nb'a'\n")
    }
}

/// Clients that are broken or hostile, frame by frame.
@Suite struct GRPCBadFrameTests {
    private func open(_ test: GRPCTestServer) throws -> RawConnection {
        let connection = try RawConnection(test.port)
        connection.write(HTTP2Frames.preface + HTTP2Frames.settings)
        return connection
    }

    /// Whether the server still answers a call.
    private func isWell(_ test: GRPCTestServer) throws -> Bool {
        let (before, connection) = (test.server.callCounts, try open(test))
        connection.write(HTTP2Frames.call(1, body: HTTP2Frames.message(Array("well".utf8))))
        return eventually {
            let counts = test.server.callCounts
            return counts.answered > before.answered && counts.failed == before.failed
        }
    }

    @Test(
        arguments: [
            [], [0], [0, 0, 0, 0], [0, 0, 0, 0, 9, 1], [0, 255, 255, 255, 255, 1], [7, 0, 0, 0, 0], [1, 0, 0, 0, 1, 9],
            [0, 0, 0, 0, 1, 65, 0, 0, 0, 0, 1, 66],
        ] as [[UInt8]])
    func refusesWhatIsNotOneMessage(_ body: [UInt8]) throws {
        let test = try GRPCTestServer()
        let connection = try open(test)
        connection.write(HTTP2Frames.call(1, body: body))
        #expect(eventually { test.server.callCounts.failed == 1 })
        #expect(try isWell(test))
    }

    @Test(arguments: ["99999999H", "1H", "H", "", "999999999999S", "-1S", "10x", "0n", "\u{e9}"])
    func takesAnyTimeout(_ timeout: String) throws {
        let test = try GRPCTestServer()
        let connection = try open(test)
        let body = HTTP2Frames.message([1, 2])
        connection.write(HTTP2Frames.call(1, more: [("grpc-timeout", timeout)], body: body))
        #expect(eventually { test.server.callCounts.answered == 1 } || timeout == "\u{e9}")
        #expect(try isWell(test))
    }

    @Test func closesOnFloods() throws {
        let test = try GRPCTestServer { $0.resetsPerSecondMax = 50 }
        let resets = try open(test)
        for stream in stride(from: UInt32(1), to: 2000, by: 2) {
            resets.write(
                HTTP2Frames.headers(stream, path: "/test.Echo/Hang") + HTTP2Frames.frame(3, 0, stream, [0, 0, 0, 8]))
        }
        #expect(eventually { test.server.connectionCount == 0 })
        // Pings whose answers nobody reads.
        let pings = try open(test)
        let many = (0..<2000).flatMap { _ in HTTP2Frames.frame(6, 0, 0, [UInt8](repeating: 1, count: 8)) }
        for _ in 0..<2000 where !pings.write(many) { break }
        pings.close()
        #expect(eventually { test.server.connectionCount == 0 })
        #expect(try isWell(test))
    }

    @Test func closesSlowAndIdleConnections() throws {
        let test = try GRPCTestServer {
            $0.headerSecondsMax = 0.5
            $0.idleSecondsMax = 1
            $0.bodySecondsMax = 1
        }
        let silent = try RawConnection(test.port)
        let idle = try open(test)
        let slow = try open(test)
        slow.write(HTTP2Frames.headers(1, path: "/test.Echo/Echo") + HTTP2Frames.frame(0, 0, 1, [0]))
        #expect(eventually { test.server.connectionCount == 3 })
        #expect(eventually { test.server.connectionCount == 0 })
        #expect(test.server.callCounts.failed == 1)
        _ = (silent, idle)
    }

    @Test func givesBackTheBudget() throws {
        let test = try GRPCTestServer { $0.bodyBudgetBytes = 100_000 }
        for _ in 0..<20 {
            // Dropped in the middle of its message.
            let connection = try open(test)
            let part = HTTP2Frames.frame(0, 0, 1, [0, 0, 1, 0, 0] + [UInt8](repeating: 0, count: 15_000))
            connection.write(HTTP2Frames.headers(1, path: "/test.Echo/Echo") + part)
            #expect(eventually { test.server.connectionCount == 1 })
            connection.close()
            #expect(eventually { test.server.connectionCount == 0 })
        }
        #expect(test.server.callCounts.failed == 0)
        #expect(try isWell(test))
    }

    @Test func survivesNoise() throws {
        let test = try GRPCTestServer()
        var random = Seeded(state: 42)
        let good =
            HTTP2Frames.preface + HTTP2Frames.settings
            + HTTP2Frames.call(1, body: HTTP2Frames.message([UInt8](repeating: 7, count: 50)))
            + HTTP2Frames.call(
                3, more: [("grpc-encoding", "gzip")], body: HTTP2Frames.message([31, 139, 8, 0], flag: 1))
            + HTTP2Frames.call(5, path: "/test.Echo/Later", body: HTTP2Frames.message([1]))
            + HTTP2Frames.frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]) + HTTP2Frames.frame(8, 0, 0, [0, 0, 1, 0])
        for round in 0..<400 {
            let connection = try RawConnection(test.port)
            var bytes = good
            switch round % 4 {
            case 0:
                for _ in 0..<3 {
                    bytes[Int.random(in: 24..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
                }
            case 1: bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random))
            case 2: bytes = HTTP2Frames.preface + (0..<500).map { _ in .random(in: 0...255, using: &random) }
            default:
                let place = Int.random(in: 24..<bytes.count - 20, using: &random)
                bytes.removeSubrange(place..<place + Int.random(in: 1..<20, using: &random))
            }
            connection.write(bytes)
            if round % 3 != 0 { pause(milliseconds: 1) }
            connection.close()
        }
        #expect(eventually { test.server.connectionCount == 0 })
        #expect(try isWell(test))
    }

    private struct Seeded: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state ^ state >> 33) &* 0xFF51_AFD7_ED55_8CCD
        }
    }
}

extension RawConnection {
    @discardableResult func write(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) == $0.count }
    }
}
