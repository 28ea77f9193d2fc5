import Bedrock
import Model
import Synchronization

/// Reads log sources, makes what they give durable in a disk queue, and sends it in order, one record at a time.
///
/// A source is only read while the queue has room, so a receiver that is away costs nothing but disk. `stop`, `statistics` and what
/// `inbox` offers may be called from any thread; the rest is the stepping thread's.
final class LogWorker: Worker {
    private struct Inbox {
        var outcomes: [DeliveryOutcome] = []
        var isStopping = false
        var changes: [@Sendable () -> Void] = []
    }

    let name = "logs"
    let waker: Waker? = Waker()
    private let producer: String
    private let options: LogWorkerOptions
    private let destination: any LogDestination
    private let clock: any ClockSource
    private let log: Logger
    private let losses: any LossRecorder
    private let inbox = Mutex(Inbox())
    private let published = Mutex(LogWorkerStatistics())
    private let state: State

    /// A record under way: one request a tenant, each on a lane of its own, so that a repeat is recognised whichever of them arrived.
    private struct Flight {
        var sequence: UInt64
        var rows: Int
        var rest: ArraySlice<LogRecord.Section>
        var lane: UInt32 = 0
    }

    /// What only the stepping thread touches.
    private final class State: @unchecked Sendable {
        let queue: LogQueue
        var inputs: [any LogInput] = []
        var random: any RandomNumberGenerator
        var builder = LogRecordBuilder()
        var builderBegan: UInt64 = 0
        var flight: Flight?
        var isUnderWay = false
        var attempts = 0
        var mayStoreAt: UInt64 = 0
        var maySendAt: UInt64 = 0
        var statistics = LogWorkerStatistics()

        init(_ queue: LogQueue, _ random: any RandomNumberGenerator) {
            self.queue = queue
            self.random = random
        }
    }

    /// - Parameters:
    ///   - producer: who sends, unique among all senders once the queue's identity is added.
    ///   - queue: handed over to this worker, like the inputs that `inputs` makes for the positions found.
    init(
        producer: String, queue: LogQueue, destination: any LogDestination, options: LogWorkerOptions,
        clock: any ClockSource, random: any RandomNumberGenerator & Sendable, log: Logger, losses: any LossRecorder,
        inputs: ([String: [UInt8]], Waker) -> [any LogInput]
    ) {
        self.producer = ProducerName.make(producer, identity: queue.identity)
        self.destination = destination
        self.options = options
        self.clock = clock
        self.log = log
        self.losses = losses
        state = State(queue, random)
        state.inputs = inputs(queue.positions, waker ?? Waker())
        if queue.undecodable > 0 {
            log.error("log records with unreadable positions", ["records": String(queue.undecodable)])
        }
        noteLosses()
    }

    /// Reads nothing more; the worker finishes once all is on disk and as much as possible delivered.
    func stop() {
        inbox.withLock { $0.isStopping = true }
        waker?.wake()
    }

    /// Has `body` run on the stepping thread.
    func perform(_ body: @escaping @Sendable () -> Void) {
        inbox.withLock { $0.changes.append(body) }
        waker?.wake()
    }

    var statistics: LogWorkerStatistics { published.withLock { $0 } }

    func step() -> StepOutcome {
        let (outcomes, changes, isStopping) = inbox.withLock { inbox in
            defer {
                inbox.outcomes = []
                inbox.changes = []
            }
            return (inbox.outcomes, inbox.changes, inbox.isStopping)
        }
        for change in changes { change() }
        for outcome in outcomes { settle(outcome) }
        let now = clock.monotonicNanoseconds()
        // What isn't read, or held back for lines to come, is read by the next run.
        let hasRead = !isStopping && read(now)
        let hasStored = store(now, isStopping: isStopping)
        let hasSent = !state.isUnderWay && now >= state.maySendAt && send()
        if hasRead || hasStored || hasSent || !outcomes.isEmpty || !changes.isEmpty { return .progressed }
        publish()
        if isStopping && isDone(now) {
            try? state.queue.writePositions()
            return .finished
        }
        return .idle(nanoseconds: untilNext(now))
    }

    // MARK: Sources to memory

    private func read(_ now: UInt64) -> Bool {
        guard !state.queue.isBusy, state.builder.byteCount < options.recordBytes else { return false }
        var hasRead = false
        for input in state.inputs where state.builder.byteCount < options.recordBytes {
            let wasEmpty = state.builder.isEmpty
            hasRead =
                input.read(into: state.builder, bytes: options.recordBytes - state.builder.byteCount, now: now)
                || hasRead
            if wasEmpty && !state.builder.isEmpty { state.builderBegan = now }
        }
        return hasRead
    }

    // MARK: Memory to disk

    private var batchWait: UInt64 { UInt64(clamping: options.batchWait) * 1_000_000 }

    private func isRipe(_ now: UInt64, isStopping: Bool) -> Bool {
        guard !state.builder.isEmpty else { return false }
        return isStopping || state.builder.byteCount >= options.recordBytes || now >= state.builderBegan &+ batchWait
    }

    private func store(_ now: UInt64, isStopping: Bool) -> Bool {
        guard now >= state.mayStoreAt else { return false }
        if !state.queue.isBusy {
            guard isRipe(now, isStopping: isStopping) else { return false }
            state.queue.put(state.builder.finish())
            state.builder = LogRecordBuilder()
        }
        do throws(QueueFailure) {
            guard let rows = try state.queue.store() else {
                // Acknowledgements make room; the time is for those of a disk that others fill.
                state.mayStoreAt = now + 1_000_000_000
                return false
            }
            state.statistics.linesQueued += rows
            if state.statistics.lastError.hasPrefix("queue: ") { state.statistics.lastError = "" }
        } catch {
            fail("cannot store logs in the send queue", "queue: " + error.description)
            state.mayStoreAt = now + 1_000_000_000
            return false
        }
        return true
    }

    private func noteLosses() {
        for loss in state.queue.takeLosses() {
            losses.lost(lines: loss.samples, place: "agent_queue", reason: loss.reason.rawValue)
            log.warn(
                "log lines lost in the send queue", ["lines": String(loss.samples), "reason": loss.reason.rawValue])
        }
    }

    // MARK: Disk to destination

    private func send() -> Bool {
        if state.flight == nil {
            guard let record = next() else { return false }
            state.flight = record
        }
        guard let flight = state.flight, let section = flight.rest.first else { return false }
        // The batch is read again for another try, so the destination may keep this one.
        state.isUnderWay = true
        let origin = BatchOrigin(
            tenant: Tenant(section.tenant),
            producer: BatchOrigin.Producer(name: producer, lane: flight.lane, sequence: flight.sequence))
        destination.send(section.batch, origin: origin) { [weak self] outcome in
            guard let self else { return }
            inbox.withLock { $0.outcomes.append(outcome) }
            waker?.wake()
        }
        return true
    }

    private func next() -> Flight? {
        do throws(QueueFailure) {
            while let record = try state.queue.oldest() {
                noteLosses()
                let decoded: LogRecord
                do throws(DecodeError) {
                    decoded = try record.payload.withUnsafeBufferPointer { (raw) throws(DecodeError) in
                        try LogRecordCodec.decode(UnsafeRawBufferPointer(raw))
                    }
                } catch {
                    // Whole by its checksum, so it was written so.
                    giveUp(record.samples, "undecodable", error.description)
                    acknowledge(record.sequence)
                    continue
                }
                if decoded.rowCount > 0 {
                    return Flight(sequence: record.sequence, rows: record.samples, rest: decoded.sections[...])
                }
                // It only says how far its sources were read.
                acknowledge(record.sequence)
            }
        } catch {
            fail("cannot read the log queue", error.description)
            state.maySendAt = clock.monotonicNanoseconds() + 1_000_000_000
        }
        noteLosses()
        return nil
    }

    private func settle(_ outcome: DeliveryOutcome) {
        state.isUnderWay = false
        guard var flight = state.flight, let section = flight.rest.first else { return }
        switch outcome {
        case .delivered(let rejected, let first):
            if rejected > 0 {
                log.warn(
                    "receiver rejected log lines",
                    ["rejected": String(rejected), "first": first ?? "", "destination": destination.name])
            }
            if !state.statistics.lastError.isEmpty {
                log.info("sending works again", ["destination": destination.name])
            }
            state.statistics.lastError = ""
            state.statistics.linesSent += section.batch.rowCount
        case .refused(let reason, let text):
            giveUp(section.batch.rowCount, reason, text)
        case .retry(let text, let afterSeconds):
            state.attempts += 1
            state.statistics.requestsFailed += 1
            fail("cannot send logs, trying again", text)
            var random = AnyGenerator(base: state.random)
            defer { state.random = random.base }
            let backoff = options.retry.delaySeconds(attempt: state.attempts, random: &random)
            let seconds = max(backoff, min(afterSeconds ?? 0, options.retry.retryAfterSecondsMax))
            state.maySendAt = clock.monotonicNanoseconds() + UInt64(seconds * 1e9)
            return
        }
        state.attempts = 0
        flight.rest = flight.rest.dropFirst()
        flight.lane += 1
        guard flight.rest.isEmpty else {
            state.flight = flight
            return
        }
        state.flight = nil
        acknowledge(flight.sequence)
    }

    private func giveUp(_ rows: Int, _ reason: String, _ text: String) {
        losses.lost(lines: rows, place: "agent_send", reason: reason)
        state.statistics.requestsFailed += 1
        log.error(
            "log lines given up",
            ["lines": String(rows), "reason": reason, "text": text, "destination": destination.name])
    }

    private func acknowledge(_ sequence: UInt64) {
        state.mayStoreAt = 0
        do throws(QueueFailure) { try state.queue.acknowledge(sequence) } catch {
            // Only the position wasn't written: at worst some records are sent again after a restart, recognisably.
            fail("cannot write the log queue's position", error.description)
        }
    }

    /// Said once for each kind of trouble, not for each try.
    private func fail(_ message: String, _ reason: String) {
        if state.statistics.lastError != reason {
            log.warn(message, ["reason": reason, "destination": destination.name])
        }
        state.statistics.lastError = reason
    }

    // MARK: Waiting

    private func isDone(_ now: UInt64) -> Bool {
        if state.isUnderWay { return false }
        // Neither a disk nor a receiver that fails is waited for. What isn't stored is read again.
        let isStored = (state.builder.isEmpty && !state.queue.isBusy) || now < state.mayStoreAt
        return isStored && (state.queue.backlog.records == 0 || state.attempts > 0)
    }

    private func untilNext(_ now: UInt64) -> UInt64 {
        var next = now + 5_000_000_000
        if state.queue.isBusy { next = min(next, state.mayStoreAt) }
        if !state.builder.isEmpty && !state.queue.isBusy { next = min(next, state.builderBegan &+ batchWait) }
        if state.maySendAt > now && !state.isUnderWay { next = min(next, state.maySendAt) }
        if !state.queue.isBusy { for input in state.inputs { next = min(next, input.due) } }
        return next > now ? next - now : 1
    }

    private func publish() {
        state.statistics.backlogRecords = state.queue.backlog.records
        state.statistics.backlogLines = state.queue.backlog.samples
        state.statistics.queueBytes = state.queue.byteCount
        state.statistics.isBlocked = state.queue.isBlocked
        let statistics = state.statistics
        published.withLock { $0 = statistics }
    }
}
