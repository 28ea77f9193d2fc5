/// A finished request, for metrics and access logs.
public struct HTTPExchange: Sendable {
    public var method: String
    /// The pattern of the route that answered; empty when none did.
    public var route: String
    public var status: Int
    /// Of the bodies, as they went over the wire.
    public var requestBytes: Int
    public var responseBytes: Int
    /// From the request line to the last byte of the answer.
    public var seconds: Double
    /// Whether the answer was sent whole.
    public var isComplete: Bool
}

/// Told what a server does, to count it. Called on event-loop threads, often from several at once: it must not block.
public protocol HTTPServerObserver: Sendable {
    func connectionOpened()
    func connectionClosed()
    /// A connection was turned away by a limit.
    func connectionRefused()
    /// A connection was closed because its client took too long.
    func connectionExpired()
    func exchangeFinished(_ exchange: HTTPExchange)
}

extension HTTPServerObserver {
    public func connectionOpened() {}
    public func connectionClosed() {}
    public func connectionRefused() {}
    public func connectionExpired() {}
    public func exchangeFinished(_ exchange: HTTPExchange) {}
}
