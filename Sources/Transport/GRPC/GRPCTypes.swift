import Bedrock

/// A unary call, whole.
public struct GRPCRequest: Sendable {
    /// `/package.Service/Method`.
    public var method: String
    /// Metadata, names in lower case.
    public var headers: HTTPHeaders
    /// The message, decompressed.
    public var message: [UInt8]
    /// The caller's address.
    public var peer: String
    /// Ends when the caller goes or resets the stream, and at its deadline.
    public var cancellation: Cancellation
}

/// The answer to a unary call: a message, or a status that says why there is none.
public enum GRPCResponse: Sendable {
    case message([UInt8])
    case failure(GRPCStatus)
}

/// Answers a call: calls `respond` from any thread; dropped unanswered, the call ends as INTERNAL, and a second answer is ignored. Called on an event loop, so it must not block.
public typealias GRPCHandler = @Sendable (GRPCRequest, _ respond: @escaping @Sendable (GRPCResponse) -> Void) -> Void

/// How a gRPC port is opened, and its limits.
public struct GRPCServerOptions: Sendable {
    public var listen: ListenAddress
    /// Event loops, a thread each.
    public var threads = 2
    /// What `authorization` must carry; none: nothing.
    public var tokens = BearerTokens()
    /// Whether it may listen beyond loopback without a token. There is no TLS here.
    public var isInsecure = false
    public var connectionsMax = 1_000
    /// Streams of a connection that are open at once.
    public var streamsMax = 256
    /// Bytes of a message, as sent and decompressed.
    public var messageBytesMax = 32 << 20
    /// Bytes of a call's headers.
    public var headerBytesMax = 16 << 10
    /// Bytes of all messages that are being received or answered.
    public var bodyBudgetBytes = 256 << 20
    /// How long a new connection may take to say its first frame.
    public var headerSecondsMax = 10.0
    /// How long a call's message may take to arrive, and a connection may be idle.
    public var bodySecondsMax = 60.0
    public var idleSecondsMax = 300.0
    /// Streams that a connection may reset within a second before it is closed (the attack known as rapid reset).
    public var resetsPerSecondMax = 500
    public var clock: any ClockSource = SystemClock()

    public init(listen: ListenAddress = ListenAddress("127.0.0.1", 0)) { self.listen = listen }
}
