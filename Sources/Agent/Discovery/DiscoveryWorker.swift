import Bedrock
import Model
import Synchronization

/// Keeps the list of targets: what the configuration says, what discovery files and services say, what is built in.
///
/// `configure`, `stop`, `dropped` and `problems` may be called from any thread.
final class DiscoveryWorker: Worker {
    /// A target of this process' own, beside those of the configuration.
    struct BuiltIn: Sendable {
        let target: ScrapeTarget
        let source: any ScrapeSource
    }

    /// What is shown of targets that are none.
    struct Refusals: Sendable, Equatable {
        var dropped: [DroppedTarget] = []
        var droppedCounts: [String: Int] = [:]
        /// Addresses that make no target, with the reason.
        var problems: [String] = []
    }

    private struct Inbox {
        var jobs: [ScrapeJob]?
        var isStopping = false
    }

    let name = "discovery"
    let waker: Waker? = Waker()
    private let clock: any ClockSource
    private let files: any FileSystem
    private let log: Logger
    private let builtIns: [BuiltIn]
    private let network: any ScrapeSource
    private let providers: TargetProviders
    private let publish: @Sendable ([ScrapeWorker.Assignment]) -> Void
    private let inbox = Mutex(Inbox())
    private let refusals = Mutex(Refusals())
    private let state = State()

    /// What only the stepping thread touches.
    private final class State: @unchecked Sendable {
        var jobs: [ScrapeJob] = []
        var discoverers: [String: [FileDiscoverer]] = [:]
        var remotes: [String: [PollingDiscoverer]] = [:]
    }

    /// - Parameter publish: takes the whole list whenever it may have changed.
    init(
        clock: any ClockSource, files: any FileSystem, log: Logger, builtIns: [BuiltIn], network: any ScrapeSource,
        providers: TargetProviders, publish: @escaping @Sendable ([ScrapeWorker.Assignment]) -> Void
    ) {
        self.clock = clock
        self.files = files
        self.log = log
        self.builtIns = builtIns
        self.network = network
        self.providers = providers
        self.publish = publish
    }

    func configure(_ jobs: [ScrapeJob]) {
        inbox.withLock { $0.jobs = jobs }
        waker?.wake()
    }

    func stop() {
        inbox.withLock { $0.isStopping = true }
        waker?.wake()
    }

    var currentRefusals: Refusals { refusals.withLock { $0 } }

    func step() -> StepOutcome {
        let (jobs, isStopping) = inbox.withLock { inbox in
            defer { inbox.jobs = nil }
            return (inbox.jobs, inbox.isStopping)
        }
        if isStopping { return .finished }
        var isChanged = false
        if let jobs {
            apply(jobs)
            isChanged = true
        }
        let now = clock.monotonicNanoseconds()
        var next = now + 3_600_000_000_000
        for discoverer in state.discoverers.values.joined() {
            isChanged = discoverer.poll(now: now) || isChanged
            next = min(next, discoverer.due)
        }
        for discoverer in state.remotes.values.joined() {
            isChanged = discoverer.poll(now: now) || isChanged
            next = min(next, discoverer.due)
        }
        if isChanged { publish(assignments()) }
        return .idle(nanoseconds: next > now ? next - now : 0)
    }

    /// Discovery that is configured as before goes on with what it knows.
    private func apply(_ jobs: [ScrapeJob]) {
        let before = state.discoverers
        let remotesBefore = state.remotes
        state.jobs = jobs
        state.discoverers = [:]
        state.remotes = [:]
        for job in jobs where !job.remoteDiscovery.isEmpty {
            var old = remotesBefore[job.name] ?? []
            state.remotes[job.name] = job.remoteDiscovery.map { configuration in
                if let at = old.firstIndex(where: { $0.configuration == configuration }) { return old.remove(at: at) }
                return PollingDiscoverer(
                    configuration, provider: providers.provider(configuration), log: log, waker: waker)
            }
        }
        for job in jobs where !job.fileDiscovery.isEmpty {
            var old = before[job.name] ?? []
            state.discoverers[job.name] = job.fileDiscovery.map { configuration in
                if let at = old.firstIndex(where: { $0.configuration == configuration }) { return old.remove(at: at) }
                return FileDiscoverer(configuration, files: files, log: log)
            }
        }
    }

    private func assignments() -> [ScrapeWorker.Assignment] {
        var result = builtIns.map { ScrapeWorker.Assignment(target: $0.target, source: $0.source) }
        var seen = Set(result.map(\.target.identity))
        var refused = Refusals()
        for job in state.jobs {
            var targets: [ScrapeTarget] = []
            let groups =
                job.staticTargets + (state.discoverers[job.name] ?? []).flatMap(\.groups)
                + (state.remotes[job.name] ?? []).flatMap(\.groups)
            for group in groups {
                for address in group.addresses {
                    guard let target = build(address, group, job, &refused), seen.insert(target.identity).inserted
                    else { continue }
                    targets.append(target)
                }
            }
            let limit = job.limits.targetsMax
            let isOver = limit > 0 && targets.count > limit
            let source: any ScrapeSource =
                isOver ? RefusedScrapeSource(reason: .targetLimit(targets: targets.count, limit: limit)) : network
            result += targets.map { ScrapeWorker.Assignment(target: $0, source: source) }
        }
        let previous = refusals.withLock { refusals in
            defer { refusals = refused }
            return refusals.problems
        }
        for problem in refused.problems where !previous.contains(problem) {
            log.error("target refused", ["reason": problem])
        }
        return result
    }

    private func build(
        _ address: String, _ group: TargetGroup, _ job: ScrapeJob, _ refused: inout Refusals
    ) -> ScrapeTarget? {
        do throws(TargetBuilder.Invalid) {
            switch try TargetBuilder.build(address, group.labels, job) {
            case .target(let target): return target
            case .dropped(let dropped):
                refused.droppedCounts[job.name, default: 0] += 1
                let limit = job.limits.droppedTargetsKept
                if limit == 0 || refused.droppedCounts[job.name, default: 0] <= limit {
                    refused.dropped.append(dropped)
                }
            }
        } catch {
            refused.problems.append("job \(job.name), address \(address): \(error)")
        }
        return nil
    }
}
