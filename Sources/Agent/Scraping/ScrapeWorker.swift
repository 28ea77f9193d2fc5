import Bedrock
import Model
import Synchronization

/// Scrapes its share of the targets, each at its own time, and hands on what they bring.
///
/// A step starts what is due, or digests one answer; fetching goes on elsewhere. `assign`, `stop` and `statuses` may be called from any
/// thread, everything else is the stepping thread's.
final class ScrapeWorker: Worker {
    /// A target and how to reach it.
    struct Assignment: Sendable {
        let target: ScrapeTarget
        let source: any ScrapeSource
    }

    /// Since the start.
    struct Totals: Sendable, Equatable {
        var scrapes = 0
        var failures = 0
        var samples = 0
        var repeated = 0
    }

    private struct Inbox {
        var assignments: [Assignment]?
        var answers: [(number: UInt64, result: Result<ScrapeBody, ScrapeError>)] = []
        var isStopping = false
    }

    /// Scrapes under way at one time; bounds the memory of answers that wait to be digested.
    private static let flightsMax = 128
    /// A source that says nothing this long behind its timeout is given up. Nanoseconds.
    private static let grace: UInt64 = 2_000_000_000

    let name: String
    let waker: Waker? = Waker()
    private let clock: any ClockSource
    private let hostName: String
    private let output: @Sendable (MetricBatch) -> Void
    private let inbox = Mutex(Inbox())
    private let published = Mutex<[ScrapeTarget.Identity: TargetStatus]>([:])
    private let counted = Mutex(Totals())
    private let state: State

    /// What only the stepping thread touches.
    private final class State: @unchecked Sendable {
        var loops: [ScrapeTarget.Identity: TargetLoop] = [:]
        var flights: [UInt64: TargetLoop] = [:]
        var nextNumber: UInt64 = 1
        var pending: [(number: UInt64, result: Result<ScrapeBody, ScrapeError>)] = []
    }

    /// - Parameters:
    ///   - hostName: this machine's, for URLs shown elsewhere.
    ///   - output: takes each scrape's samples; it must not block.
    init(name: String, clock: any ClockSource, hostName: String, output: @escaping @Sendable (MetricBatch) -> Void) {
        self.name = name
        self.clock = clock
        self.hostName = hostName
        self.output = output
        state = State()
    }

    /// The targets from now on. Those that stay keep their state; those that are gone get staleness markers.
    func assign(_ assignments: [Assignment]) {
        inbox.withLock { $0.assignments = assignments }
        waker?.wake()
    }

    /// Ends the worker once the answers that are there are digested; those still awaited are nobody's any more. No staleness markers: the
    /// targets live on, and so may the next process of this name.
    func stop() {
        inbox.withLock { $0.isStopping = true }
        waker?.wake()
    }

    var totals: Totals { counted.withLock { $0 } }

    var statuses: [TargetStatus] { published.withLock { Array($0.values) } }

    func step() -> StepOutcome {
        let (assignments, isStopping) = inbox.withLock { inbox in
            state.pending.append(contentsOf: inbox.answers)
            inbox.answers.removeAll(keepingCapacity: true)
            defer { inbox.assignments = nil }
            return (inbox.assignments, inbox.isStopping)
        }
        if let assignments {
            reconcile(assignments)
            return .progressed
        }
        if !state.pending.isEmpty {
            let answer = state.pending.removeFirst()
            digest(answer.number, answer.result)
            return .progressed
        }
        if isStopping { return .finished }
        giveUpLate()
        startDue()
        return .idle(nanoseconds: untilNext())
    }

    private func reconcile(_ assignments: [Assignment]) {
        var gone = state.loops
        for assignment in assignments {
            let identity = assignment.target.identity
            if let loop = gone.removeValue(forKey: identity) {
                loop.update(assignment.target, assignment.source, clock: clock)
                publish(loop)
            } else if state.loops[identity] == nil {
                let loop = TargetLoop(assignment.target, assignment.source, clock: clock)
                state.loops[identity] = loop
                publish(loop)
            }
        }
        for (identity, loop) in gone {
            state.loops[identity] = nil
            if let number = loop.flight?.number { state.flights[number] = nil }
            published.withLock { _ = $0.removeValue(forKey: identity) }
            let batch = MetricBatch()
            loop.end(at: clock.now(), into: batch)
            handOn(batch)
        }
    }

    private func startDue() {
        let now = clock.monotonicNanoseconds()
        for loop in state.loops.values where loop.flight == nil && loop.due <= now {
            guard state.flights.count < Self.flightsMax else { return }
            let number = state.nextNumber
            state.nextNumber += 1
            _ = loop.begin(number: number, clock: clock)
            state.flights[number] = loop
            loop.source.fetch(loop.target) { [weak self] result in
                guard let self else { return }
                inbox.withLock { $0.answers.append((number, result)) }
                waker?.wake()
            }
        }
    }

    private func digest(_ number: UInt64, _ result: Result<ScrapeBody, ScrapeError>) {
        // An answer that comes too late, or for a target that is gone, is nobody's.
        guard let loop = state.flights.removeValue(forKey: number) else { return }
        let batch = MetricBatch()
        let counts = loop.finish(result, clock: clock, into: batch)
        publish(loop)
        counted.withLock { totals in
            totals.scrapes += 1
            totals.failures += loop.health == .up ? 0 : 1
            totals.repeated += counts.repeated
        }
        handOn(batch)
    }

    private func handOn(_ batch: MetricBatch) {
        guard !batch.isEmpty else { return }
        counted.withLock { $0.samples += batch.sampleCount }
        output(batch)
    }

    private func giveUpLate() {
        let now = clock.monotonicNanoseconds()
        for (number, loop) in state.flights {
            guard let flight = loop.flight else { continue }
            let limit = UInt64(loop.target.timeout) * 1_000_000 + Self.grace
            if now > flight.began + limit {
                digest(number, .failure(.late(seconds: Double(loop.target.timeout) / 1000)))
            }
        }
    }

    private func untilNext() -> UInt64 {
        let now = clock.monotonicNanoseconds()
        var next = now + 5_000_000_000
        for loop in state.loops.values where loop.flight == nil { next = min(next, max(loop.due, now)) }
        return state.flights.isEmpty ? next - now : min(next - now, 500_000_000)
    }

    private func publish(_ loop: TargetLoop) {
        let status = loop.status(hostName: hostName)
        published.withLock { $0[loop.target.identity] = status }
    }
}
