import Bedrock
import Foundation
import Synchronization
import Testing

@testable import Agent

@Suite struct DNSMessageTests {
    private func parse(_ bytes: [UInt8]) throws -> [DNSMessage.Record] {
        try bytes.withUnsafeBytes { try DNSMessage($0).records }
    }

    /// An answer to a question for `a.b`, with these records behind it, each with its name as a pointer to the question's.
    private func message(_ records: [(type: UInt8, data: [UInt8])]) -> [UInt8] {
        var bytes: [UInt8] = [0, 1, 0x81, 0x80, 0, 1, 0, UInt8(records.count), 0, 0, 0, 0]
        bytes += [1, 97, 1, 98, 0, 0, 1, 0, 1]
        for record in records {
            bytes += [0xC0, 12, 0, record.type, 0, 1, 0, 0, 0, 60, 0, UInt8(record.data.count)] + record.data
        }
        return bytes
    }

    @Test func readsEveryKind() throws {
        let found = try parse(
            message([
                (1, [10, 0, 0, 1]), (28, [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
                (33, [0, 1, 0, 2, 0x1f, 0x90, 1, 120, 0xC0, 12]), (15, [0, 5, 1, 109, 0xC0, 14]), (16, [1, 120]),
            ]))
        #expect(
            found == [
                .address("10.0.0.1"), .address("[fd00::1]"), .service(target: "x.a.b", port: 8080), .name("m.b"),
            ])
    }

    @Test func refusesNamesInCirclesAndCutAnswers() {
        let circle: [UInt8] = [0, 1, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0xC0, 12, 0, 1, 0, 1]
        #expect(throws: DecodeError.self) { try parse(circle) }
        #expect(throws: DecodeError.self) { try parse([0, 1, 0x83, 0x80, 0, 0, 0, 0, 0, 0, 0, 0]) }
        #expect(throws: DecodeError.self) { try parse([]) }
    }

    @Test(arguments: 0..<200) func survivesAnything(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var bytes = message([(1, [10, 0, 0, 1]), (33, [0, 1, 0, 2, 0x1f, 0x90, 1, 120, 0xC0, 12])])
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        _ = try? parse(Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random))))
    }

    @Test func asksARealNameServer() async throws {
        guard let path = ["/usr/sbin/dnsmasq", "/usr/bin/dnsmasq"].first(where: FileManager.default.isExecutableFile)
        else {
            print("no dnsmasq here: discovery by DNS is not tested against a real name server")
            return
        }
        let port = UInt16.random(in: 20_000...60_000)
        // dnsmasq closes what it inherits, the descriptor by which Foundation sees a child end among it: a shell keeps that open, and ends it
        // once its own input ends.
        let server = Process()
        server.executableURL = URL(fileURLWithPath: "/bin/sh")
        server.arguments = [
            "-c", #""$@" </dev/null & server=$!; read -r _; kill -9 $server"#, "sh", path,
            "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--port=\(port)", "--user=",
            "--listen-address=127.0.0.1", "--bind-interfaces", "--pid-file=", "--local=/test/",
            "--address=/one.shop.test/10.9.8.7", "--srv-host=_http._tcp.shop.test,web-1.shop.test,8081",
            "--srv-host=_http._tcp.shop.test,web-2.shop.test,8082",
        ]
        let life = Pipe()
        server.standardInput = life
        server.standardError = FileHandle.nullDevice
        try server.run()
        defer { try? life.fileHandleForWriting.close() }
        func ask(_ name: String, _ type: DNSRecordType, port wanted: Int?) async -> [TargetGroup] {
            for _ in 0..<100 {
                let answer = await withCheckedContinuation { continuation in
                    DNSTargetProvider(names: [name], type: type, port: wanted, server: ("127.0.0.1", port)).fetch {
                        continuation.resume(returning: $0)
                    }
                }
                if case .success(let groups) = answer { return groups }
                try? await Task.sleep(nanoseconds: 50_000_000)
            }
            return []
        }
        #expect(await ask("one.shop.test", .a, port: 9100).flatMap(\.addresses) == ["10.9.8.7:9100"])
        let services = await ask("_http._tcp.shop.test", .srv, port: nil)
        #expect(Set(services.flatMap(\.addresses)) == ["web-1.shop.test:8081", "web-2.shop.test:8082"])
        #expect(services.first?.labels.contains(LabelPair("__meta_dns_name", "_http._tcp.shop.test")) == true)
        #expect(await ask("nothing.test", .a, port: 1).isEmpty)
    }
}
