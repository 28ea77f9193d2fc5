import Bedrock
import Instruments
import Model
import Synchronization

/// Where obsd's own log goes: to standard error and, once there is one, into the store, as streams
/// `{service_name="obsd", role=…, level=…}`. Bounded: lines that find the buffer full, or that the store refuses, are counted and only on standard
/// error. Nothing here logs, so that storing a line never makes another. Thread-safe.
final class OwnLog: Bedrock.LogSink {
    private struct Line {
        var time: Int64
        var level: String
        var text: String
    }

    private struct State {
        var lines: [Line] = []
        var bytes = 0
        var dropped = 0
        /// Lines are gathered from the start, until it is known that nobody stores them.
        var isGathering = true
    }

    private static let bytesMax = 1 << 20
    private let state = Mutex(State())
    private let errors = StandardErrorSink()
    private let clock = SystemClock()
    private let waker = Waker()
    private let thread = ThreadRunner()

    func write(_ line: String) {
        errors.write(line)
        let now = clock.now()
        state.withLock { state in
            guard state.isGathering else { return }
            guard state.bytes + line.utf8.count <= Self.bytesMax else {
                state.dropped += 1
                return
            }
            state.bytes += line.utf8.count
            state.lines.append(Line(time: now, level: Self.level(line), text: line))
        }
    }

    /// Stores the lines so far and those to come, from a thread of its own.
    func store(in sink: any Model.LogSink, role: String, ledger: LossLedger) {
        thread.start(OwnLogWorker(self, sink: sink, role: role, ledger: ledger, waker: waker))
    }

    /// Hands over what is left, and stores no more.
    func endStoring() {
        state.withLock { $0.isGathering = false }
        waker.wake()
        _ = thread.waitUntilFinished(nanoseconds: 2_000_000_000)
        thread.stop()
    }

    /// Takes the gathered lines into `batch`, by level.
    /// - Returns: lines that found the buffer full, and whether more may come.
    fileprivate func drain(into batch: LogBatch, role: String) -> (dropped: Int, isOpen: Bool) {
        let (lines, dropped, isOpen) = state.withLock { state in
            defer {
                state.lines = []
                state.bytes = 0
                state.dropped = 0
            }
            return (state.lines, state.dropped, state.isGathering)
        }
        for level in Set(lines.map(\.level)).sorted() {
            batch.beginStream(
                Labels([Label("level", level), Label("role", role), Label("service_name", "obsd")]))
            for line in lines where line.level == level {
                batch.append(timestamp: line.time &* 1_000_000, line: line.text)
            }
        }
        return (dropped, isOpen)
    }

    /// The value of `level=` in a line of `Logger`.
    private static func level(_ line: String) -> String {
        for field in line.split(separator: " ").prefix(3) where field.hasPrefix("level=") {
            return String(field.dropFirst(6))
        }
        return "info"
    }
}

/// Hands lines to the store, a batch a second: each costs a sync.
private final class OwnLogWorker: Worker {
    let name = "own-log"
    let waker: Waker?
    private let log: OwnLog
    private let sink: any Model.LogSink
    private let role: String
    private let ledger: LossLedger

    init(_ log: OwnLog, sink: any Model.LogSink, role: String, ledger: LossLedger, waker: Waker) {
        self.log = log
        self.sink = sink
        self.role = role
        self.ledger = ledger
        self.waker = waker
    }

    func step() -> StepOutcome {
        let batch = LogBatch()
        let (dropped, isOpen) = log.drain(into: batch, role: role)
        lost(dropped, "overloaded")
        let count = batch.rowCount
        if count > 0 {
            sink.write(batch, origin: BatchOrigin()) { [ledger] result in
                // What the store refused for a reason of its own is in the ledger already.
                if case .failure = result { ledger.enter(count, place: "own_log", reason: "refused", signal: .logs) }
            }
        }
        return isOpen ? .idle(nanoseconds: 1_000_000_000) : .finished
    }

    private func lost(_ lines: Int, _ reason: String) {
        ledger.enter(lines, place: "own_log", reason: reason, signal: .logs)
    }
}
