import Bedrock
import CCurl
import Synchronization

/// An HTTP/1.1 client: one thread, connections kept alive and shared by all calls. Thread-safe. Dropping it cancels what is under way.
public final class HTTPClient: HTTPCaller {
    private let core: ClientCore

    public init(_ options: HTTPClientOptions = HTTPClientOptions(), clock: any ClockSource = SystemClock()) {
        core = ClientCore(options, clock: clock)
        core.start()
    }

    deinit { core.stop() }

    /// `done` is called on the client's thread: it must not block.
    public func send(_ call: HTTPCall, done: @escaping @Sendable (Result<HTTPResponse, HTTPCallError>) -> Void) {
        core.send(call, done: done)
    }
}

/// What the client and its thread share.
private final class ClientCore: @unchecked Sendable {
    private struct Inbox {
        var waiting: [Transfer] = []
        /// Whether the thread takes calls; it no longer does once it has cleaned up.
        var isOpen = false
        var callCount = 0
    }

    private let options: HTTPClientOptions
    private let clock: any ClockSource
    private let inbox = Mutex(Inbox())
    private let isStopping = Atomic<Bool>(false)
    private let multi: UnsafeMutableRawPointer?
    // The thread's own.
    private var active: [UnsafeMutableRawPointer: Transfer] = [:]
    private var spares: [UnsafeMutableRawPointer] = []

    private static let isLibraryReady: Bool = ccurl_global_init() == CURLE_OK

    init(_ options: HTTPClientOptions, clock: any ClockSource) {
        self.options = options
        self.clock = clock
        multi = Self.isLibraryReady ? curl_multi_init() : nil
    }

    func start() {
        guard let multi else { return }
        ccurl_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, options.connectionsPerHostMax)
        ccurl_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, options.connectionsMax)
        ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, options.connectionsMax)
        inbox.withLock { $0.isOpen = true }
        guard let thread = Thread({ [self] in run() }) else {
            inbox.withLock { $0.isOpen = false }
            curl_multi_cleanup(multi)
            return
        }
        // It ends by itself: the last reference to a client may be dropped by an answer's callback, on this very thread.
        thread.detach()
    }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        wake()
    }

    func send(_ call: HTTPCall, done: @escaping Transfer.Done) {
        let transfer = Transfer(call, client: options, now: clock.monotonicNanoseconds(), done: done)
        let problem = inbox.withLock { inbox -> HTTPCallError? in
            guard inbox.isOpen else { return .other("the HTTP client has no thread") }
            guard inbox.callCount < options.callsMax else {
                return .other("over \(options.callsMax) calls are under way")
            }
            inbox.callCount += 1
            inbox.waiting.append(transfer)
            // Inside the lock, so that the handle is not cleaned up meanwhile.
            curl_multi_wakeup(multi)
            return nil
        }
        if let problem { done(.failure(problem)) }
    }

    private func wake() { inbox.withLock { if $0.isOpen { curl_multi_wakeup(multi) } } }

    // MARK: The thread

    private func run() {
        guard let multi else { return }
        while !isStopping.load(ordering: .acquiring) {
            let arrived = inbox.withLock { inbox in
                defer { inbox.waiting = [] }
                return inbox.waiting
            }
            for transfer in arrived { begin(transfer, multi) }
            var running: Int32 = 0
            curl_multi_perform(multi, &running)
            finishDone(multi)
            sweep(multi)
            // Whoever can be cancelled is looked at often.
            let isAttentive = active.values.contains { $0.call.cancellation != nil }
            curl_multi_poll(multi, nil, 0, isAttentive ? 20 : 500, nil)
        }
        cleanUp(multi)
    }

    private func begin(_ transfer: Transfer, _ multi: UnsafeMutableRawPointer) {
        guard let handle = spares.popLast() ?? curl_easy_init() else {
            return end(transfer, .failure(.other("out of memory")))
        }
        do throws(HTTPCallError) {
            try transfer.configure(handle)
        } catch {
            recycle(handle)
            return end(transfer, .failure(error))
        }
        guard curl_multi_add_handle(multi, handle) == CURLM_OK else {
            recycle(handle)
            return end(transfer, .failure(.other("cannot start a transfer")))
        }
        active[handle] = transfer
    }

    private func finishDone(_ multi: UnsafeMutableRawPointer) {
        var code = CURLE_OK
        while let handle = ccurl_next_done(multi, &code) {
            guard let transfer = active.removeValue(forKey: handle) else { continue }
            let result = transfer.result(code)
            curl_multi_remove_handle(multi, handle)
            recycle(handle)
            end(transfer, result)
        }
    }

    /// Ends what was cancelled, and what the library keeps waiting for a connection beyond its time.
    private func sweep(_ multi: UnsafeMutableRawPointer) {
        let now = clock.monotonicNanoseconds()
        for (handle, transfer) in active {
            let isCancelled = transfer.call.cancellation?.isCancelled ?? false
            guard isCancelled || now > transfer.deadline else { continue }
            active[handle] = nil
            curl_multi_remove_handle(multi, handle)
            recycle(handle)
            end(transfer, .failure(isCancelled ? .cancelled : .timeout(seconds: transfer.call.timeoutSeconds)))
        }
    }

    private func end(_ transfer: Transfer, _ result: Result<HTTPResponse, HTTPCallError>) {
        inbox.withLock { $0.callCount -= 1 }
        transfer.finish(result)
    }

    private func recycle(_ handle: UnsafeMutableRawPointer) {
        guard spares.count < 32 else { return curl_easy_cleanup(handle) }
        curl_easy_reset(handle)
        spares.append(handle)
    }

    private func cleanUp(_ multi: UnsafeMutableRawPointer) {
        let unstarted = inbox.withLock { inbox in
            defer { inbox.waiting = [] }
            inbox.isOpen = false
            return inbox.waiting
        }
        let started = active
        active = [:]
        for handle in started.keys {
            curl_multi_remove_handle(multi, handle)
            curl_easy_cleanup(handle)
        }
        for handle in spares { curl_easy_cleanup(handle) }
        spares = []
        curl_multi_cleanup(multi)
        for transfer in unstarted + Array(started.values) { end(transfer, .failure(.cancelled)) }
    }
}
