import Client
import Model

/// How grave an entry is, from what it carries: never from guessing at its text.
enum LogLevel {
    case error
    case warning
    case information
    case debug

    /// Where senders and servers put it, the most trusted first.
    private static let names = ["detected_level", "level", "severity_text", "severity", "lvl", "loglevel"]

    init?(_ table: LogTable, row: Int) {
        for labels in [table.metadata(row), table.parsed(row), table.labels(row)] where !labels.isEmpty {
            for name in Self.names {
                if let value = labels[name], let level = LogLevel(value) {
                    self = level
                    return
                }
            }
        }
        return nil
    }

    init?(_ text: String) {
        switch text.lowercased() {
        case "error", "err", "critical", "crit", "fatal", "alert", "emergency", "emerg", "panic": self = .error
        case "warn", "warning": self = .warning
        case "info", "information", "informational", "notice": self = .information
        case "debug", "dbg", "trace", "trc": self = .debug
        default: return nil
        }
    }

    /// Nil where the text stays as it is.
    var style: Output.Style? {
        switch self {
        case .error: .red
        case .warning: .yellow
        case .information: nil
        case .debug: .dim
        }
    }
}
