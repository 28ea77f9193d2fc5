/// When to try again: exponential backoff with full jitter between half and the whole of each step, and never before a server's `Retry-After`.
public struct RetryPolicy: Sendable {
    public var firstSeconds: Double
    public var secondsMax: Double
    public var factor: Double
    /// Longest `Retry-After` obeyed.
    public var retryAfterSecondsMax: Double

    public init(
        firstSeconds: Double = 0.5, secondsMax: Double = 30, factor: Double = 2, retryAfterSecondsMax: Double = 300
    ) {
        self.firstSeconds = firstSeconds
        self.secondsMax = secondsMax
        self.factor = factor
        self.retryAfterSecondsMax = retryAfterSecondsMax
    }

    /// Whether the same call may succeed later.
    public func isRetryable(_ result: Result<HTTPResponse, HTTPCallError>) -> Bool {
        switch result {
        case .success(let response):
            response.status == 408 || response.status == 429 || response.status >= 500 && response.status != 501
        case .failure(.unreachable), .failure(.timeout): true
        case .failure(.tooLarge), .failure(.cancelled), .failure(.other): false
        }
    }

    /// Seconds to wait before try number `attempt` + 1, after `attempt` failed ones (1 at first).
    ///
    /// - Parameters:
    ///   - answer: what the last try got, for its `Retry-After`.
    ///   - now: wall clock, milliseconds since the epoch, for a `Retry-After` that names a date.
    public func delaySeconds<R: RandomNumberGenerator>(
        attempt: Int, answer: HTTPResponse? = nil, now: Int64 = 0, random: inout R
    ) -> Double {
        var step = firstSeconds
        var left = max(0, attempt - 1)
        while left > 0, step < secondsMax {
            step *= factor
            left -= 1
        }
        step = min(step, secondsMax)
        let backoff = Double.random(in: (step / 2)...step, using: &random)
        guard let text = answer?.headers["Retry-After"], let wanted = Self.seconds(retryAfter: text, now: now) else {
            return backoff
        }
        return max(backoff, min(wanted, retryAfterSecondsMax))
    }

    /// Reads a `Retry-After`: seconds, or an HTTP date (RFC 9110 §10.2.3).
    public static func seconds(retryAfter text: String, now: Int64) -> Double? {
        if let seconds = UInt32(text.trimmingBlanks()) { return Double(seconds) }
        guard let date = HTTPDate.milliseconds(text) else { return nil }
        return max(0, Double(date - now) / 1000)
    }
}
