/// Why a collector has nothing to say. One collector's failure leaves the others alone.
public enum HostError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A file of /proc or /sys can't be read.
    case unreadable(path: String, code: Int32, text: String)
    /// A file doesn't look as the kernel documents it.
    case malformed(path: String, String)
    /// This machine has nothing of the kind (no sensors, no pressure accounting).
    case noData(String)
    /// The kernel didn't answer in time; the collector is left out until it does.
    case stuck(seconds: Double)

    public var description: String {
        switch self {
        case .unreadable(let path, _, let text): "cannot read \(path): \(text)"
        case .malformed(let path, let what): "\(path): \(what)"
        case .noData(let what): "no data: \(what)"
        case .stuck(let seconds): "no answer from the kernel within \(seconds) s"
        }
    }
}
