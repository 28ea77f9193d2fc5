import Foundation
import Glibc

/// Debian's node_exporter on a loopback port of its own, ended when released.
final class NodeExporter {
    static let binary = "/usr/bin/prometheus-node-exporter"
    static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: binary) }

    let port: UInt16
    private let process = Process()

    init(arguments: [String] = []) throws {
        port = try Loopback.freePort()
        process.executableURL = URL(fileURLWithPath: Self.binary)
        process.arguments = ["--web.listen-address=127.0.0.1:\(port)"] + arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
    }

    /// The exposition text, once it answers.
    func metrics() throws -> String {
        for _ in 0..<200 {
            if let answer = Loopback.get(port: port, path: "/metrics") { return answer }
            usleep(50_000)
        }
        throw Loopback.Failure.noAnswer
    }
}

/// The least of a socket client, for tests that want no client of ours in between.
enum Loopback {
    enum Failure: Error { case noPort, noAnswer }

    static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = self.address(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(descriptor, raw, length) == 0 && getsockname(descriptor, raw, &length) == 0
            }
        }
        guard bound else { throw Failure.noPort }
        return UInt16(bigEndian: address.sin_port)
    }

    /// The body of an HTTP/1.0 answer; nil where nobody listens.
    static func get(port: UInt16, path: String) -> String? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = self.address(port)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard connected else { return nil }
        let request = Array("GET \(path) HTTP/1.0\r\n\r\n".utf8)
        guard write(descriptor, request, request.count) == request.count else { return nil }
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let got = read(descriptor, &chunk, chunk.count)
            if got <= 0 { break }
            answer.append(contentsOf: chunk[..<got])
        }
        let text = String(decoding: answer, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else { return nil }
        return String(text[end.upperBound...])
    }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }
}
