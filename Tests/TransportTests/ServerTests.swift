import Bedrock
import Testing

@testable import Transport

@Suite struct ServerTests {
    let client = HTTPClient()

    @Test func answersGet() throws {
        let test = try TestServer()
        let response = try client.call(HTTPCall(.get, test.url + "/hello"))
        #expect(response.status == 200)
        #expect(response.body == Array("hello".utf8))
        #expect(response.headers["content-type"] == "text/plain")
        #expect(
            eventually {
                let seen = test.counter.now.exchanges
                return seen.count == 1 && seen[0].route == "/hello" && seen[0].status == 200
                    && seen[0].responseBytes == 5
                    && seen[0].isComplete
            })
    }

    @Test(arguments: [0, 1, 1000, 70_000, 1 << 20]) func echoesPost(_ size: Int) throws {
        let test = try TestServer()
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let response = try client.call(HTTPCall(.post, test.url + "/echo", body: body))
        #expect(response.status == 200)
        #expect(response.body == body)
        #expect(eventually { test.server.bodyBytesInUse == 0 })
    }

    @Test func answersFromAnotherThread() throws {
        let test = try TestServer()
        #expect(try client.call(HTTPCall(.get, test.url + "/later")).body == Array("at last".utf8))
    }

    @Test func answersDroppedRequests() throws {
        let test = try TestServer()
        let response = try client.call(HTTPCall(.get, test.url + "/dropped"))
        #expect(response.status == 500)
        #expect(String(decoding: response.body, as: UTF8.self).contains("\"errorType\":\"internal\""))
    }
}
