import Formats
import Model

/// What a LogQL query over a range evaluates to.
public enum LogResult: Equatable, Sendable {
    case entries(LogTable)
    case metric(QueryResult)
}

/// A result and what the server has to say about it.
public struct LogAnswer: Equatable, Sendable {
    public var result: LogResult
    /// Where the next page begins; nil behind the last one.
    public var nextCursor: String?
    /// What was read and spared, as the server tells it.
    public var statistics: JSONValue?
    public var warnings: [String]

    public init(_ result: LogResult, nextCursor: String? = nil, statistics: JSONValue? = nil, warnings: [String] = []) {
        self.result = result
        self.nextCursor = nextCursor
        self.statistics = statistics
        self.warnings = warnings
    }
}

/// What a query of log entries asks for.
public struct LogPageRequest: Equatable, Sendable {
    public var query: String
    /// Nanoseconds, the end excluded.
    public var range: LogTimeRange
    /// Entries over all streams.
    public var limit: Int
    public var direction: LogDirection
    /// As an earlier page gave it.
    public var cursor: String?

    public init(
        _ query: String, range: LogTimeRange, limit: Int, direction: LogDirection = .backward, cursor: String? = nil
    ) {
        self.query = query
        self.range = range
        self.limit = limit
        self.direction = direction
        self.cursor = cursor
    }
}
