import Foundation
import Synchronization

/// A real obsd on a free loopback port, ended when released.
final class ObsdProcess: @unchecked Sendable {
    struct NotStarted: Error, CustomStringConvertible {
        let description: String
    }

    let url: String
    private let process: Process
    private let log: LineCollector

    /// Starts `obsd role --data-dir … --listen 127.0.0.1:0 …` and waits until it listens.
    init(_ role: String = "all", data: String, _ arguments: [String] = [], environment: [String: String] = [:]) throws {
        process = Process()
        process.executableURL = Programs.obsd
        process.arguments =
            [
                role, "--data-dir", data, "--listen", "127.0.0.1:0", "--otlp-http", "off", "--otlp-grpc", "off",
                "--agent-node-exporter",
                "off",
            ] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["SWIFT_BACKTRACE": "enable=no"].merging(environment) { _, b in b }
        ) { _, b in b }
        let errors = Pipe()
        process.standardError = errors
        process.standardOutput = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        log = LineCollector(errors.fileHandleForReading)
        try process.run()
        guard let line = log.wait(for: "msg=listening", seconds: 30), let start = line.range(of: "url=") else {
            process.terminate()
            throw NotStarted(description: log.text)
        }
        url = line[start.upperBound...].prefix { $0 != " " }.replacingOccurrences(of: "\"", with: "")
    }

    deinit { kill() }

    var pid: Int32 { process.processIdentifier }
    var logText: String { log.text }
    var isRunning: Bool { process.isRunning }

    func waitForLog(_ text: String, seconds: Double = 10) -> String? { log.wait(for: text, seconds: seconds) }

    /// kill -9, and waits until it is gone.
    func kill() {
        guard process.isRunning else { return }
        Foundation.kill(pid, SIGKILL)
        process.waitUntilExit()
    }

    /// SIGTERM; the exit status.
    func stop() -> Int32 {
        guard process.isRunning else { return process.terminationStatus }
        process.terminate()
        process.waitUntilExit()
        return process.terminationStatus
    }

    func hangUp() { Foundation.kill(pid, SIGHUP) }

    /// GET with curl's semantics but none of its cost in tests: status and body.
    func get(_ path: String) throws -> (status: Int, body: String) { try HTTP.exchange("GET", url + path) }

    func post(_ path: String, _ body: Data, headers: [String: String] = [:]) throws -> (status: Int, body: String) {
        try HTTP.exchange("POST", url + path, body: body, headers: headers)
    }
}

/// Gathers the lines of a pipe while a process runs.
final class LineCollector: Sendable {
    private let lines = Mutex<[String]>([])

    init(_ handle: FileHandle) {
        let descriptor = handle.fileDescriptor
        Thread.detachNewThread { [weak self] in
            // Keeps the handle, and with it the descriptor, open until the writer has gone.
            withExtendedLifetime(handle) {
                var partial = Data()
                var chunk = [UInt8](repeating: 0, count: 4096)
                while true {
                    let n = read(descriptor, &chunk, chunk.count)
                    if n <= 0 { break }
                    partial.append(contentsOf: chunk[..<n])
                    while let end = partial.firstIndex(of: 10) {
                        let line = String(decoding: partial[partial.startIndex..<end], as: UTF8.self)
                        partial = Data(partial[(end + 1)...])
                        self?.lines.withLock { $0.append(line) }
                    }
                }
            }
        }
    }

    var text: String { lines.withLock { $0.joined(separator: "\n") } }

    func wait(for text: String, seconds: Double) -> String? {
        let end = Date().addingTimeInterval(seconds)
        while Date() < end {
            if let line = lines.withLock({ $0.first { $0.contains(text) } }) { return line }
            usleep(10_000)
        }
        return nil
    }
}
