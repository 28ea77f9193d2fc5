import Bedrock
import Model

/// Why a query has no result.
public enum QueryError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The expression can't be evaluated over this data, or over these times.
    case execution(String)
    /// The query would hold more samples than `samplesMax`.
    case tooManySamples(samplesMax: Int)
    /// The deadline passed.
    case timeout
    /// The one who asked has gone away.
    case cancelled
    /// The store failed.
    case storage(String)

    /// Makes a query error of whatever evaluation or the source threw.
    public init(_ error: any Error) {
        switch error {
        case let error as QueryError: self = error
        case let error as QueryBudget.Exceeded: self = .tooManySamples(samplesMax: error.samplesMax)
        case let error as Cancelled: self = error == .deadline ? .timeout : .cancelled
        default: self = .storage(String(describing: error))
        }
    }

    /// Prometheus' text.
    public var description: String {
        switch self {
        case .execution(let message), .storage(let message): message
        case .tooManySamples:
            "query processing would load too many samples into memory in query execution"
        case .timeout: "query timed out in expression evaluation"
        case .cancelled: "query was canceled in expression evaluation"
        }
    }
}
