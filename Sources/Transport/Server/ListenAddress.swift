import Glibc

/// Where to listen: a host name or address, and a port (0: any free one).
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    public var host: String
    public var port: UInt16

    public init(_ host: String, _ port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`, `[V6]:PORT` or `:PORT` (all interfaces); nil when it is none of them.
    public init?(parsing text: String) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")),
            let port = UInt16(text[text.utf8.index(after: colon)...])
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("[") {
            guard host.hasSuffix("]") else { return nil }
            host = host.dropFirst().dropLast()
        } else if host.utf8.contains(UInt8(ascii: ":")) {
            return nil
        }
        self.init(host.isEmpty ? "0.0.0.0" : String(host), port)
    }

    public var description: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether only this machine can reach it; resolves names.
    public var isLoopback: Bool {
        guard let found = try? resolve() else { return false }
        defer { freeaddrinfo(found) }
        var next: UnsafeMutablePointer<addrinfo>? = found
        while let info = next?.pointee {
            guard let address = info.ai_addr, PeerAddress(address).isLoopback else { return false }
            next = info.ai_next
        }
        return true
    }

    /// Throws, with words for the operator, when a server there would be open to the network: beyond loopback it needs a token,
    /// and TLS so that the token is not sent in the clear, unless `insecure` says otherwise.
    public func checkExposure(hasToken: Bool, hasTLS: Bool, insecure: Bool) throws(HTTPServerError) {
        if insecure || (hasToken && hasTLS) || isLoopback { return }
        let missing = [hasToken ? nil : "a bearer token", hasTLS ? nil : "a TLS certificate and key"]
            .compactMap { $0 }.joined(separator: " and ")
        throw .unsafe(
            "listening on \(self) would let others on the network in: set \(missing), listen on 127.0.0.1, or allow it with --insecure"
        )
    }

    /// A bound, listening, non-blocking stream socket; its caller closes it.
    public func bound(backlog: Int32) throws(HTTPServerError) -> Int32 { try bound(backlog: backlog, datagrams: false) }

    /// A bound, non-blocking socket for datagrams; its caller closes it.
    public func boundDatagrams() throws(HTTPServerError) -> Int32 { try bound(backlog: 0, datagrams: true) }

    private func bound(backlog: Int32, datagrams: Bool) throws(HTTPServerError) -> Int32 {
        let found = try resolve(datagrams: datagrams)
        defer { freeaddrinfo(found) }
        var last: Int32 = 0
        var next: UnsafeMutablePointer<addrinfo>? = found
        while let info = next?.pointee {
            next = info.ai_next
            let type = info.ai_socktype | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            let listener = socket(info.ai_family, type, info.ai_protocol)
            guard listener >= 0 else {
                last = errno
                continue
            }
            var yes: Int32 = 1
            // Among datagram sockets the option would let two programs share a port.
            if !datagrams { setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size)) }
            if bind(listener, info.ai_addr, info.ai_addrlen) == 0, datagrams || Glibc.listen(listener, backlog) == 0 {
                return listener
            }
            last = errno
            close(listener)
        }
        throw .cannotListen("cannot listen on \(self): \(String(cString: strerror(last)))")
    }

    private func resolve(datagrams: Bool = false) throws(HTTPServerError) -> UnsafeMutablePointer<addrinfo> {
        var hints = addrinfo()
        hints.ai_socktype = Int32(datagrams ? SOCK_DGRAM.rawValue : SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &found)
        guard status == 0, let found else {
            throw .cannotListen("cannot listen on \(self): \(String(cString: gai_strerror(status)))")
        }
        return found
    }
}

/// The port a bound socket got.
public func boundPort(_ socket: Int32) -> UInt16 {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            getsockname(socket, address, &length) == 0 ? PeerAddress(address).port : 0
        }
    }
}
