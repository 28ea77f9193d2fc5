import Glibc
import Synchronization

/// Where log lines go. Thread-safe.
public protocol LogSink: Sendable {
    func write(_ line: String)
}

/// Lines on standard error, whole.
public struct StandardErrorSink: LogSink {
    public init() {}

    public func write(_ line: String) {
        var text = line + "\n"
        text.withUTF8 { bytes in
            // One write call, so that lines of several threads don't mix. A lost log line is not worth an error.
            _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
        }
    }
}

/// Keeps lines in memory, for tests.
public final class MemorySink: LogSink {
    private let kept = Mutex<[String]>([])

    public init() {}

    public var lines: [String] { kept.withLock { $0 } }

    public func write(_ line: String) { kept.withLock { $0.append(line) } }
}

/// Writes logfmt lines (`time=… level=info component=… msg="…" key=value`). A value type; thread-safe.
///
/// Never give it a secret: it masks nothing.
public struct Logger: Sendable {
    public enum Level: Int, Comparable, Sendable {
        case debug, info, warn, error

        public static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
    }

    private let component: String
    private let sink: any LogSink
    private let clock: any ClockSource
    private let lowest: Level

    public init(
        _ component: String, sink: any LogSink = StandardErrorSink(), clock: any ClockSource = SystemClock(),
        lowest: Level = .info
    ) {
        self.component = component
        self.sink = sink
        self.clock = clock
        self.lowest = lowest
    }

    /// The same log under another component name.
    public func named(_ component: String) -> Logger { Logger(component, sink: sink, clock: clock, lowest: lowest) }

    public func debug(_ message: String, _ fields: KeyValuePairs<String, String> = [:]) { log(.debug, message, fields) }
    public func info(_ message: String, _ fields: KeyValuePairs<String, String> = [:]) { log(.info, message, fields) }
    public func warn(_ message: String, _ fields: KeyValuePairs<String, String> = [:]) { log(.warn, message, fields) }
    public func error(_ message: String, _ fields: KeyValuePairs<String, String> = [:]) { log(.error, message, fields) }

    private func log(_ level: Level, _ message: String, _ fields: KeyValuePairs<String, String>) {
        guard level >= lowest else { return }
        var line =
            "time=\(UTCTime(milliseconds: clock.now()).iso8601) level=\(level) component=\(component) msg=\(Self.value(message))"
        for (name, value) in fields { line += " \(name)=\(Self.value(value))" }
        sink.write(line)
    }

    /// Quoted when it holds anything but plain printable characters.
    private static func value(_ text: String) -> String {
        let plain = !text.isEmpty && text.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != 34 && $0 != 61 && $0 != 92 }
        if plain { return text }
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            default:
                if scalar.value < 32 || scalar.value == 127 { out += "?" } else { out.unicodeScalars.append(scalar) }
            }
        }
        return out + "\""
    }
}
