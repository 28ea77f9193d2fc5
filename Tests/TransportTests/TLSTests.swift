import Bedrock
import Glibc
import Testing

@testable import Transport

/// Certificates made by the `openssl` tool in a fresh directory.
final class Certificates {
    let directory: String

    init() throws {
        var template = Array("/tmp/transport-tls-XXXXXX".utf8CString)
        let isMade = template.withUnsafeMutableBufferPointer { $0.baseAddress.map { mkdtemp($0) != nil } ?? false }
        try #require(isMade)
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try issue("ca", subject: "/CN=test authority")
        try issue("server", subject: "/CN=server.test", names: "DNS:server.test,DNS:localhost,IP:127.0.0.1")
        try issue("client", subject: "/CN=client.test", names: "DNS:client.test")
        try run(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=stranger -keyout stranger.key -out stranger.pem"
        )
    }

    deinit { system("rm -rf \(directory)") }

    func path(_ name: String) -> String { directory + "/" + name }

    private func issue(_ name: String, subject: String, names: String? = nil) throws {
        guard let names else {
            return try run(
                "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '\(subject)' -keyout \(name).key -out \(name).pem"
            )
        }
        try run(
            "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '\(subject)' -keyout \(name).key -out \(name).csr"
        )
        try run("printf 'subjectAltName=\(names)' > \(name).ext")
        try run(
            "openssl x509 -req -in \(name).csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile \(name).ext -out \(name).pem"
        )
    }

    private func run(_ command: String) throws {
        try #require(system("cd \(directory) && (\(command)) > /dev/null 2>&1") == 0, "\(command)")
    }
}

@Suite struct TLSTests {
    let client = HTTPClient()

    private func server(_ certificates: Certificates, clientAuthorities: Bool = false) throws -> TestServer {
        let tls = try ServerTLS(
            files: PosixFileSystem(), certificateFile: certificates.path("server.pem"),
            keyFile: certificates.path("server.key"),
            clientAuthoritiesFile: clientAuthorities ? certificates.path("ca.pem") : nil)
        return try TestServer { $0.tls = tls }
    }

    private func call(_ test: TestServer, _ path: String = "/hello", _ adjust: (inout HTTPCallOptions.TLS) -> Void)
        -> HTTPCall
    {
        var call = HTTPCall(.get, test.url + path)
        var options = HTTPCallOptions()
        adjust(&options.tls)
        call.options = options
        return call
    }

    @Test func servesTLS() throws {
        let certificates = try Certificates()
        let test = try server(certificates)
        #expect(test.url.hasPrefix("https://"))
        let authority = certificates.path("ca.pem")
        #expect(try client.call(call(test) { $0.authoritiesFile = authority }).body == Array("hello".utf8))
        #expect(try client.call(call(test, "/later") { $0.authoritiesFile = authority }).status == 200)
        #expect(try client.call(call(test) { $0.skipsVerification = true }).status == 200)
        // Unknown authority.
        #expect(throws: HTTPCallError.self) { try client.call(call(test) { _ in }) }
        // Another name than the URL's.
        #expect(
            try client.call(
                call(test) {
                    $0.authoritiesFile = authority
                    $0.serverName = "server.test"
                }
            ).status == 200)
        #expect(throws: HTTPCallError.self) {
            try client.call(
                call(test) {
                    $0.authoritiesFile = authority
                    $0.serverName = "other.test"
                })
        }
        // Large answers and bodies through the same.
        #expect(try client.call(call(test, "/large") { $0.authoritiesFile = authority }).body.count == 105_000)
    }

    @Test func asksForClientCertificates() throws {
        let certificates = try Certificates()
        let test = try server(certificates, clientAuthorities: true)
        let authority = certificates.path("ca.pem")
        let without = try client.call(call(test) { $0.authoritiesFile = authority })
        #expect(without.status == 403)
        let with = call(test) {
            $0.authoritiesFile = authority
            $0.certificateFile = certificates.path("client.pem")
            $0.keyFile = certificates.path("client.key")
        }
        #expect(try client.call(with).status == 200)
        let stranger = call(test) {
            $0.authoritiesFile = authority
            $0.certificateFile = certificates.path("stranger.pem")
            $0.keyFile = certificates.path("stranger.key")
        }
        let refused = (try? client.call(stranger).status) ?? 403
        #expect(refused == 403)
    }

    @Test func noticesHangUpOverTLS() throws {
        let certificates = try Certificates()
        let held = Held()
        let tls = try ServerTLS(
            files: PosixFileSystem(), certificateFile: certificates.path("server.pem"),
            keyFile: certificates.path("server.key"))
        let test = try TestServer([HTTPRoute([.get], "/hold") { request, respond in held.add(request, respond) }]) {
            $0.tls = tls
        }
        var waiting = call(test, "/hold") { $0.skipsVerification = true }
        waiting.timeoutSeconds = 0.3
        #expect(throws: HTTPCallError.self) { try client.call(waiting) }
        #expect(eventually { held.first?.cancellation.isCancelled ?? false })
        held.answerAll()
    }

    @Test func refusesBadCertificates() throws {
        let options = { (key: String) in
            var options = HTTPServerOptions()
            options.tls = ServerTLS(certificate: "not a certificate", key: key)
            return options
        }
        let error = #expect(throws: HTTPServerError.self) { try HTTPServer(options("nor a key"), routes: []).start() }
        #expect(error?.description.hasPrefix("cannot start the server at 127.0.0.1:0: ") ?? false)
    }
}
