import Bedrock
import Instruments
import Model
import Synchronization

/// How much a sampler may hold.
public struct TailSamplerOptions: Sendable {
    /// Spans in memory; beyond, the oldest traces are decided early.
    public var memoryBytesMax = 128 << 20
    /// Kept spans that the next sink didn't take yet; beyond, new spans are refused.
    public var outputBytesMax = 32 << 20
    /// Spans of a batch that goes on.
    public var batchSpansMax = 4096

    public init() {}
}

/// Keeps whole traces by policies, once their spans had time to arrive; stands in front of the sink that gets what is kept.
///
/// A batch is accepted when it is in memory: what waits for its decision is lost with the process, as in every tail sampler. A trace is
/// decided `decisionWait` after its first span, or earlier when memory is short (counted); its later spans follow that decision. Errors and
/// attributes are looked at as spans arrive, latency and rate when the trace is decided. Thread-safe; a `ThreadRunner` steps it.
public final class TailSampler: SpanSink, Worker {
    private struct State {
        var held = HeldTraces()
        var decisions: DecisionMemory
        var tokens: [Double]
        var tokensAt: UInt64
        /// Kept spans on their way out, at most `batchSpansMax` and a trace in a batch.
        var output: [(tenant: Tenant, batch: SpanBatch)] = []
        var outputBytes = 0
        /// Batches under way to the next sink.
        var flights = 0
        var isStopping = false
        var retryAt: UInt64 = 0
    }

    public let name = "tail-sampler"
    public let waker: Waker? = Waker()
    private let next: any SpanSink
    private let configuration: SamplingConfiguration
    private let options: TailSamplerOptions
    private let clock: any ClockSource
    private let state: Mutex<State>
    private let instruments: SamplingInstruments
    private let losses: any LossRecorder

    /// - Parameter configuration: with at most 64 policies; further ones are passed over.
    public init(
        before next: any SpanSink, _ configuration: SamplingConfiguration, options: TailSamplerOptions,
        clock: any ClockSource, registry: InstrumentRegistry, losses: any LossRecorder
    ) {
        var configuration = configuration
        configuration.policies = Array(configuration.policies.prefix(64))
        self.next = next
        self.configuration = configuration
        self.options = options
        self.clock = clock
        self.losses = losses
        let tokens = configuration.policies.map { policy in
            if case .rate(let rate) = policy.rule { return rate }
            return 0
        }
        state = Mutex(
            State(
                decisions: DecisionMemory(countMax: configuration.decisionsMax), tokens: tokens,
                tokensAt: clock.monotonicNanoseconds()))
        instruments = SamplingInstruments(registry)
        registry.observe("obs_agent_sampling_held_spans", help: "Spans that wait for the decision on their trace.") {
            [weak self] in Double(self?.state.withLock { $0.held.spanCount } ?? 0)
        }
        registry.observe("obs_agent_sampling_held_bytes", help: "Memory of spans that wait.") {
            [weak self] in Double(self?.state.withLock { $0.held.byteCount } ?? 0)
        }
    }

    /// Spans and traces that wait for a decision.
    public var held: (spans: Int, traces: Int) { state.withLock { ($0.held.spanCount, $0.held.traceCount) } }

    public func write(
        _ batch: SpanBatch, origin: BatchOrigin, done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void
    ) {
        guard !batch.isEmpty else { return done(.success(WriteReceipt(accepted: 0))) }
        let copy = SpanBatch()
        copy.append(batch)
        let error = state.withLock { state -> WriteError? in
            if state.isStopping { return .unavailable("the agent is stopping") }
            if state.outputBytes > options.outputBytesMax {
                return .overloaded("what the sampler keeps can't be passed on fast enough", retryAfterSeconds: 2)
            }
            take(copy, tenant: origin.tenant, &state)
            return nil
        }
        if let error { return done(.failure(error)) }
        instruments.spans.add(batch.rowCount)
        waker?.wake()
        done(.success(WriteReceipt(accepted: batch.rowCount)))
    }

    private func take(_ batch: SpanBatch, tenant: Tenant, _ state: inout State) {
        let now = clock.now()
        var late: [Int] = []
        var waiting: [Int] = []
        for (index, row) in batch.rows.enumerated() {
            let key = HeldTraces.Key(tenant: tenant, id: row.traceID)
            guard let isKept = state.decisions[key], state.held.traces[key] == nil else {
                waiting.append(index)
                continue
            }
            if isKept { late.append(index) } else { instruments.dropped.increment() }
        }
        if !late.isEmpty { keep(batch, late, tenant: tenant, &state) }
        guard !waiting.isEmpty else { return }
        let isWhole = waiting.count == batch.rowCount
        let held = isWhole ? batch : SpanBatch()
        if !isWhole {
            let wanted = Set(waiting)
            held.append(batch) { wanted.contains($0) }
        }
        let number = state.held.hold(held, tenant: tenant)
        held.withArena { arena in
            for (index, row) in held.rows.enumerated() {
                state.held.add(
                    row: index, of: number, to: .init(tenant: tenant, id: row.traceID), start: row.start, end: row.end,
                    wantedBy: wanted(row, of: held, arena), now: now)
            }
        }
        while state.held.byteCount > options.memoryBytesMax, let oldest = state.held.oldest() {
            instruments.early.increment()
            decide(oldest.key, oldest.trace, &state)
        }
    }

    /// The policies that want the trace for this span.
    private func wanted(_ row: SpanBatch.Row, of batch: SpanBatch, _ arena: UnsafeRawBufferPointer) -> UInt64 {
        var bits: UInt64 = 0
        for (index, policy) in configuration.policies.enumerated() {
            let isWanted =
                switch policy.rule {
                case .always: true
                case .error: row.status == .error
                case .attribute(let key, let test):
                    Self.has(key, test, arena[row.attributes])
                        || Self.has(key, test, arena[batch.resources[Int(row.resource)].attributes])
                case .probabilistic(let share): Self.share(row.traceID) < share
                case .latency, .rate: false
                }
            if isWanted { bits |= 1 << UInt64(index) }
        }
        return bits
    }

    private static func has(
        _ key: String, _ test: SamplingPolicy.AttributeTest, _ attributes: UnsafeRawBufferPointer
    ) -> Bool {
        var cursor = AttributeCursor(attributes)
        while cursor.next() {
            if cursor.key.elementsEqual(key.utf8) { return test.passes(cursor.value) }
        }
        return false
    }

    /// Where in 0 ..< 1 a trace's id falls; ids needn't be random.
    static func share(_ id: TraceID) -> Double {
        var word = id.low ^ id.high &* 0x9e37_79b9_7f4a_7c15
        word = (word ^ word >> 33) &* 0xff51_afd7_ed55_8ccd
        word = (word ^ word >> 33) &* 0xc4ce_b9fe_1a85_ec53
        word ^= word >> 33
        return Double(word >> 11) / Double(1 << 53)
    }

    // MARK: Decisions

    private func decide(_ key: HeldTraces.Key, _ trace: HeldTraces.Trace, _ state: inout State) {
        var bits = trace.wantedBy
        for (index, policy) in configuration.policies.enumerated() {
            if case .latency(let threshold) = policy.rule {
                let (duration, overflow) = trace.end.subtractingReportingOverflow(trace.start)
                if overflow || duration >= threshold { bits |= 1 << UInt64(index) }
            }
        }
        // Rates only pay for what nobody else wants.
        if bits == 0 { bits = takeRate(trace.rows.count, &state) }
        let isKept = bits != 0 || configuration.policies.isEmpty
        state.decisions.note(key, isKept: isKept)
        instruments.traces(isKept: isKept).increment()
        for (index, policy) in configuration.policies.enumerated() where bits >> UInt64(index) & 1 == 1 {
            instruments.policy(policy.name).increment()
        }
        if !isKept { instruments.dropped.add(trace.rows.count) }
        var kept: [(SpanBatch, [Int])] = []
        state.held.release(key) { batch, rows in if isKept { kept.append((batch, rows)) } }
        for (batch, rows) in kept { keep(batch, rows, tenant: key.tenant, &state) }
    }

    /// The bit of a rate policy that has room for `spans` more, paid.
    private func takeRate(_ spans: Int, _ state: inout State) -> UInt64 {
        let now = clock.monotonicNanoseconds()
        let seconds = Double(now &- state.tokensAt) / 1e9
        state.tokensAt = now
        for (index, policy) in configuration.policies.enumerated() {
            guard case .rate(let rate) = policy.rule else { continue }
            state.tokens[index] = min(rate, state.tokens[index] + seconds * rate)
        }
        for (index, policy) in configuration.policies.enumerated() {
            // A trace larger than a second's worth may take the bucket into debt, or it could never be kept.
            guard case .rate(let rate) = policy.rule, state.tokens[index] >= min(Double(spans), rate) else { continue }
            state.tokens[index] -= Double(spans)
            return 1 << UInt64(index)
        }
        return 0
    }

    private func keep(_ batch: SpanBatch, _ rows: [Int], tenant: Tenant, _ state: inout State) {
        let last = state.output.lastIndex {
            $0.tenant == tenant && $0.batch.rowCount + rows.count <= options.batchSpansMax
        }
        let target = last.map { state.output[$0].batch } ?? SpanBatch()
        if last == nil { state.output.append((tenant, target)) }
        let before = target.byteCount
        let wanted = Set(rows)
        target.append(batch) { wanted.contains($0) }
        state.outputBytes += target.byteCount - before
        instruments.kept.add(rows.count)
    }

    // MARK: Stepping

    public func step() -> StepOutcome {
        let now = clock.now()
        let wait = configuration.policies.isEmpty ? 0 : configuration.decisionWait
        let (out, next, isStopping) = state.withLock { state -> ([(tenant: Tenant, batch: SpanBatch)], Int64, Bool) in
            var next: Int64 = 1_000
            // Some at a time, so that writers get in between.
            for _ in 0..<256 {
                guard let oldest = state.held.oldest() else { break }
                let left = oldest.trace.firstSeen + wait - now
                if left > 0 && !state.isStopping {
                    next = min(next, left)
                    break
                }
                next = 0
                decide(oldest.key, oldest.trace, &state)
            }
            guard clock.monotonicNanoseconds() >= state.retryAt else { return ([], max(next, 100), state.isStopping) }
            let out = state.output
            state.output = []
            state.flights += out.count
            return (out, next, state.isStopping)
        }
        for (tenant, batch) in out { send(batch, tenant: tenant) }
        if isStopping && next > 0 && state.withLock({ $0.flights == 0 && $0.output.isEmpty }) { return .finished }
        return next == 0 || !out.isEmpty ? .progressed : .idle(nanoseconds: UInt64(next) * 1_000_000)
    }

    private func send(_ batch: SpanBatch, tenant: Tenant) {
        let bytes = batch.byteCount
        next.write(batch, origin: BatchOrigin(tenant: tenant)) { [self] result in
            withExtendedLifetime(batch) { settle(batch, bytes, tenant, result) }
            waker?.wake()
        }
    }

    private func settle(
        _ batch: SpanBatch, _ bytes: Int, _ tenant: Tenant, _ result: Result<WriteReceipt, WriteError>
    ) {
        let isFinal: Bool
        var lost = 0
        switch result {
        case .success(let receipt): (isFinal, lost) = (true, receipt.rejected)
        case .failure(.invalid), .failure(.tooLarge): (isFinal, lost) = (true, batch.rowCount)
        case .failure: isFinal = false
        }
        losses.lost(spans: lost, place: "agent_sampler", reason: "refused")
        state.withLock { state in
            state.flights -= 1
            if isFinal {
                state.outputBytes -= bytes
                return
            }
            state.output.append((tenant, batch))
            state.retryAt = clock.monotonicNanoseconds() &+ 500_000_000
        }
    }

    /// Takes nothing more in; the worker decides what waits, passes it on and finishes.
    public func stop() {
        state.withLock { $0.isStopping = true }
        waker?.wake()
    }
}
