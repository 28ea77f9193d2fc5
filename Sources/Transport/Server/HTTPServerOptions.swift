import Bedrock
import Glibc

/// How a server listens and what it lets its clients do. Every limit has a default that suits a small machine.
public struct HTTPServerOptions: Sendable {
    public var listen: ListenAddress
    /// Event-loop threads.
    public var threads: Int
    public var tls: ServerTLS?
    /// Accepted bearer tokens; none means that no request needs one.
    public var tokens = BearerTokens()
    /// Paths that are answered without a token, for probes.
    public var publicPaths: Set<String> = ["/-/healthy", "/-/ready"]
    /// Lets the server listen beyond loopback without token and TLS.
    public var isInsecure = false
    /// Origins whose pages may read answers (`*` for all); none by default.
    public var corsOrigins: [String] = []

    /// Further connections are closed at once.
    public var connectionsMax = 4096
    public var connectionsPerPeerMax = 1024
    /// Names and values of all header fields; more is answered with 431.
    public var headerBytesMax = 16 << 10
    public var headersMax = 100
    /// Of the URL and a form together.
    public var parametersMax = 1000
    /// From accept, or from the request line, to the end of the headers.
    public var headerSecondsMax = 10.0
    public var bodySecondsMax = 60.0
    /// A kept-alive connection without a request.
    public var idleSecondsMax = 120.0
    /// From the answer to its last byte taken by the client.
    public var sendSecondsMax = 300.0
    /// Of an answer that comes as a stream: longest time that the client may leave bytes lying.
    public var streamStallSecondsMax = 60.0
    /// Memory of all request bodies in flight; beyond it requests are answered with 503.
    public var bodyBudgetBytes = 256 << 20
    /// Smaller answers are not compressed.
    public var compressionMin = 1024
    /// Said in the `Retry-After` of a 503 of the server's own.
    public var retryAfterSeconds = 1

    public var clock: any ClockSource = SystemClock()

    public init(listen: ListenAddress = ListenAddress("127.0.0.1", 0)) {
        self.listen = listen
        threads = max(2, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }
}

/// PEM texts for TLS.
public struct ServerTLS: Sendable {
    /// The server's certificate and its chain.
    public var certificate: String
    public var key: String
    /// When given, every client must show a certificate signed by one of these.
    public var clientAuthorities: String?

    public init(certificate: String, key: String, clientAuthorities: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.clientAuthorities = clientAuthorities
    }

    /// Reads the texts from files.
    public init(
        files: any FileSystem, certificateFile: String, keyFile: String, clientAuthoritiesFile: String? = nil
    ) throws(FileError) {
        certificate = String(decoding: try files.readAll(certificateFile, limit: 1 << 20), as: UTF8.self)
        key = String(decoding: try files.readAll(keyFile, limit: 1 << 20), as: UTF8.self)
        guard let clientAuthoritiesFile else { return }
        clientAuthorities = String(decoding: try files.readAll(clientAuthoritiesFile, limit: 8 << 20), as: UTF8.self)
    }
}

/// Why a server did not start.
public enum HTTPServerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Listening there would be unsafe; the text says what to set.
    case unsafe(String)
    case cannotListen(String)
    /// Bad certificate or key, or no resources.
    case cannotStart(String)

    public var description: String {
        switch self {
        case .unsafe(let why), .cannotListen(let why), .cannotStart(let why): why
        }
    }
}
