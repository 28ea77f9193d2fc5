import Bedrock
import Formats
import Transport

/// Why a scrape failed: the target's `up` becomes 0 and this is its `lastError`.
public enum ScrapeError: Error, Equatable, Sendable, CustomStringConvertible {
    case unreachable(HTTPCallError)
    case status(Int)
    case bodyTooLarge(limit: Int)
    /// No `Content-Type`, or one that names no format, and no `fallback_scrape_protocol`.
    case contentType(String?)
    case malformed(ExpositionError)
    case sampleLimit(Int)
    case labelLimit(String)
    case targetLimit(targets: Int, limit: Int)
    /// Metric relabelling left a series without a name.
    case nameMissing(series: String)
    /// A password or token file can't be read.
    case secret(FileError)
    /// The host's metrics, or another built-in source, didn't answer in time.
    case late(seconds: Double)

    public var description: String {
        switch self {
        case .unreachable(let error): error.description
        case .status(let status): "server returned HTTP status \(status)"
        case .bodyTooLarge(let limit): "body size limit exceeded (limit: \(limit) bytes)"
        case .contentType(let type):
            type.map {
                "received unsupported Content-Type \"\($0)\" and no fallback_scrape_protocol specified for target"
            }
                ?? "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target"
        case .malformed(let error): error.description
        case .sampleLimit(let limit): "sample limit exceeded (limit: \(limit))"
        case .labelLimit(let text): text
        case .targetLimit(let targets, let limit):
            "target_limit exceeded (number of targets: \(targets), limit: \(limit))"
        case .nameMissing(let series): "metric name label mandatory (series after relabelling: \(series))"
        case .secret(let error): error.description
        case .late(let seconds): "no answer within \(seconds) s"
        }
    }
}
