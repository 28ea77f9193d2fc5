import Model

/// How grave an entry is, from what it carries: never from guessing at its text.
public enum LogLevel: Sendable {
    case error
    case warning
    case information
    case debug

    /// Where senders and servers put it, the most trusted first.
    private static let names = ["detected_level", "level", "severity_text", "severity", "lvl", "loglevel"]

    /// The level of a row; nil where it carries none that is known.
    public init?(_ table: LogTable, row: Int) {
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

    /// The level that a word stands for, whatever its case.
    public init?(_ text: String) {
        switch text.lowercased() {
        case "error", "err", "critical", "crit", "fatal", "alert", "emergency", "emerg", "panic": self = .error
        case "warn", "warning": self = .warning
        case "info", "information", "informational", "notice": self = .information
        case "debug", "dbg", "trace", "trc": self = .debug
        default: return nil
        }
    }
}
