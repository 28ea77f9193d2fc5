import Bedrock

/// A request to send.
public struct HTTPCall: Sendable {
    public var method: HTTPMethod
    /// Absolute URL, percent-encoded.
    public var url: String
    public var headers: HTTPHeaders
    public var body: [UInt8]
    /// Whole exchange, seconds.
    public var timeoutSeconds: Double
    /// Largest response body accepted, after decompression, in bytes.
    public var responseMax: Int
    /// Overrides the client's defaults.
    public var options: HTTPCallOptions?
    /// Cancels the call from outside; looked at several times a second.
    public var cancellation: Cancellation?
    /// When given, called with each piece of the body as it comes, decompressed, and the status; the answer's `body` stays empty then, and
    /// `responseMax` bounds nothing. False ends the call (`.cancelled`). Called on the client's thread: it must not block.
    public var receive: (@Sendable (_ status: Int, _ piece: UnsafeRawBufferPointer) -> Bool)?
    /// With `receive`: longest silence, seconds; `timeoutSeconds` may be `.infinity` for answers without an end.
    public var silenceSecondsMax: Double?

    public init(
        _ method: HTTPMethod = .get, _ url: String, headers: HTTPHeaders = .init(), body: [UInt8] = [],
        timeoutSeconds: Double = 30, responseMax: Int = 256 << 20
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeoutSeconds = timeoutSeconds
        self.responseMax = responseMax
    }
}

/// Why there is no response at all.
public enum HTTPCallError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Could not connect, resolve or speak TLS.
    case unreachable(String)
    case timeout(seconds: Double)
    case tooLarge(limit: Int)
    case cancelled
    case other(String)

    public var description: String {
        switch self {
        case .unreachable(let why), .other(let why): why
        case .timeout(let seconds): "no answer within \(seconds) s"
        case .tooLarge(let limit): "the answer is over \(limit) bytes"
        case .cancelled: "cancelled"
        }
    }
}

/// The network seam for requests: the pooled client in the product, a double in tests. Thread-safe.
public protocol HTTPCaller: Sendable {
    /// Sends `call`; `done` is called exactly once, from any thread.
    func send(_ call: HTTPCall, done: @escaping @Sendable (Result<HTTPResponse, HTTPCallError>) -> Void)
}
