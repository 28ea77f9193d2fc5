import Bedrock
import Glibc
import Synchronization

/// Serves unary gRPC calls over HTTP/2 with prior knowledge (h2c), on nghttp2. Thread-safe.
///
/// Each loop accepts and serves connections of its own. Bad frames end their connection, never the server; a caller that sends more than it may, or
/// slower than it must, gets a status or loses its stream.
public final class GRPCServer: Sendable {
    private let options: GRPCServerOptions
    private let methods: [String: GRPCHandler]
    private let state = Mutex(State())
    private let runner = ThreadRunner()
    let counters = GRPCCounters()

    private struct State {
        var loops: [GRPCLoop] = []
        var port: UInt16 = 0
        var listener: Int32 = -1
    }

    /// - Parameter methods: handlers by path, `/package.Service/Method`.
    public init(_ options: GRPCServerOptions, methods: [String: GRPCHandler]) {
        self.options = options
        self.methods = methods
    }

    deinit { shutdown(deadlineSeconds: 0) }

    /// Opens the port and starts the threads.
    public func start() throws(HTTPServerError) {
        try options.listen.checkExposure(
            hasToken: false, hasTLS: false, insecure: options.isInsecure)
        let listener = try options.listen.bound(backlog: 512)
        let budget = MemoryBudget(byteCountMax: options.bodyBudgetBytes).account("grpc")
        var loops: [GRPCLoop] = []
        for number in 0..<max(1, options.threads) {
            guard
                let loop = GRPCLoop(
                    number, listener: listener, options: options, methods: methods, memory: budget, counters: counters)
            else {
                Glibc.close(listener)
                throw .cannotStart("no epoll for gRPC: \(String(cString: strerror(errno)))")
            }
            loops.append(loop)
        }
        for loop in loops { runner.start(loop) }
        let port = boundPort(listener)
        state.withLock { $0 = State(loops: loops, port: port, listener: listener) }
    }

    /// Where it listens; the port that the system chose when 0 was asked for.
    public var address: ListenAddress { ListenAddress(options.listen.host, state.withLock { $0.port }) }

    /// Calls answered so far, and those that ended in another status than OK.
    public var callCounts: (answered: Int, failed: Int) {
        (counters.answered.load(ordering: .relaxed), counters.failed.load(ordering: .relaxed))
    }

    public var connectionCount: Int { counters.connections.load(ordering: .relaxed) }

    /// Takes no more connections or calls, lets those that run be answered until the deadline, and ends the threads.
    /// - Returns: whether all were answered.
    @discardableResult
    public func shutdown(deadlineSeconds: Double) -> Bool {
        let (loops, listener) = state.withLock { state in
            defer {
                state.loops = []
                state.listener = -1
            }
            return (state.loops, state.listener)
        }
        guard !loops.isEmpty else { return true }
        for loop in loops { loop.requestStop() }
        let isClean = runner.waitUntilFinished(nanoseconds: UInt64(max(0, deadlineSeconds) * 1e9))
        runner.stop()
        for loop in loops { loop.closeAll() }
        if listener >= 0 { Glibc.close(listener) }
        return isClean
    }
}

/// What a server counts.
final class GRPCCounters: Sendable {
    let answered = Atomic<Int>(0)
    let failed = Atomic<Int>(0)
    let connections = Atomic<Int>(0)
}
