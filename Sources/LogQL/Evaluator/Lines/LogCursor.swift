import Bedrock
import Model

/// Which way a page of lines runs.
public enum LogDirection: String, Sendable, CaseIterable {
    /// Newest first.
    case backward
    /// Oldest first.
    case forward
}

/// Where a page of lines ended: pages go by time, then by the hash of the stream's labels, then by the place among the stream's rows of
/// that time; `backward` is exactly the reverse. As text for URLs: `time-hash-ordinal`.
public struct LogCursor: Hashable, Sendable, LosslessStringConvertible {
    /// Nanoseconds since the epoch.
    public var timestamp: Int64
    /// Of the stream's canonical labels.
    public var stream: Hash128
    /// From 0, oldest first, among the stream's rows of this time that pass the filters which the source answers.
    public var ordinal: Int

    public init(timestamp: Int64, stream: Hash128, ordinal: Int) {
        self.timestamp = timestamp
        self.stream = stream
        self.ordinal = ordinal
    }

    public var description: String {
        "\(timestamp)-\(Self.hex(stream.high))\(Self.hex(stream.low))-\(ordinal)"
    }

    /// nil for anything that `description` doesn't give.
    public init?(_ description: String) {
        let isNegative = description.hasPrefix("-")
        let parts = description.dropFirst(isNegative ? 1 : 0).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1].utf8.count == 32, let time = Int64((isNegative ? "-" : "") + parts[0]),
            let high = UInt64(parts[1].prefix(16), radix: 16), let low = UInt64(parts[1].suffix(16), radix: 16),
            let ordinal = Int(parts[2]), ordinal >= 0
        else { return nil }
        self.init(timestamp: time, stream: Hash128(high: high, low: low), ordinal: ordinal)
    }

    private static func hex(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

/// A line of the answer.
public struct LogEntry: Sendable, Equatable {
    /// Nanoseconds since the epoch.
    public var timestamp: Int64
    public var line: [UInt8]
    /// What is left of the stream's own labels.
    public var stream: Labels
    /// Structured metadata.
    public var metadata: Labels
    /// What the pipeline made; values may be empty.
    public var parsed: Labels

    public init(timestamp: Int64, line: [UInt8], stream: Labels, metadata: Labels = .empty, parsed: Labels = .empty) {
        self.timestamp = timestamp
        self.line = line
        self.stream = stream
        self.metadata = metadata
        self.parsed = parsed
    }
}

/// One page of lines.
public struct LogStreamsResult: Sendable {
    /// In page order.
    public var entries: [LogEntry]
    /// Where the next page goes on; nil when there is none.
    public var next: LogCursor?
    public var statistics: LogScanStatistics
}
