import Bedrock
import Glibc
import Testing

@testable import Transport

@Suite struct ClientTests {
    let client = HTTPClient()

    @Test func saysWhatIsUnreachable() throws {
        let test = try TestServer()
        let url = test.url
        test.server.shutdown()
        let error = #expect(throws: HTTPCallError.self) { try client.call(HTTPCall(.get, url + "/hello")) }
        guard case .unreachable(let why) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(why.hasPrefix("cannot reach \(url)/hello: "))
    }

    @Test func timesOut() throws {
        let held = Held()
        let test = try TestServer([HTTPRoute([.get], "/hold") { request, respond in held.add(request, respond) }])
        let call = HTTPCall(.get, test.url + "/hold", timeoutSeconds: 0.1)
        #expect(throws: HTTPCallError.timeout(seconds: 0.1)) { try client.call(call) }
        held.answerAll()
    }

    @Test func boundsAnswers() throws {
        let test = try TestServer()
        // Compressed it is far smaller: what counts is what comes out.
        let call = HTTPCall(.get, test.url + "/large", responseMax: 10_000)
        #expect(throws: HTTPCallError.tooLarge(limit: 10_000)) { try client.call(call) }
    }

    @Test func cancels() async throws {
        let held = Held()
        let test = try TestServer([HTTPRoute([.get], "/hold") { request, respond in held.add(request, respond) }])
        var call = HTTPCall(.get, test.url + "/hold")
        let cancellation = Cancellation()
        call.cancellation = cancellation
        let results = Gathered<Result<HTTPResponse, HTTPCallError>>()
        client.send(call) { results.add($0) }
        #expect(eventually { held.count == 1 })
        cancellation.cancel()
        #expect(eventually { results.count == 1 })
        #expect(throws: HTTPCallError.cancelled) { try results.values[0].get() }
        #expect(eventually { held.first?.cancellation.isCancelled ?? false })
        held.answerAll()
    }

    @Test func awaits() async throws {
        let test = try TestServer()
        #expect(try await client.response(to: HTTPCall(.get, test.url + "/hello")).status == 200)
        let url = test.url
        let task = Task { [client] in try await client.response(to: HTTPCall(.get, url + "/later")) }
        task.cancel()
        await #expect(throws: HTTPCallError.cancelled) { try await task.value }
    }

    @Test func cancelsWhatItStillHasWhenDropped() throws {
        let held = Held()
        let test = try TestServer([HTTPRoute([.get], "/hold") { request, respond in held.add(request, respond) }])
        let results = Gathered<Result<HTTPResponse, HTTPCallError>>()
        var client: HTTPClient? = HTTPClient()
        client?.send(HTTPCall(.get, test.url + "/hold")) { results.add($0) }
        #expect(eventually { held.count == 1 })
        client = nil
        #expect(eventually { results.count == 1 })
        held.answerAll()
    }

    @Test func refusesSplitHeaders() throws {
        let test = try TestServer()
        let call = HTTPCall(.get, test.url + "/hello", headers: ["X-A": "b\r\nX-Evil: 1"])
        #expect(throws: HTTPCallError.self) { try client.call(call) }
        #expect(throws: HTTPCallError.self) { try client.call(HTTPCall(.get, "file:///etc/passwd")) }
        #expect(throws: HTTPCallError.self) { try client.call(HTTPCall(.get, "not a url")) }
    }

    @Test func followsRedirectsWhenAsked() throws {
        let routes =
            TestServer.routes + [
                HTTPRoute([.get], "/moved") { _, respond in
                    respond(HTTPResponse(status: 302, headers: ["Location": "/hello"]))
                }
            ]
        let test = try TestServer(routes)
        var call = HTTPCall(.get, test.url + "/moved")
        #expect(try client.call(call).status == 302)
        call.options = HTTPCallOptions()
        call.options?.redirectsMax = 3
        let response = try client.call(call)
        #expect(response.status == 200)
        #expect(response.headers["Location"] == nil)
    }

    @Test func sendsCredentials() throws {
        let echo = HTTPRoute([.get], "/who") { request, respond in
            respond(HTTPResponse(contentType: "text/plain", request.headers["Authorization"] ?? "nobody"))
        }
        let test = try TestServer([echo])
        var call = HTTPCall(.get, test.url + "/who")
        call.options = HTTPCallOptions()
        call.options?.credentials = .basic(user: "ann", password: "pa:ss")
        #expect(try client.call(call).body == Array("Basic YW5uOnBhOnNz".utf8))
        call.options?.credentials = .bearer("secret")
        #expect(try client.call(call).body == Array("Bearer secret".utf8))
    }

    @Test func backsOffWithJitter() {
        let policy = RetryPolicy(firstSeconds: 1, secondsMax: 10, factor: 2)
        var random = SeededGenerator(seed: 7)
        for (attempt, step) in [(1, 1.0), (2, 2), (3, 4), (4, 8), (5, 10), (50, 10), (Int.max, 10)] {
            for _ in 0..<20 {
                let delay = policy.delaySeconds(attempt: attempt, random: &random)
                #expect(delay >= step / 2 && delay <= step)
            }
        }
        let busy = HTTPResponse(status: 503, headers: ["Retry-After": "20"])
        #expect(policy.delaySeconds(attempt: 1, answer: busy, random: &random) == 20)
        let far = HTTPResponse(status: 503, headers: ["Retry-After": "100000"])
        #expect(policy.delaySeconds(attempt: 1, answer: far, random: &random) == 300)
    }

    @Test func readsRetryAfter() {
        #expect(RetryPolicy.seconds(retryAfter: "120", now: 0) == 120)
        #expect(RetryPolicy.seconds(retryAfter: "Sun, 06 Nov 1994 08:49:37 GMT", now: 784_111_777_000 - 5000) == 5)
        #expect(RetryPolicy.seconds(retryAfter: "Sun, 06 Nov 1994 08:49:37 GMT", now: 784_111_777_000 + 5000) == 0)
        for wrong in ["", "-1", "soon", "Sun, 06 Nov 1994", "Sun, 99 Nov 1994 08:49:37 GMT", "1.5"] {
            #expect(RetryPolicy.seconds(retryAfter: wrong, now: 0) == nil)
        }
    }

    @Test func knowsWhatToRetry() {
        let policy = RetryPolicy()
        for status in [408, 429, 500, 502, 503, 504] {
            #expect(policy.isRetryable(.success(HTTPResponse(status: status))))
        }
        for status in [200, 204, 400, 401, 404, 413, 501] {
            #expect(!policy.isRetryable(.success(HTTPResponse(status: status))))
        }
        #expect(policy.isRetryable(.failure(.unreachable(""))))
        #expect(!policy.isRetryable(.failure(.cancelled)))
    }
}
