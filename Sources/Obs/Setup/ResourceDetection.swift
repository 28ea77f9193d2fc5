import Bedrock
import Glibc
import Model

/// What can be told of this process without being told: host, process, system (OpenTelemetry semantic conventions 1.27).
enum ResourceDetection {
    static func detect(files: any FileSystem = PosixFileSystem()) -> Attributes {
        var found: Attributes = [
            "telemetry.sdk.name": "obs", "telemetry.sdk.language": "swift", "telemetry.sdk.version": .string(version),
            "process.runtime.name": "swift", "os.type": "linux",
        ]
        found["process.pid"] = .int(Int64(getpid()))
        let name = CommandLine.arguments.first.map { $0.split(separator: "/").last.map(String.init) ?? $0 }
        let program = name.flatMap { $0.isEmpty ? nil : $0 } ?? "swift"
        found["process.executable.name"] = .string(program)
        found["service.name"] = .string("unknown_service:\(program)")
        found["service.instance.id"] = .string(randomUUID())
        var system = utsname()
        if uname(&system) == 0 {
            found["host.name"] = .string(text(system.nodename))
            found["host.arch"] = .string(architecture(text(system.machine)))
            found["os.version"] = .string(text(system.release))
        }
        if let id = line("/etc/machine-id", files) { found["host.id"] = .string(id) }
        if let id = containerID(files) { found["container.id"] = .string(id) }
        return found
    }

    static let version = "0.1.0"

    private static func architecture(_ machine: String) -> String {
        switch machine {
        case "x86_64": "amd64"
        case "aarch64": "arm64"
        default: machine
        }
    }

    private static func line(_ path: String, _ files: any FileSystem) -> String? {
        guard let bytes = try? files.readAll(path, limit: 1 << 16) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first.map(String.init)
        return text.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The 64 hexadecimal digits that container runtimes name a control group by.
    private static func containerID(_ files: any FileSystem) -> String? {
        for path in ["/proc/self/cgroup", "/proc/self/mountinfo"] {
            guard let bytes = try? files.readAll(path, limit: 1 << 18) else { continue }
            let isMounts = path.hasSuffix("mountinfo")
            for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
                if isMounts, !line.contains("/containers/") && !line.contains("/docker/") { continue }
                for part in line.split(whereSeparator: { !$0.isHexDigit }) where part.utf8.count == 64 {
                    return String(part)
                }
            }
        }
        return nil
    }

    /// Version 4 of RFC 9562.
    private static func randomUUID() -> String {
        var random = SystemRandomNumberGenerator()
        let high = random.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        let low = random.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        let digits = Array(TraceID(high: high, low: low).description)
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }.joined(separator: "-")
    }

    private static func text<T>(_ field: T) -> String {
        withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
