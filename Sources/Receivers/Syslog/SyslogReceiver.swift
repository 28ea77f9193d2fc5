import Bedrock
import Formats
import Instruments
import Model
import Transport

/// Receives syslog over TCP (RFC 6587, both framings) and UDP (RFC 5426) on a thread of its own, and hands it to a sink. Thread-safe.
///
/// Syslog has no answers: what TCP brought is kept until the sink takes it, and meanwhile the connections are not read, so that senders wait;
/// what UDP brings beyond that is dropped and counted.
public final class SyslogReceiver: Sendable {
    public struct Options: Sendable {
        /// Where to listen; nil: not at all.
        public var tcp: ListenAddress?
        public var udp: ListenAddress?
        public var tenant = Tenant.default
        /// Longest message with its header, in bytes; a connection that sends a longer one is closed.
        public var messageBytesMax = (2 << 20) + (64 << 10)
        /// Further connections are closed at once.
        public var connectionsMax = 1024
        /// A connection that sends nothing for so long is closed.
        public var idleSecondsMax = 3600.0
        /// Bytes of unfinished messages of all connections; the one that passes it is closed.
        public var bufferedBytesMax = 64 << 20
        /// A batch of this size is full: reading waits until the sink has taken the one before.
        public var batchBytesMax = 2 << 20

        public init() {}
    }

    /// Bound ports, 0 where nothing listens.
    public let tcpPort: UInt16
    public let udpPort: UInt16
    private let loop: SyslogLoop
    private let thread = ThreadRunner()

    /// Binds; `start` begins to read.
    /// - Throws: when an address can't be listened on.
    public init(_ context: LogReceiverContext, options: Options) throws(HTTPServerError) {
        loop = try SyslogLoop(context, options)
        tcpPort = loop.tcpPort
        udpPort = loop.udpPort
    }

    public func start() { thread.start(loop) }

    /// Stops reading, hands over what was read, and ends the thread. False when the sink didn't take it all in time; the rest is counted as lost.
    public func stop(deadlineSeconds: Double) -> Bool {
        loop.requestStop()
        let finished = thread.waitUntilFinished(nanoseconds: UInt64(max(deadlineSeconds, 0) * 1e9))
        thread.stop()
        return loop.close() && finished
    }
}
