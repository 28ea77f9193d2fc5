import Glibc
import Testing

/// A websocket client over a bare connection: text messages of a server, no more.
final class WebSocketPeer {
    private let socket: Int32
    private(set) var head = ""

    init(_ port: UInt16, _ target: String) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(status == 0)
        let request =
            "GET \(target) HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        _ = Array(request.utf8).withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        var bytes: [UInt8] = []
        while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8), let byte = read(1).first { bytes.append(byte) }
        head = String(decoding: bytes, as: UTF8.self)
    }

    deinit { close() }

    private var isOpen = true

    func close() {
        if isOpen { Glibc.close(socket) }
        isOpen = false
    }

    /// The next text message; other frames are passed over.
    func nextText() -> String? {
        while true {
            let start = read(2)
            guard start.count == 2 else { return nil }
            var length = Int(start[1] & 0x7F)
            if length >= 126 { length = read(length == 126 ? 2 : 8).reduce(0) { $0 << 8 | Int($1) } }
            let payload = read(length)
            if start[0] == 0x81 { return String(decoding: payload, as: UTF8.self) }
        }
    }

    private func read(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: max(1, count))
        while bytes.count < count {
            let got = recv(socket, &chunk, count - bytes.count, 0)
            if got <= 0 { break }
            bytes += chunk[..<got]
        }
        return bytes
    }
}
