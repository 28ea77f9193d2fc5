import Bedrock
import Glibc
import Testing

@testable import Transport

/// Slow clients, clients that leave, connection limits, shutdown, many at once.
@Suite struct LifecycleTests {
    let client = HTTPClient()

    @Test func endsSlowHeaders() throws {
        let test = try TestServer { $0.headerSecondsMax = 0.2 }
        let silent = try RawConnection(test.server.port)
        #expect(silent.readAll().isEmpty)
        let slow = try RawConnection(test.server.port)
        slow.write("GET /hello HTTP/1.1\r\nHost: a\r\nX-")
        // A byte now and then doesn't buy time.
        Background.run { [socket = slow.socket] in
            for _ in 0..<10 {
                pause(milliseconds: 50)
                send(socket, "y", 1, Int32(MSG_NOSIGNAL))
            }
        }
        #expect(slow.readAll().hasPrefix("HTTP/1.1 408 "))
        #expect(eventually { test.counter.now.expired == 2 })
        pause(milliseconds: 400)
    }

    @Test func endsSlowBodies() throws {
        let test = try TestServer { $0.bodySecondsMax = 0.2 }
        let slow = try RawConnection(test.server.port)
        slow.write("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
        #expect(slow.readAll().hasPrefix("HTTP/1.1 408 "))
        #expect(eventually { test.server.bodyBytesInUse == 0 && test.server.connectionCount == 0 })
    }

    @Test func endsIdleConnections() throws {
        let test = try TestServer { $0.idleSecondsMax = 0.2 }
        let idle = try RawConnection(test.server.port)
        idle.write("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(idle.readAll().hasSuffix("hello"))
        #expect(test.counter.now.expired == 0)
    }

    @Test func keepsConnectionsAlive() throws {
        let test = try TestServer()
        let connection = try RawConnection(test.server.port)
        for _ in 0..<3 {
            connection.write("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(connection.read(until: "hello").hasPrefix("HTTP/1.1 200 OK\r\n"))
        }
        // Two at once, the second behind an answer that comes later.
        connection.write("GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        let both = connection.read(until: "hello")
        #expect(both.contains("at last") && both.hasSuffix("hello"))
        #expect(test.counter.now.opened == 1)
    }

    @Test func noticesHangUp() throws {
        let held = Held()
        let test = try TestServer([HTTPRoute([.get], "/hold") { request, respond in held.add(request, respond) }])
        let connection = try RawConnection(test.server.port)
        connection.write("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(eventually { held.count == 1 })
        let request = try #require(held.first)
        #expect(!request.cancellation.isCancelled)
        connection.close()
        #expect(eventually { request.cancellation.isCancelled })
        held.answerAll()
        #expect(eventually { test.server.connectionCount == 0 })
    }

    @Test func boundsConnections() throws {
        let test = try TestServer { $0.connectionsMax = 3 }
        var open: [RawConnection] = []
        for _ in 0..<3 {
            let connection = try RawConnection(test.server.port)
            connection.write("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(connection.read(until: "hello").hasSuffix("hello"))
            open.append(connection)
        }
        let fourth = try RawConnection(test.server.port)
        #expect(fourth.readAll().isEmpty)
        #expect(eventually { test.counter.now.refused == 1 })
        open.removeAll()
        #expect(eventually { test.server.connectionCount == 0 })
        #expect(try client.call(HTTPCall(.get, test.url + "/hello")).status == 200)
    }

    @Test func boundsConnectionsOfOnePeer() throws {
        let test = try TestServer { $0.connectionsPerPeerMax = 1 }
        let first = try RawConnection(test.server.port)
        first.write("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(first.read(until: "hello").hasSuffix("hello"))
        #expect(try RawConnection(test.server.port).readAll().isEmpty)
    }

    @Test func finishesRequestsBeforeItStops() throws {
        let test = try TestServer()
        let idle = try RawConnection(test.server.port)
        idle.write("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = idle.read(until: "hello")
        let late = try RawConnection(test.server.port)
        late.write("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(eventually { test.server.connectionCount == 2 })
        pause(milliseconds: 10)
        #expect(test.server.shutdown(deadlineSeconds: 5))
        let answer = late.readAll()
        #expect(answer.hasPrefix("HTTP/1.1 200 OK") && answer.hasSuffix("at last"))
        #expect(answer.contains("Connection: close"))
        #expect(idle.readAll().isEmpty)
        #expect(throws: HTTPCallError.self) { try client.call(HTTPCall(.get, test.url + "/hello")) }
    }

    @Test func endsRequestsThatDoNotFinish() throws {
        let held = Held()
        let test = try TestServer([HTTPRoute([.get], "/hold") { request, respond in held.add(request, respond) }])
        let connection = try RawConnection(test.server.port)
        connection.write("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(eventually { held.count == 1 })
        #expect(!test.server.shutdown(deadlineSeconds: 0.05))
        #expect(connection.readAll().hasPrefix("HTTP/1.1 503 "))
        #expect(held.first?.cancellation.isCancelled ?? false)
        // Too late, and harmless.
        held.answerAll()
    }

    @Test func stopsTwiceAndUnstarted() throws {
        let test = try TestServer()
        test.server.shutdown()
        #expect(test.server.shutdown())
        #expect(HTTPServer(HTTPServerOptions(), routes: []).shutdown())
    }

    @Test func servesManyAtOnce() throws {
        let test = try TestServer()
        let results = Counted()
        for i in 0..<2000 {
            let path = ["/hello", "/later", "/large", "/echo"][i % 4]
            let call =
                path == "/echo"
                ? HTTPCall(.post, test.url + path, body: Array(repeating: 7, count: i * 50))
                : HTTPCall(.get, test.url + path)
            client.send(call) { results.add(try? $0.get().status) }
        }
        for _ in 0..<1000 where results.count < 2000 { pause(milliseconds: 10) }
        #expect(results.values.filter { $0 == 200 }.count == 2000)
        #expect(test.counter.now.opened <= 16)
        #expect(eventually { test.server.bodyBytesInUse == 0 })
    }
}
