import Transport

/// One server and how to speak to it.
public struct ServerContext: Equatable, Sendable {
    /// Scheme, host and port, perhaps a path, without a slash at the end.
    public var address: String
    public var bearerToken: String?
    /// Sent as `X-Scope-OrgID`; nil leaves it to the server.
    public var tenant: String?
    public var tls = HTTPCallOptions.TLS()

    /// The address used when nothing else is said.
    public static let defaultAddress = "http://127.0.0.1:7070"

    public init(address: String = ServerContext.defaultAddress, bearerToken: String? = nil, tenant: String? = nil) {
        self.address = Self.normalized(address)
        self.bearerToken = bearerToken
        self.tenant = tenant
    }

    /// What a call needs beside its URL.
    public var callOptions: HTTPCallOptions {
        var options = HTTPCallOptions()
        if let bearerToken { options.credentials = .bearer(bearerToken) }
        options.tls = tls
        return options
    }

    /// `host:port` gets `http://` in front; slashes at the end go.
    static func normalized(_ address: String) -> String {
        var text = address
        while text.hasSuffix("/") { text.removeLast() }
        return text.utf8.starts(with: "http://".utf8) || text.utf8.starts(with: "https://".utf8)
            ? text : "http://" + text
    }
}

/// A server was named that can't be made sense of.
public struct ContextError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
