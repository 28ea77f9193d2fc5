import Bedrock
import Testing

@testable import Transport

/// What arrives when the client is broken or hostile.
@Suite struct BadRequestTests {
    let client = HTTPClient()

    private func status(_ answer: String) -> Int? {
        answer.hasPrefix("HTTP/1.1 ") ? Int(answer.dropFirst(9).prefix(3)) : nil
    }

    @Test(
        arguments: [
            ("Host: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            ("Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400),
            ("Host: a\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", 400),
            ("Host: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
            ("Host: a\r\nContent-Length: +3\r\n\r\nabc", 400),
            ("Host: a\r\nContent-Length: 3,3\r\n\r\nabc", 400),
            ("Host: a\r\nContent-Length: -1\r\n\r\nabc", 400),
            ("Host: a\r\nContent-Length: 99999999999999999999999\r\n\r\nabc", 413),
            ("Host: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
            ("Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
            ("Host: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
            ("Host: a\r\nContent-Length : 3\r\n\r\nabc", 400),
            ("Host: a\r\nHost: b\r\nContent-Length: 3\r\n\r\nabc", 400),
            ("Content-Length: 3\r\n\r\nabc", 400),
            ("Host: a\r\nX-Y: a\u{1}b\r\nContent-Length: 3\r\n\r\nabc", 400),
        ])
    func refusesAmbiguousFraming(_ rest: String, _ wanted: Int) throws {
        let test = try TestServer()
        // What follows must never be taken for a request.
        let connection = try RawConnection(test.server.port)
        connection.write("POST /echo HTTP/1.1\r\n" + rest + "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        let answer = connection.readAll()
        #expect(status(answer) == wanted, "\(answer)")
        #expect(!answer.contains("hello"))
    }

    @Test func takesHTTP10WithLengthOnly() throws {
        let test = try TestServer()
        let port = test.server.port
        #expect(status(try RawConnection.exchange(port, "POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nab")) == 200)
        #expect(status(try RawConnection.exchange(port, "POST /echo HTTP/1.0\r\n\r\nab")) == 411)
        #expect(status(try RawConnection.exchange(port, "GET /hello HTTP/1.0\r\n\r\n")) == 200)
        #expect(
            status(
                try RawConnection.exchange(port, "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
                == 400)
    }

    @Test(arguments: [
        "\r\n\r\n\r\n", "GET\r\n\r\n", "GET /hello\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n", "GET /hello HTTP/9.9\r\n\r\n",
    ])
    func survivesNoise(_ noise: String) throws {
        let test = try TestServer()
        let connection = try RawConnection(test.server.port)
        connection.write(noise)
        connection.close()
        #expect(try client.call(HTTPCall(.get, test.url + "/hello")).status == 200)
    }

    @Test func refusesUnknownMethods() throws {
        let test = try TestServer()
        let answer = try RawConnection.exchange(
            test.server.port, "BREW /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(status(answer) == 501)
    }

    @Test func boundsHeaders() throws {
        let test = try TestServer {
            $0.headerBytesMax = 4096
            $0.headersMax = 20
        }
        let long = String(repeating: "x", count: 5000)
        #expect(try client.call(HTTPCall(.get, test.url + "/hello", headers: ["X-Long": long])).status == 431)
        var headers = HTTPHeaders()
        for i in 0..<30 { headers.add("X-\(i)", "v") }
        #expect(try client.call(HTTPCall(.get, test.url + "/hello", headers: headers)).status == 431)
        // Beyond what the library reads at all.
        let answer = try RawConnection.exchange(
            test.server.port,
            "GET /hello HTTP/1.1\r\nHost: a\r\nX-Long: " + String(repeating: "y", count: 100_000) + "\r\n\r\n")
        #expect(status(answer) == 431 || answer.isEmpty)
    }

    @Test func boundsBodiesBeforeReadingThem() throws {
        let test = try TestServer()
        #expect(
            try client.call(HTTPCall(.post, test.url + "/small", body: Array(repeating: 1, count: 1000))).status == 200)
        let over = try client.call(HTTPCall(.post, test.url + "/small", body: Array(repeating: 1, count: 1001)))
        #expect(over.status == 413)
        // The small rest is read, so the connection goes on.
        #expect(test.counter.now.opened == 1)
        let announced = try RawConnection.exchange(
            test.server.port, "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
        #expect(status(announced) == 413)
        let expecting = try RawConnection.exchange(
            test.server.port, "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\nExpect: 100-continue\r\n\r\n")
        #expect(status(expecting) == 413)
    }

    @Test func boundsChunkedBodies() throws {
        let test = try TestServer()
        let chunk = String(repeating: "z", count: 0x400)
        let start = "POST /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        let answer = try RawConnection.exchange(
            test.server.port, start + "400\r\n" + chunk + "\r\n400\r\n" + chunk + "\r\n0\r\n\r\n")
        #expect(status(answer) == 413)
        let good = try RawConnection.exchange(test.server.port, start + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        #expect(good.hasSuffix("5"))
        let endless = try RawConnection(test.server.port)
        endless.write(start)
        var sent = 0
        while sent < 64 << 20, endless.write("400\r\n" + chunk + "\r\n") { sent += 0x400 }
        #expect(sent < 8 << 20, "a chunked body without end was read for \(sent) bytes")
    }

    @Test(arguments: ["gzip", "zstd", "deflate"]) func refusesBombs(_ name: String) throws {
        let test = try TestServer()
        let coding = try #require(ContentCoding(rawValue: name))
        let zeros = [UInt8](repeating: 0, count: 64 << 20)
        var packed = ByteBuffer()
        zeros.withUnsafeBytes { coding.encode($0, into: &packed) }
        let bomb = packed.array()
        #expect(bomb.count < 1 << 20)
        let call = HTTPCall(.post, test.url + "/echo", headers: ["Content-Encoding": name], body: bomb)
        #expect(try client.call(call).status == 413)
        var broken = call
        broken.body = Array(bomb.prefix(40))
        #expect(try client.call(broken).status == 400)
        broken.body = [1, 2, 3]
        #expect(try client.call(broken).status == 400)
        #expect(eventually { test.server.bodyBytesInUse == 0 })
    }

    @Test func boundsBodiesTogether() throws {
        let held = Held()
        let route = HTTPRoute([.post], "/hold", bodyMax: 1 << 20) { request, respond in held.add(request, respond) }
        let test = try TestServer([route]) { $0.bodyBudgetBytes = 1 << 20 }
        let body = [UInt8](repeating: 1, count: 400_000)
        let results = Counted()
        for _ in 0..<4 {
            client.send(HTTPCall(.post, test.url + "/hold", body: body)) { results.add(try? $0.get().status) }
        }
        #expect(eventually { held.count + results.count == 4 })
        #expect(held.count == 2)
        held.answerAll()
        #expect(eventually { results.count == 4 })
        #expect(results.values.compactMap { $0 }.sorted() == [200, 200, 503, 503])
        #expect(eventually { test.server.bodyBytesInUse == 0 })
    }
}
