import Bedrock
import Model
import Synchronization

/// Why a query has no answer.
public enum LogQLQueryError: Error, Sendable, CustomStringConvertible {
    /// The query asks for what can't be, or a line of it can't be read as it wants.
    case execution(String)
    /// It would hold too much at once.
    case tooManySamples(QueryBudget.Exceeded)
    case cancelled(Cancelled)
    /// Of the storage.
    case storage(any Error)

    init(_ error: any Error) {
        switch error {
        case let error as LogQLQueryError: self = error
        case let error as QueryBudget.Exceeded: self = .tooManySamples(error)
        case let error as Cancelled: self = .cancelled(error)
        case let error as PipelineError: self = .execution(error.message)
        default: self = .storage(error)
        }
    }

    public var description: String {
        switch self {
        case .execution(let message): message
        case .tooManySamples(let error): error.description
        case .cancelled(let error): error.description
        case .storage(let error): "\(error)"
        }
    }
}

/// The answer to a metric query. Series without metric name; label values may be empty.
public struct LogQLResult: Sendable {
    public enum Value: Sendable {
        /// Of an instant query: label sets and their values, in result order.
        case vector([(labels: Labels, value: Double)])
        /// Of a range query, sorted by labels.
        case matrix([LogQLSeries])
        case scalar(Double)
    }

    public var value: Value
    public var statistics: LogScanStatistics

    public init(value: Value, statistics: LogScanStatistics = LogScanStatistics()) {
        self.value = value
        self.statistics = statistics
    }
}

/// A series of a range query: nanoseconds and values, steps without one left out.
public struct LogQLSeries: Sendable {
    public var labels: Labels
    public var timestamps: [Int64]
    public var values: [Double]

    public init(labels: Labels, timestamps: [Int64], values: [Double]) {
        self.labels = labels
        self.timestamps = timestamps
        self.values = values
    }
}

/// Adds up statistics from several threads.
final class StatisticsSum: Sendable {
    private let sum = Mutex(LogScanStatistics())

    var value: LogScanStatistics { sum.withLock { $0 } }

    func add(_ more: LogScanStatistics) {
        sum.withLock {
            $0.segments += more.segments
            $0.blocks += more.blocks
            $0.blocksPruned += more.blocksPruned
            $0.rowsScanned += more.rowsScanned
            $0.bytesDecoded += more.bytesDecoded
            $0.damagedBlocks += more.damagedBlocks
        }
    }
}
