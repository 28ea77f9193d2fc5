import Bedrock

/// How one client reaches its servers; what a call may override stands in `HTTPCallOptions`.
public struct HTTPClientOptions: Sendable {
    /// Open connections to one host and port, and in all; further calls wait for their turn.
    public var connectionsPerHostMax = 16
    public var connectionsMax = 256
    /// Calls handed in and not answered yet; further ones fail at once.
    public var callsMax = 10_000
    public var userAgent = "obs"
    /// For calls that bring none of their own.
    public var defaults = HTTPCallOptions()

    public init() {}
}

/// Who we are to a server, and whom we trust.
public struct HTTPCallOptions: Sendable, Equatable {
    public enum Credentials: Sendable, Equatable {
        case none
        case basic(user: String, password: String)
        case bearer(String)
    }

    public struct TLS: Sendable, Equatable {
        /// PEM file of the authorities to trust, instead of the system's.
        public var authoritiesFile: String?
        /// PEM files of our own certificate and key.
        public var certificateFile: String?
        public var keyFile: String?
        /// The name the server's certificate must bear, where it isn't the URL's host.
        public var serverName: String?
        /// Takes any certificate. Only for tests and for operators who say so.
        public var skipsVerification = false

        public init() {}
    }

    public var credentials = Credentials.none
    public var tls = TLS()
    /// Redirects followed; none by default.
    public var redirectsMax = 0
    /// URL of a proxy; the environment's proxies are never used.
    public var proxy: String?
    public var connectSecondsMax = 10.0
    /// A Unix socket to connect to in place of the URL's host.
    public var unixSocket: String?

    public init() {}
}
