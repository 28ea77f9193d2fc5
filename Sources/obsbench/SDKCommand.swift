import Bedrock
import CAllocations
import Glibc
import Instruments
import Obs
import Synchronization
import Transport

/// `obsbench sdk`: what recording costs the program that is observed: CPU time and allocations of the recording thread, a call, beside the
/// bars; then what exporting costs, and what happens while no collector can be reached.
struct SDKCommand {
    /// How long the collector is unreachable.
    var unreachableSeconds = 60.0

    /// Takes every export at once, so that only the SDK's own work is measured.
    private struct Void200: HTTPCaller {
        func send(_ call: HTTPCall, done: @escaping @Sendable (Result<HTTPResponse, HTTPCallError>) -> Void) {
            done(.success(HTTPResponse(status: 200)))
        }
    }

    private static func telemetry(_ sampler: Sampler = .parentBased(root: .alwaysOn)) -> Telemetry {
        var options = TelemetryOptions()
        options.caller = Void200()
        options.sampler = sampler
        options.exportsProcessMetrics = false
        options.spans.queueMax = 100_000
        options.logRecords.queueMax = 100_000
        options.recordBytesMax = 256 << 20
        return Telemetry(options)
    }

    /// Whether all bars are met.
    func run() -> Bool {
        // On a task's thread throughout: spans use task-local values.
        let outcome = Outcome()
        Task.detached { outcome.finish(Self.measureAll()) }
        let isGood = outcome.wait()
        return Self.measureUnreachable(unreachableSeconds) && isGood
    }

    /// What a task has found, for a thread that waits.
    private final class Outcome: Sendable {
        private let value = Mutex<Bool?>(nil)
        private let waker = Waker()

        func finish(_ isGood: Bool) {
            value.withLock { $0 = isGood }
            waker.wake()
        }

        func wait() -> Bool {
            while true {
                if let found = value.withLock({ $0 }) { return found }
                waker.wait(nanoseconds: 1_000_000_000)
            }
        }
    }

    // MARK: Costs

    private struct Row {
        var name: String
        var nanoseconds: Double
        var allocations: Double
        var bar: Double?

        var isGood: Bool { allocations == 0 && nanoseconds <= bar ?? .infinity }
    }

    private static func measureAll() -> Bool {
        let telemetry = telemetry()
        let rows = metrics(telemetry) + contended(telemetry) + records(telemetry)
        let width = rows.map(\.name.count).max() ?? 0
        for row in rows {
            let bar = row.bar.map { ", bar \(Report.number($0)) ns" + (row.isGood ? "" : ": MISSED") } ?? ""
            print(
                row.name + String(repeating: " ", count: width - row.name.count)
                    + "  \(Report.number(row.nanoseconds)) ns, \(Report.number(row.allocations)) allocations\(bar)")
        }
        telemetry.shutdown()
        return rows.allSatisfy(\.isGood)
    }

    /// The quickest of several rounds; allocations of all but the first, which warms up.
    private static func measure(
        _ name: String, bar: Double? = nil, calls: Int = 200_000, rounds: Int = 15, between: () -> Void = {},
        _ body: (Int) -> Void
    ) -> Row {
        body(calls)
        between()
        var best = Double.infinity
        var allocations: UInt64 = 0
        for _ in 0..<rounds {
            let before = callocations_count()
            let start = threadCPUNanoseconds()
            body(calls)
            best = min(best, threadCPUNanoseconds() - start)
            allocations += callocations_count() - before
            between()
        }
        return Row(
            name: name, nanoseconds: best / Double(calls), allocations: Double(allocations) / Double(calls * rounds),
            bar: bar)
    }

    private static func metrics(_ telemetry: Telemetry) -> [Row] {
        let meter = telemetry.meter("bench")
        let counter = meter.counter("counter")
        let fraction = meter.counter("fraction")
        let held = meter.upDownCounter("held")
        let gauge = meter.gauge("gauge")
        let explicit = meter.histogram("explicit", aggregation: .seconds)
        let exponential = meter.histogram("exponential", aggregation: .exponential())
        let labelled = meter.counters("labelled", labels: Label<String>("http.method"), Label<Int>("http.status"))
        let values = (0..<1024).map { Double(($0 * 7919) % 1000) / 150 }
        let methods = ["GET", "POST", "PUT", "DELETE"]
        return [
            measure("counter, add", bar: 10) { for _ in 0..<$0 { counter.add(1) } },
            measure("counter, add a fraction") { for _ in 0..<$0 { fraction.add(0.25) } },
            measure("up-down counter, add") { for i in 0..<$0 { held.add(i & 1 == 0 ? 1 : -1) } },
            measure("gauge, set") { for i in 0..<$0 { gauge.set(Double(i)) } },
            measure("histogram, record, 14 bounds", bar: 25) { for i in 0..<$0 { explicit.record(values[i & 1023]) } },
            measure("exponential histogram, record", bar: 25) {
                for i in 0..<$0 { exponential.record(values[i & 1023]) }
            },
            measure("counter by two typed labels, found and added") {
                for i in 0..<$0 { labelled(methods[i & 3], 200 + (i & 4)).increment() }
            },
        ]
    }

    private static func contended(_ telemetry: Telemetry) -> [Row] {
        let meter = telemetry.meter("bench")
        let counter = meter.counter("contended.counter")
        let histogram = meter.histogram("contended.histogram", aggregation: .seconds)
        return [
            together("counter, add, 2 threads", bar: 40) { for _ in 0..<$0 { counter.add(1) } },
            together("histogram, record, 2 threads") { for i in 0..<$0 { histogram.record(Double(i & 7)) } },
        ]
    }

    /// CPU time of a call while another thread makes the same calls.
    private static func together(_ name: String, bar: Double? = nil, _ body: @escaping @Sendable (Int) -> Void) -> Row {
        let other = OtherThread { while !$0() { body(1000) } }
        defer { other.stop() }
        // Not the quickest: that would be a round in which the other thread didn't run. The mean is of rounds with and without.
        let calls = 30_000_000
        body(1000)
        let before = callocations_count()
        let start = threadCPUNanoseconds()
        body(calls)
        let nanoseconds = (threadCPUNanoseconds() - start) / Double(calls)
        return Row(
            name: name, nanoseconds: nanoseconds, allocations: Double(callocations_count() - before) / Double(calls),
            bar: bar)
    }

    private static func records(_ telemetry: Telemetry) -> [Row] {
        let tracer = telemetry.tracer("bench")
        let logger = telemetry.logger("bench")
        let unsampled = Self.telemetry(.alwaysOff)
        let quiet = unsampled.tracer("bench")
        let between = { _ = telemetry.flush() }
        let calls = 20_000
        let before = ProcessUsage.now().cpuSeconds
        var ownSeconds = threadCPUNanoseconds() / 1e9
        let rows = [
            measure("span, start to end, current meanwhile", bar: 250, calls: calls, between: between) {
                for _ in 0..<$0 { tracer.withSpan("request") { _ in } }
            },
            measure("span, start to end, by hand", bar: 250, calls: calls, between: between) {
                for _ in 0..<$0 { tracer.startSpan("request").end() }
            },
            measure("span with four attributes", calls: calls, between: between) {
                for i in 0..<$0 {
                    tracer.withSpan("request", kind: .server) { span in
                        span.set {
                            $0.set("http.request.method", "GET")
                            $0.set("url.path", "/api/orders")
                            $0.set("http.response.status_code", 200)
                            $0.set("request.number", i)
                        }
                    }
                }
            },
            measure("span within a span, with an event", calls: calls / 2, between: between) {
                for _ in 0..<$0 {
                    tracer.withSpan("outer") { _ in tracer.withSpan("inner") { $0.addEvent("cache miss") } }
                }
            },
            measure("span that is not sampled", calls: calls) {
                for _ in 0..<$0 { quiet.withSpan("request") { _ in } }
            },
            measure("log record, no attributes", bar: 300, calls: calls, between: between) {
                for _ in 0..<$0 { logger.info("the request has been answered") }
            },
            measure("log record, 8 scalar attributes", bar: 300, calls: calls, between: between) {
                for i in 0..<$0 {
                    logger.info("the request has been answered") {
                        $0.set("http.request.method", "GET")
                        $0.set("url.path", "/api/orders")
                        $0.set("http.response.status_code", 200)
                        $0.set("request.number", i)
                        $0.set("duration", 0.25)
                        $0.set("cached", true)
                        $0.set("user.id", "u-4711")
                        $0.set("bytes", 5120)
                    }
                }
            },
            measure("log record below the lowest severity", calls: calls) {
                for _ in 0..<$0 { logger.debug("never seen") { $0.set("a", 1) } }
            },
        ]
        ownSeconds = threadCPUNanoseconds() / 1e9 - ownSeconds
        let records = telemetry.exportedCount(.traces) + telemetry.exportedCount(.logs)
        let others = (ProcessUsage.now().cpuSeconds - before - ownSeconds) / Double(records) * 1e9
        print("exporting: \(Report.number(others)) ns of CPU a record on the exporting thread, encoded and gzipped")
        unsampled.shutdown()
        return rows
    }

    // MARK: Without a collector

    /// Records at full speed while nothing listens: memory must stay where it is, and the counts must agree.
    private static func measureUnreachable(_ seconds: Double) -> Bool {
        guard seconds > 0 else { return true }
        var options = TelemetryOptions()
        for path in [\TelemetryOptions.traces, \.metrics, \.logs] {
            options[keyPath: path].url = "http://127.0.0.1:9/v1/x"
        }
        options.onProblem = { _ in }
        let telemetry = Telemetry(options)
        let tracer = telemetry.tracer("bench")
        let logger = telemetry.logger("bench")
        let clock = SystemClock()
        let start = clock.monotonicNanoseconds()
        func elapsed() -> Double { Double(clock.monotonicNanoseconds() - start) / 1e9 }
        var spans = 0
        var logs = 0
        var early = 0
        while elapsed() < seconds {
            for i in 0..<1000 {
                tracer.withSpan("request") { $0.set("number", i) }
                logger.info("a line") { $0.set("number", i) }
            }
            spans += 1000
            logs += 1000
            if early == 0, elapsed() > seconds / 10 { early = residentBytes() }
            usleep(2000)
        }
        let late = residentBytes()
        let shutdownStart = clock.monotonicNanoseconds()
        let report = telemetry.shutdown(deadlineSeconds: 1)
        let shutdownSeconds = Double(clock.monotonicNanoseconds() - shutdownStart) / 1e9
        let dropped = (report.dropped[.traces] ?? 0, report.dropped[.logs] ?? 0)
        let isCounted = dropped == (spans, logs)
        let isBounded = late - early < 4 << 20
        let isTimely = shutdownSeconds < 1.5
        print(
            """
            unreachable for \(Report.number(seconds)) s: resident \(early >> 10) KiB after a tenth, \(late >> 10) KiB at the end\
            \(isBounded ? "" : ": GREW"); \(spans) spans and \(logs) log records made, \(dropped.0) and \(dropped.1) counted as \
            dropped\(isCounted ? "" : ": WRONG"); shutdown within 1 s took \(Report.number(shutdownSeconds)) s\
            \(isTimely ? "" : ": LATE")
            """)
        return isCounted && isBounded && isTimely
    }

    private static func residentBytes() -> Int { Int(ProcessMetrics.state()?.residentBytes ?? 0) }
}

/// A thread that works until it is told to stop.
private final class OtherThread: Sendable {
    private let isOver: Flag
    private let hasEnded: Flag

    private final class Flag: Sendable {
        let value = Atomic<Bool>(false)
    }

    init(_ body: @escaping @Sendable (_ isOver: () -> Bool) -> Void) {
        let isOver = Flag()
        let hasEnded = Flag()
        self.isOver = isOver
        self.hasEnded = hasEnded
        let work = Work {
            body { isOver.value.load(ordering: .relaxed) }
            hasEnded.value.store(true, ordering: .releasing)
        }
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, Unmanaged.passRetained(work).toOpaque())
        pthread_detach(thread)
    }

    func stop() {
        isOver.value.store(true, ordering: .relaxed)
        while !hasEnded.value.load(ordering: .acquiring) { usleep(1000) }
    }

    private final class Work: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
}
