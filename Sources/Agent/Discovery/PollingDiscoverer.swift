import Bedrock
import Synchronization

/// Asks a provider for targets again and again. Where asking fails, the targets it had are kept, and the failure is told once. Not thread-safe,
/// but for the answers, which may come from any thread.
final class PollingDiscoverer {
    /// An answer that came, or a question under way.
    private struct Inbox {
        var answer: Result<[TargetGroup], DiscoveryFailure>?
        var isAsking = false
    }

    let configuration: RemoteDiscovery
    private let provider: any TargetProvider
    private let log: Logger
    private let waker: Waker?
    private let inbox = SharedInbox()
    private var problem: String?
    private(set) var groups: [TargetGroup] = []
    private var nextAsk: UInt64 = 0

    private final class SharedInbox: Sendable {
        let state = Mutex(Inbox())
    }

    init(_ configuration: RemoteDiscovery, provider: any TargetProvider, log: Logger, waker: Waker?) {
        self.configuration = configuration
        self.provider = provider
        self.log = log
        self.waker = waker
    }

    /// When to look again, monotonic nanoseconds; an answer wakes the worker before.
    var due: UInt64 { nextAsk }

    /// Takes an answer that came, and asks if it is time to.
    /// - Returns: whether `groups` changed.
    func poll(now: UInt64) -> Bool {
        let answer = inbox.state.withLock { state in
            defer { state.answer = nil }
            return state.answer
        }
        let isChanged = answer.map(take) ?? false
        if now >= nextAsk {
            nextAsk = now &+ UInt64(configuration.refreshInterval) &* 1_000_000
            ask()
        }
        return isChanged
    }

    private func ask() {
        let isFree = inbox.state.withLock { state in
            defer { state.isAsking = true }
            return !state.isAsking
        }
        guard isFree else { return }
        provider.fetch { [inbox, waker] result in
            inbox.state.withLock { state in
                state.answer = result
                state.isAsking = false
            }
            waker?.wake()
        }
    }

    private func take(_ answer: Result<[TargetGroup], DiscoveryFailure>) -> Bool {
        switch answer {
        case .success(let found):
            if problem != nil { log.info("discovery works again", ["kind": configuration.kind.name]) }
            problem = nil
            defer { groups = found }
            return found != groups
        case .failure(let failure):
            if problem != failure.description {
                log.error(
                    "targets not discovered, keeping those there were",
                    ["kind": configuration.kind.name, "reason": failure.description])
            }
            problem = failure.description
            return false
        }
    }
}

extension RemoteDiscovery.Kind {
    /// As its key in the configuration begins.
    var name: String {
        switch self {
        case .http: "http_sd"
        case .dns: "dns_sd"
        case .docker: "docker_sd"
        case .kubernetes: "kubernetes_sd"
        }
    }
}
