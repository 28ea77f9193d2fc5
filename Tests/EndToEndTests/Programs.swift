import Foundation
import Synchronization

/// The programs under test, beside the test bundle unless `OBS_BIN` names a folder.
enum Programs {
    static let folder: URL = {
        if let given = ProcessInfo.processInfo.environment["OBS_BIN"] { return URL(fileURLWithPath: given) }
        var url = URL(fileURLWithPath: CommandLine.arguments[0])
        while url.path != "/", !FileManager.default.fileExists(atPath: url.appendingPathComponent("obsd").path) {
            url = url.deletingLastPathComponent()
        }
        return url
    }()

    static var obsd: URL { folder.appendingPathComponent("obsd") }
    static var obsq: URL { folder.appendingPathComponent("obsq") }

    /// A tool of the system, or nil where it is not installed.
    static func tool(_ name: String) -> URL? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return (path.split(separator: ":").map(String.init) + ["/usr/bin", "/usr/sbin"])
            .map { URL(fileURLWithPath: $0).appendingPathComponent(name) }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }
}

struct Finished {
    let status: Int32
    let output: String
    let errors: String
}

/// Runs a program to its end, with a deadline after which it is killed (status -1).
func run(
    _ program: URL, _ arguments: [String], input: Data? = nil, environment: [String: String] = [:], seconds: Double = 60
) throws
    -> Finished
{
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(
        ["SWIFT_BACKTRACE": "enable=no", "NO_COLOR": "1"].merging(environment) { _, b in b }
    ) { _, b in b }
    let out = Pipe()
    let err = Pipe()
    let inPipe = Pipe()
    process.standardOutput = out
    process.standardError = err
    process.standardInput = inPipe
    try process.run()
    let late = Atomic<Bool>(false)
    let timer = DispatchWorkItem {
        late.store(true, ordering: .relaxed)
        process.terminate()
    }
    DispatchQueue.global().asyncAfter(deadline: .now() + seconds, execute: timer)
    if let input { try? inPipe.fileHandleForWriting.write(contentsOf: input) }
    try? inPipe.fileHandleForWriting.close()
    let errors = Mutex(Data())
    let group = DispatchGroup()
    DispatchQueue.global().async(group: group) {
        let data = err.fileHandleForReading.readDataToEndOfFile()
        errors.withLock { $0 = data }
    }
    let output = out.fileHandleForReading.readDataToEndOfFile()
    group.wait()
    process.waitUntilExit()
    timer.cancel()
    return Finished(
        status: late.load(ordering: .relaxed) ? -1 : process.terminationStatus,
        output: String(decoding: output, as: UTF8.self),
        errors: String(decoding: errors.withLock { $0 }, as: UTF8.self))
}

/// A fresh folder, removed when released.
final class TemporaryFolder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("obs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    var path: String { url.path }

    func write(_ name: String, _ text: String) throws -> String {
        let file = url.appendingPathComponent(name)
        try Data(text.utf8).write(to: file)
        return file.path
    }
}
