import Bedrock
import Glibc
import Synchronization

@testable import Transport

/// A gRPC server on a free loopback port with a few methods, and Python's grpcio as its client.
final class GRPCTestServer: Sendable {
    let server: GRPCServer

    init(_ adjust: (inout GRPCServerOptions) -> Void = { _ in }) throws {
        var options = GRPCServerOptions()
        adjust(&options)
        let held = Held()
        server = GRPCServer(
            options,
            methods: [
                "/test.Echo/Echo": { request, respond in respond(.message(request.message)) },
                "/test.Echo/Later": { request, respond in
                    Background.run(afterMilliseconds: 200) { respond(.message(request.message)) }
                },
                "/test.Echo/Drop": { _, _ in },
                "/test.Echo/Fail": { _, respond in
                    respond(.failure(GRPCStatus(.failedPrecondition, "so nicht: 100 % übel\n", details: [8, 9, 255])))
                },
                "/test.Echo/Metadata": { request, respond in
                    respond(.message(Array((request.headers["x-scope-orgid"] ?? "").utf8)))
                },
                "/test.Echo/Hang": { request, respond in held.keep(request.cancellation, respond) },
            ])
        try server.start()
        self.held = held
    }

    let held: Held

    /// Calls that are never answered.
    final class Held: Sendable {
        private let calls = Mutex<[(Cancellation, @Sendable (GRPCResponse) -> Void)]>([])

        func keep(_ cancellation: Cancellation, _ respond: @escaping @Sendable (GRPCResponse) -> Void) {
            calls.withLock { $0.append((cancellation, respond)) }
        }

        var count: Int { calls.withLock { $0.count } }
        var cancelled: Int { calls.withLock { $0.count { $0.0.isCancelled } } }
        func answerAll() { for call in calls.withLock({ $0 }) { call.1(.message([1])) } }
    }

    deinit { server.shutdown(deadlineSeconds: 0) }

    var port: UInt16 { server.address.port }

    /// Runs a script whose `call(method, message, **options)` gives the answer or `CODE: message`; what it prints comes back.
    func python(_ script: String) -> String {
        let prelude = """
            import grpc, sys, threading
            options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
            channel = grpc.insecure_channel("127.0.0.1:\(port)", options=options)
            def call(method, message, channel=channel, **more):
                more.setdefault("timeout", 20)
                try: return channel.unary_unary("/test.Echo/" + method)(message, **more)
                except grpc.RpcError as error:
                    details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
                    return error.code().name + ": " + repr(error.details()) + (" " + details.hex() if details else "")

            """
        return Self.shell("timeout 60 python3 - 2>&1 <<'PY'\n" + prelude + script + "\nPY\n")
    }

    static let hasPython = shell("python3 -c 'import grpc; print(1)' 2>&1") == "1\n"
    static let skipped = "python3 has no grpcio (pip install grpcio)"

    private static func shell(_ command: String) -> String {
        guard let pipe = popen(command, "r") else { return "" }
        defer { pclose(pipe) }
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&chunk, 1, chunk.count, pipe)
            if count <= 0 { return String(decoding: text, as: UTF8.self) }
            text += chunk[..<count]
        }
    }
}

/// Frames of HTTP/2 as a client writes them, by hand, so that they can be wrong.
enum HTTP2Frames {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    static let settings = frame(4, 0, 0, [])

    static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        let length = UInt32(payload.count)
        return [UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags]
            + [24, 16, 8, 0].map { UInt8(stream >> $0 & 255) } + payload
    }

    /// Literal fields without an index (RFC 7541 §6.2.2); names and values below 127 bytes.
    static func headers(_ stream: UInt32, path: String, more: [(String, String)] = [], ends: Bool = false) -> [UInt8] {
        let fields =
            [
                (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "a"), ("te", "trailers"),
                ("content-type", "application/grpc"),
            ] + more
        var block: [UInt8] = []
        for (name, value) in fields {
            block += [0, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)] + Array(value.utf8)
        }
        return frame(1, ends ? 5 : 4, stream, block)
    }

    static func message(_ bytes: [UInt8], flag: UInt8 = 0) -> [UInt8] {
        [flag] + [24, 16, 8, 0].map { UInt8(bytes.count >> $0 & 255) } + bytes
    }

    static func call(_ stream: UInt32, path: String = "/test.Echo/Echo", more: [(String, String)] = [], body: [UInt8])
        -> [UInt8]
    {
        headers(stream, path: path, more: more) + frame(0, 1, stream, body)
    }
}
