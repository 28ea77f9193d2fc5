import Glibc

/// An IPv4 or IPv6 address and port, as a value that hashes fast.
public struct PeerAddress: Hashable, Sendable {
    /// The IPv6 form, most significant half first; IPv4 stands as ::ffff:a.b.c.d.
    struct Host: Hashable, Sendable {
        var high: UInt64
        var low: UInt64
    }

    var host = Host(high: 0, low: 0)
    var port: UInt16 = 0

    public init(_ address: UnsafePointer<sockaddr>) {
        let raw = UnsafeRawPointer(address)
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            let v4 = raw.loadUnaligned(as: sockaddr_in.self)
            host = Host(high: 0, low: 0xFFFF_0000_0000 | UInt64(UInt32(bigEndian: v4.sin_addr.s_addr)))
            port = UInt16(bigEndian: v4.sin_port)
        case AF_INET6:
            var v6 = raw.loadUnaligned(as: sockaddr_in6.self)
            port = UInt16(bigEndian: v6.sin6_port)
            host = withUnsafeBytes(of: &v6.sin6_addr) {
                Host(
                    high: UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)),
                    low: UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
            }
        default: break
        }
    }

    private var v4: UInt32? {
        host.high == 0 && host.low >> 32 == 0xFFFF ? UInt32(truncatingIfNeeded: host.low) : nil
    }

    var isLoopback: Bool {
        if let v4 { return v4 >> 24 == 127 }
        return host.high == 0 && host.low == 1
    }

    /// `address:port`, for logs.
    var text: String { v4 == nil ? "[\(hostText)]:\(port)" : "\(hostText):\(port)" }

    /// The address alone.
    public var hostText: String {
        if let v4 { return "\(v4 >> 24).\(v4 >> 16 & 255).\(v4 >> 8 & 255).\(v4 & 255)" }
        var bytes = (host.high.bigEndian, host.low.bigEndian)
        var out = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(AF_INET6, &bytes, &out, socklen_t(out.count)) != nil else { return "?" }
        return String(decoding: out.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
