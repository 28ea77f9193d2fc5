import Bedrock
import Glibc
import Synchronization
import Transport

/// The thread that sends everything. It never waits for an answer: calls are carried out by the HTTP client, their outcomes come back into a
/// mailbox.
final class Exporter: Worker, @unchecked Sendable {
    let name = "obs-export"
    let waker: Waker? = Waker()
    private let lanes: [ExportLane]
    private let caller: any HTTPCaller
    private let clock: TelemetryClock
    private let budget: BudgetKeeper?
    private let mailbox = Mutex<[(lane: Int, result: Result<HTTPResponse, HTTPCallError>)]>([])
    private let flushes = Mutex<[Flush]>([])
    private let closing = Atomic<Bool>(false)
    private let cpu = Atomic<UInt64>(0)
    private var adjusted: UInt64 = 0

    /// Someone waits until everything up to the marks has been settled.
    final class Flush: Sendable {
        fileprivate let marks: [UInt64]
        let deadline: UInt64
        private let finished = Atomic<Bool>(false)
        private let waker = Waker()

        fileprivate init(marks: [UInt64], deadline: UInt64) {
            self.marks = marks
            self.deadline = deadline
        }

        var isFinished: Bool { finished.load(ordering: .acquiring) }

        fileprivate func finish() {
            finished.store(true, ordering: .releasing)
            waker.wake()
        }

        /// Blocks until it is finished or the deadline passes; whether it is.
        func wait(_ clock: TelemetryClock) -> Bool {
            while !isFinished {
                let now = clock.nanoseconds()
                guard now < deadline else { return false }
                waker.wait(nanoseconds: deadline - now)
            }
            return true
        }

        /// Waits for the thread to take note, a quarter of a second at most.
        func waitBriefly(_ clock: TelemetryClock) -> Bool {
            let end = min(deadline, clock.nanoseconds() &+ 250_000_000)
            while !isFinished {
                let now = clock.nanoseconds()
                guard now < end else { return false }
                waker.wait(nanoseconds: end - now)
            }
            return true
        }
    }

    init(lanes: [ExportLane], caller: any HTTPCaller, clock: TelemetryClock, budget: BudgetKeeper?) {
        self.lanes = lanes
        self.caller = caller
        self.clock = clock
        self.budget = budget
    }

    /// CPU time of this thread so far, nanoseconds.
    var cpuNanoseconds: UInt64 { cpu.load(ordering: .relaxed) }

    func wake() { waker?.wake() }

    /// Begins to send everything recorded so far.
    func flush(deadline: UInt64) -> Flush {
        let flush = Flush(marks: lanes.map { $0.source.flushMark() }, deadline: deadline)
        flushes.withLock { $0.append(flush) }
        wake()
        return flush
    }

    /// Ends the thread; what has not been sent by now is dropped and counted.
    func close() {
        closing.store(true, ordering: .releasing)
        wake()
    }

    func step() -> StepOutcome {
        let now = clock.nanoseconds()
        if now &- adjusted > 1_000_000_000 {
            adjusted = now
            clock.adjust()
            budget?.adjust(now: now, exporterCPU: cpuNanoseconds)
        }
        let arrived = mailbox.withLock { mailbox in
            defer { mailbox = [] }
            return mailbox
        }
        for (lane, result) in arrived { lanes[lane].receive(result, now: now) }
        if closing.load(ordering: .acquiring) {
            for lane in lanes { lane.abandon() }
            for flush in flushes.withLock({ $0 }) { flush.finish() }
            note()
            return .finished
        }
        let next = advance(now)
        note()
        guard next > now else { return .progressed }
        return .idle(nanoseconds: min(next - now, 1_000_000_000))
    }

    private func advance(_ now: UInt64) -> UInt64 {
        let waiting = flushes.withLock { flushes in
            flushes.removeAll { $0.isFinished || now >= $0.deadline }
            return flushes
        }
        var next = waiting.map(\.deadline).min() ?? .max
        for (index, lane) in lanes.enumerated() {
            let mark = waiting.map { $0.marks[index] }.max()
            let due = lane.advance(now: now, flushUntil: mark) { call in
                caller.send(call) { [weak self] result in
                    guard let self else { return }
                    mailbox.withLock { $0.append((index, result)) }
                    wake()
                }
            }
            next = min(next, due)
        }
        for flush in waiting {
            let isSettled = zip(lanes, flush.marks).allSatisfy { $0.source.isSettled(until: $1) }
            if isSettled { flush.finish() }
        }
        return next
    }

    private func note() { cpu.store(UInt64(threadCPUNanoseconds()), ordering: .relaxed) }
}
