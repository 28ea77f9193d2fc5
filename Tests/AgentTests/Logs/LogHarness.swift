import Bedrock
import Foundation
import Model
import Synchronization

@testable import Agent

/// An agent's log side over real files, stepped by hand, that can be killed at any file operation.
final class LogHarness {
    let directory: TemporaryDirectory
    let sink = MemoryLogSink()
    let clock: any ClockSource
    let losses = MemoryLosses()
    private(set) var worker: LogWorker?
    private(set) var tailer: FileTailer?
    let board = TailBoard()
    private var seed: UInt64
    var options = LogWorkerOptions()

    init(clock: any ClockSource = SystemClock(), seed: UInt64 = 1) throws {
        directory = try TemporaryDirectory()
        self.clock = clock
        self.seed = seed
        options.batchWait = 0
    }

    func path(_ name: String) -> String { Path.join(directory.path, name) }

    /// Starts with a job that reads `pattern` below the directory.
    func start(_ pattern: String = "*.log", job yaml: String = "", files: any FileSystem = PosixFileSystem()) throws {
        let text = """
            log_configs:
              - job_name: test
                static_configs:
                  - labels: {__path__: "\(path("logs/" + pattern))", app: demo}
            \(yaml.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"))
            """
        let configuration = try LogConfiguration.read(text, file: "test.yml")
        seed += 1
        var random = SeededGenerator(seed: seed)
        let queue = try LogQueue(path("queue"), files: files, options: options.queue, random: &random)
        let jobs = configuration.jobs.map { TailJob($0, clock: clock, losses: losses) }
        var limits = TailLimits()
        limits.pollInterval = 0
        limits.discoveryInterval = 0
        worker = LogWorker(
            producer: "test", queue: queue, destination: LogSinkDestination(sink), options: options, clock: clock,
            random: random, log: Logger("test", sink: MemorySink()), losses: losses
        ) { positions, _ in
            let tailer = FileTailer(
                jobs: jobs, positions: positions, files: files, clock: clock, log: Logger("test", sink: MemorySink()),
                limits: limits, watch: nil, board: board)
            self.tailer = tailer
            return [tailer]
        }
    }

    /// As kill -9 leaves it: nothing is flushed.
    func kill() {
        worker = nil
        tailer = nil
    }

    func step(_ count: Int = 1) { for _ in 0..<count { _ = worker?.step() } }

    /// Steps until there are `count` entries, or for a while.
    func run(until count: Int, steps: Int = 2_000) {
        for _ in 0..<steps where sink.count < count { step() }
    }

    /// Ends properly.
    func stop() {
        worker?.stop()
        for _ in 0..<1_000 { if worker?.step() == .finished { break } }
        kill()
    }

    func append(_ name: String, _ text: String) throws {
        let path = path("logs/" + name)
        try FileManager.default.createDirectory(atPath: Path.parent(path), withIntermediateDirectories: true)
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        guard let handle = FileHandle(forWritingAtPath: path) else { throw CocoaError(.fileNoSuchFile) }
        defer { try? handle.close() }
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(text.utf8))
    }

    func rename(_ name: String, _ to: String) throws {
        try PosixFileSystem().rename(path("logs/" + name), to: path("logs/" + to))
    }

    /// As logrotate's copytruncate.
    func copyTruncate(_ name: String, _ to: String) throws {
        let bytes = try PosixFileSystem().readAll(path("logs/" + name))
        try Data(bytes).write(to: URL(fileURLWithPath: path("logs/" + to)))
        try PosixFileSystem().open(path("logs/" + name), .readWrite).truncate(to: 0)
    }
}
