import Bedrock
import Model
import Synchronization
import Transport

/// Takes batches in, makes them durable in a disk queue, and sends them in order, one request at a time.
///
/// One request at a time is what lets the receiver recognise a repeated one by "not above the last sequence". More throughput comes from
/// more lanes. `push`, `stop` and `statistics` may be called from any thread; the rest is the stepping thread's.
final class LaneWorker: Worker {
    private struct Inbox {
        var outcome: DeliveryOutcome?
        var isStopping = false
    }

    let name: String
    let waker: Waker? = Waker()
    private let lane: UInt32
    private let producer: String
    private let options: LaneOptions
    private let destination: any Destination
    private let clock: any ClockSource
    private let log: Logger
    private let losses: any LossRecorder
    private let incoming: BoundedQueue<MetricBatch>
    private let inbox = Mutex(Inbox())
    private let published = Mutex(LaneStatistics())
    private let state: State

    /// What only the stepping thread touches.
    private final class State: @unchecked Sendable {
        let queue: DiskQueue
        var random: any RandomNumberGenerator
        var flight: (sequence: UInt64, samples: Int, isLost: Bool)?
        var attempts = 0
        var mayStoreAt: UInt64 = 0
        var maySendAt: UInt64 = 0
        var sent = 0
        var failures = 0
        var lastError = ""

        init(_ queue: DiskQueue, _ random: any RandomNumberGenerator) {
            self.queue = queue
            self.random = random
        }
    }

    /// - Parameters:
    ///   - producer: who sends, unique among all senders once the queue's identity is added.
    ///   - queue: handed over to this worker.
    init(
        lane: UInt32, producer: String, queue: DiskQueue, destination: any Destination, options: LaneOptions,
        clock: any ClockSource, random: any RandomNumberGenerator & Sendable, log: Logger, losses: any LossRecorder
    ) {
        name = "send-\(lane)"
        self.lane = lane
        self.producer = ProducerName.make(producer, identity: queue.identity)
        self.destination = destination
        self.options = options
        self.clock = clock
        self.log = log
        self.losses = losses
        incoming = BoundedQueue(byteCountMax: options.memoryBytesMax, waker: waker ?? Waker())
        state = State(queue, random)
        noteLosses()
    }

    /// Takes a batch over. One for which there is no memory is counted as lost.
    func push(_ batch: sending MetricBatch) {
        let samples = batch.sampleCount
        let bytes = batch.byteCount
        switch incoming.tryPush(batch, bytes: bytes) {
        case .pushed: break
        case .full: losses.lost(samples: samples, place: "agent_memory", reason: "full")
        case .closed: losses.lost(samples: samples, place: "agent_memory", reason: "stopped")
        }
    }

    /// Takes nothing more in; the worker finishes once all is on disk and as much as possible delivered.
    func stop() {
        incoming.close()
        inbox.withLock { $0.isStopping = true }
        waker?.wake()
    }

    var statistics: LaneStatistics {
        var result = published.withLock { $0 }
        result.memoryBytes = incoming.byteCount
        return result
    }

    func step() -> StepOutcome {
        let (outcome, isStopping) = inbox.withLock { inbox in
            defer { inbox.outcome = nil }
            return (inbox.outcome, inbox.isStopping)
        }
        if let outcome {
            settle(outcome)
            return .progressed
        }
        let now = clock.monotonicNanoseconds()
        // Both in one step: neither waits for the other to run dry.
        let hasStored = now >= state.mayStoreAt && store()
        let hasSent = state.flight == nil && now >= state.maySendAt && send()
        if hasStored || hasSent { return .progressed }
        publish()
        if isStopping && isDone(now) {
            try? state.queue.writePosition()
            return .finished
        }
        return .idle(nanoseconds: untilNext(now))
    }

    // MARK: Memory to disk

    /// Whether there was anything to do.
    private func store() -> Bool {
        if !state.queue.hasPending {
            var batches: [MetricBatch] = []
            incoming.drain(into: &batches, bytes: options.recordBytes)
            guard let first = batches.first else { return false }
            for other in batches.dropFirst() { first.append(contentsOf: other) }
            gather(first)
        }
        do throws(QueueFailure) { try state.queue.sync() } catch {
            fail("cannot store samples in the send queue", error.description)
            state.mayStoreAt = clock.monotonicNanoseconds() + 1_000_000_000
        }
        noteLosses()
        return true
    }

    private func gather(_ batch: MetricBatch) {
        var record = ByteBuffer(capacity: batch.byteCount / 4 + 256)
        BatchCodec.encode(batch, into: &record)
        do throws(QueueFailure) { try state.queue.append(record.bytes, samples: batch.sampleCount) } catch {
            let reason: String
            switch error {
            case .full: reason = "queue_full"
            case .tooLarge: reason = "too_large"
            case .file, .newerFormat, .corrupt: reason = "queue_failed"
            }
            losses.lost(samples: batch.sampleCount, place: "agent_queue", reason: reason)
        }
    }

    /// Passes on what the queue gave up. A record under way may still arrive, so it waits for its outcome.
    private func noteLosses() {
        for loss in state.queue.takeLosses() {
            var samples = loss.samples
            if let flight = state.flight, loss.sequences.contains(flight.sequence) {
                samples -= flight.samples
                state.flight?.isLost = true
            }
            losses.lost(samples: samples, place: "agent_queue", reason: loss.reason.rawValue)
            log.warn(
                "samples lost in the send queue",
                ["samples": String(samples), "reason": loss.reason.rawValue, "destination": destination.name])
        }
    }

    // MARK: Disk to destination

    /// Whether there was anything to send.
    private func send() -> Bool {
        let record: DiskQueue.Record?
        do throws(QueueFailure) { record = try state.queue.oldest() } catch {
            fail("cannot read the send queue", error.description)
            state.maySendAt = clock.monotonicNanoseconds() + 1_000_000_000
            return false
        }
        noteLosses()
        guard let record else { return false }
        let batch: MetricBatch
        do throws(DecodeError) {
            batch = try record.payload.withUnsafeBufferPointer { (bytes) throws(DecodeError) in
                try BatchCodec.decode(UnsafeRawBufferPointer(bytes))
            }
        } catch {
            // Whole by its checksum, so it was written so.
            giveUp(record.sequence, record.samples, "undecodable", error.description)
            return true
        }
        state.flight = (record.sequence, record.samples, false)
        let origin = BatchOrigin(
            producer: BatchOrigin.Producer(name: producer, lane: lane, sequence: record.sequence))
        destination.send(batch, origin: origin) { [weak self] outcome in
            guard let self else { return }
            inbox.withLock { $0.outcome = outcome }
            waker?.wake()
        }
        return true
    }

    private func settle(_ outcome: DeliveryOutcome) {
        guard let flight = state.flight else { return }
        state.flight = nil
        let now = clock.monotonicNanoseconds()
        switch outcome {
        case .delivered(let rejected, let first):
            if rejected > 0 {
                log.warn(
                    "receiver rejected samples",
                    ["rejected": String(rejected), "first": first ?? "", "destination": destination.name])
            }
            if !state.lastError.isEmpty { log.info("sending works again", ["destination": destination.name]) }
            state.lastError = ""
            state.attempts = 0
            state.sent += flight.samples
            state.maySendAt = now + UInt64(Double(flight.samples) / options.samplesPerSecondMax * 1e9)
            acknowledge(flight.sequence)
        case .refused(let reason, let text):
            state.attempts = 0
            giveUp(flight.sequence, flight.samples, reason, text)
        case .retry(let text, let afterSeconds):
            state.attempts += 1
            state.failures += 1
            fail("cannot send samples, trying again", text)
            if flight.isLost { losses.lost(samples: flight.samples, place: "agent_queue", reason: "queue_overflow") }
            let backoff = delaySeconds()
            let seconds = max(backoff, min(afterSeconds ?? 0, options.retry.retryAfterSecondsMax))
            state.maySendAt = now + UInt64(seconds * 1e9)
        }
    }

    private func delaySeconds() -> Double {
        var random = AnyGenerator(base: state.random)
        defer { state.random = random.base }
        return options.retry.delaySeconds(attempt: state.attempts, random: &random)
    }

    private func giveUp(_ sequence: UInt64, _ samples: Int, _ reason: String, _ text: String) {
        losses.lost(samples: samples, place: "agent_send", reason: reason)
        state.failures += 1
        log.error(
            "samples given up",
            ["samples": String(samples), "reason": reason, "text": text, "destination": destination.name])
        acknowledge(sequence)
    }

    private func acknowledge(_ sequence: UInt64) {
        do throws(QueueFailure) { try state.queue.acknowledge(sequence) } catch {
            // Only the position wasn't written: at worst some records are sent again after a restart, recognisably.
            fail("cannot write the send queue's position", error.description)
        }
    }

    /// Said once for each kind of trouble, not for each try.
    private func fail(_ message: String, _ reason: String) {
        if state.lastError != reason {
            log.warn(message, ["reason": reason, "destination": destination.name])
        }
        state.lastError = reason
    }

    // MARK: Waiting

    private func isDone(_ now: UInt64) -> Bool {
        if incoming.count > 0 || state.flight != nil { return false }
        // Neither a disk nor a receiver that fails is waited for.
        let isStored = !state.queue.hasPending || now < state.mayStoreAt
        return isStored && (state.queue.backlog.records == 0 || state.attempts > 0)
    }

    private func untilNext(_ now: UInt64) -> UInt64 {
        var next = now + 5_000_000_000
        if state.mayStoreAt > now && (state.queue.hasPending || incoming.count > 0) {
            next = min(next, state.mayStoreAt)
        }
        if state.maySendAt > now && state.flight == nil { next = min(next, state.maySendAt) }
        return next - now
    }

    private func publish() {
        let backlog = state.queue.backlog
        published.withLock {
            $0.samplesSent = state.sent
            $0.requestsFailed = state.failures
            $0.backlogRecords = backlog.records
            $0.backlogSamples = backlog.samples
            $0.queueBytes = state.queue.byteCount
            $0.lastError = state.lastError
        }
    }
}
