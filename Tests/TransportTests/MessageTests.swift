import Bedrock
import Testing

@testable import Transport

/// Paths, parameters, methods, compression and authorisation, through the client.
@Suite struct MessageTests {
    let client = HTTPClient()

    private func text(_ response: HTTPResponse) -> String { String(decoding: response.body, as: UTF8.self) }

    @Test func decodesParameters() throws {
        let test = try TestServer()
        let url = test.url + "/parameters?query=up%7Bjob%3D%22a%20b%22%7D&match[]=a&match%5B%5D=b+c&flag&empty="
        #expect(
            try text(client.call(HTTPCall(.get, url))) == "query=up{job=\"a b\"};match[]=a;match[]=b c;flag=;empty=")
    }

    @Test func formWinsOverURL() throws {
        let test = try TestServer()
        var call = HTTPCall(.post, test.url + "/parameters?a=1&b=2", body: Array("a=3&c=%C3%A9".utf8))
        call.headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        #expect(try text(client.call(call)) == "a=3;c=é;a=1;b=2")
    }

    @Test(arguments: ["/parameters?a=%zz", "/parameters?a=%ff", "/parameters?a=%00", "/%zz"])
    func refusesBrokenEscapes(_ path: String) throws {
        let test = try TestServer()
        let response = try client.call(HTTPCall(.get, test.url + path))
        #expect(response.status == 400)
        #expect(text(response).hasPrefix("{\"status\":\"error\",\"errorType\":\"bad_data\""))
    }

    @Test func boundsParameters() throws {
        let test = try TestServer { $0.parametersMax = 10 }
        let pairs = Array(repeating: "a=1", count: 8).joined(separator: "&")
        #expect(try client.call(HTTPCall(.get, test.url + "/parameters?" + pairs)).status == 200)
        var call = HTTPCall(.post, test.url + "/parameters?" + pairs, body: Array("x=1&y=2&z=3".utf8))
        call.headers["Content-Type"] = "application/x-www-form-urlencoded"
        let response = try client.call(call)
        #expect(response.status == 400)
        #expect(text(response).contains("parameters"))
    }

    @Test func matchesPathSegments() throws {
        let test = try TestServer()
        #expect(try text(client.call(HTTPCall(.get, test.url + "/label/job/values"))) == "job")
        #expect(try text(client.call(HTTPCall(.get, test.url + "/label/a%2Fb%20c/values"))) == "a/b c")
        #expect(try client.call(HTTPCall(.get, test.url + "/label//values")).status == 404)
        #expect(try client.call(HTTPCall(.get, test.url + "/label/a/b/values")).status == 404)
    }

    @Test func namesWhatIsMissing() throws {
        let test = try TestServer()
        let missing = try client.call(HTTPCall(.get, test.url + "/nowhere"))
        #expect(missing.status == 404)
        #expect(missing.headers["Content-Type"] == "application/json")
        #expect(
            text(missing)
                == "{\"status\":\"error\",\"errorType\":\"not_found\",\"error\":\"there is nothing at /nowhere\"}")
        let wrong = try client.call(HTTPCall(.post, test.url + "/hello", body: [1, 2, 3]))
        #expect(wrong.status == 405)
        #expect(wrong.headers["Allow"] == "GET, HEAD, OPTIONS")
    }

    @Test func answersHeadAndOptions() throws {
        let test = try TestServer()
        let head = try client.call(HTTPCall(.head, test.url + "/hello"))
        #expect(head.status == 200)
        #expect(head.headers["Content-Length"] == "5")
        #expect(head.body.isEmpty)
        let options = try client.call(HTTPCall(.options, test.url + "/parameters"))
        #expect(options.status == 204)
        #expect(options.headers["Allow"] == "GET, HEAD, OPTIONS, POST")
    }

    @Test func compressesAsAsked() throws {
        let test = try TestServer()
        let plain = try client.call(HTTPCall(.get, test.url + "/large", headers: ["Accept-Encoding": "identity"]))
        for coding in ["gzip", "zstd", "deflate"] {
            let raw = try client.call(HTTPCall(.get, test.url + "/large", headers: ["Accept-Encoding": coding]))
            #expect(raw.headers["Content-Encoding"] == coding)
            #expect(raw.headers["Vary"] == "Accept-Encoding")
            #expect(raw.body.count < plain.body.count / 10)
            var decoded = ByteBuffer()
            try raw.body.withUnsafeBytes {
                if coding == "zstd" {
                    try Zstd.decompress($0, into: &decoded, limit: 1 << 20)
                } else {
                    try Gzip.decompress($0, into: &decoded, limit: 1 << 20)
                }
            }
            #expect(decoded.array() == plain.body)
        }
        let decoded = try client.call(HTTPCall(.get, test.url + "/large"))
        #expect(decoded.body == plain.body)
        #expect(decoded.headers["Content-Encoding"] == nil)
        let small = try client.call(HTTPCall(.get, test.url + "/hello", headers: ["Accept-Encoding": "gzip"]))
        #expect(small.headers["Content-Encoding"] == nil)
    }

    @Test func negotiates() {
        #expect(ContentCoding.negotiate(nil) == .identity)
        #expect(ContentCoding.negotiate("") == .identity)
        #expect(ContentCoding.negotiate("gzip, deflate, br, zstd") == .zstd)
        #expect(ContentCoding.negotiate("gzip;q=1.0, zstd;q=0.5") == .gzip)
        #expect(ContentCoding.negotiate("gzip;q=0, identity") == .identity)
        #expect(ContentCoding.negotiate("*") == .zstd)
        #expect(ContentCoding.negotiate("*;q=0.1, deflate;q=0.2") == .deflate)
        #expect(ContentCoding.negotiate("br") == .identity)
        #expect(ContentCoding.negotiate("identity;q=1, gzip;q=0.5") == .identity)
        #expect(ContentCoding.negotiate("GZIP ; q=0.7") == .gzip)
    }

    @Test func decompressesBodies() throws {
        let test = try TestServer()
        let plain = Array(String(repeating: "a body that shrinks; ", count: 2000).utf8)
        for coding in ContentCoding.allCases where coding != .identity {
            var packed = ByteBuffer()
            plain.withUnsafeBytes { coding.encode($0, into: &packed) }
            let call = HTTPCall(
                .post, test.url + "/echo", headers: ["Content-Encoding": coding.rawValue], body: packed.array())
            #expect(try client.call(call).body == plain)
        }
        #expect(eventually { test.server.bodyBytesInUse == 0 })
    }

    @Test func leavesSnappyToTheRoute() throws {
        let test = try TestServer()
        let call = HTTPCall(.post, test.url + "/echo", headers: ["Content-Encoding": "snappy"], body: [1, 2, 3])
        #expect(try client.call(call).body == [1, 2, 3])
        let unknown = HTTPCall(.post, test.url + "/echo", headers: ["Content-Encoding": "rot13"], body: [1, 2, 3])
        #expect(try client.call(unknown).status == 415)
    }

    @Test func asksForTokens() throws {
        let test = try TestServer { $0.tokens = BearerTokens(["first-secret", "second-secret"]) }
        let refused = try client.call(HTTPCall(.get, test.url + "/hello"))
        #expect(refused.status == 401)
        #expect(refused.headers["WWW-Authenticate"] == "Bearer realm=\"obs\"")
        #expect(text(refused).contains("\"errorType\":\"unauthorized\""))
        #expect(try client.call(HTTPCall(.get, test.url + "/-/healthy")).status == 200)
        for wrong in [
            "Bearer first-secres", "Bearer", "Bearer ", "Basic first-secret", "first-secret", "Bearer first-secret2",
        ] {
            let call = HTTPCall(.get, test.url + "/hello", headers: ["Authorization": wrong])
            #expect(try client.call(call).status == 401)
        }
        var call = HTTPCall(.get, test.url + "/hello")
        call.options = HTTPCallOptions()
        call.options?.credentials = .bearer("second-secret")
        #expect(try client.call(call).status == 200)
    }

    @Test func sharesWithAllowedOriginsOnly() throws {
        let test = try TestServer { $0.corsOrigins = ["https://grafana.example"] }
        let own = HTTPCall(.get, test.url + "/hello", headers: ["Origin": "https://grafana.example"])
        #expect(try client.call(own).headers["Access-Control-Allow-Origin"] == "https://grafana.example")
        let other = HTTPCall(.get, test.url + "/hello", headers: ["Origin": "https://elsewhere.example"])
        #expect(try client.call(other).headers["Access-Control-Allow-Origin"] == nil)
    }

    @Test func readsListenAddresses() {
        #expect(ListenAddress(parsing: "127.0.0.1:7070") == ListenAddress("127.0.0.1", 7070))
        #expect(ListenAddress(parsing: "[::1]:80") == ListenAddress("::1", 80))
        #expect(ListenAddress(parsing: ":80") == ListenAddress("0.0.0.0", 80))
        for wrong in ["", "80", "a", "a:b", "::1:80", "a:70000", "[::1:80"] {
            #expect(ListenAddress(parsing: wrong) == nil)
        }
        #expect(ListenAddress("::1", 80).description == "[::1]:80")
    }

    @Test func refusesToListenInTheOpen() throws {
        #expect(ListenAddress("localhost", 1).isLoopback)
        #expect(ListenAddress("127.9.9.9", 1).isLoopback)
        #expect(!ListenAddress("0.0.0.0", 1).isLoopback)
        #expect(!ListenAddress("::", 1).isLoopback)
        let server = HTTPServer(HTTPServerOptions(listen: ListenAddress("0.0.0.0", 0)), routes: [])
        let error = #expect(throws: HTTPServerError.self) { try server.start() }
        #expect(error?.description.contains("a bearer token and a TLS certificate and key") ?? false)
        #expect(throws: Never.self) {
            try ListenAddress("0.0.0.0", 1).checkExposure(hasToken: true, hasTLS: true, insecure: false)
            try ListenAddress("0.0.0.0", 1).checkExposure(hasToken: false, hasTLS: false, insecure: true)
        }
    }

    @Test func saysWhyItCannotListen() throws {
        let test = try TestServer()
        let second = HTTPServer(HTTPServerOptions(listen: test.server.address), routes: [])
        let error = #expect(throws: HTTPServerError.self) { try second.start() }
        #expect(error?.description.contains("Address already in use") ?? false)
    }
}
