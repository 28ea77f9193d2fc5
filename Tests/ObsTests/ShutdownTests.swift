import Bedrock
import Foundation
import Obs
import Synchronization
import Testing
import Transport

@Suite struct ShutdownTests {
    /// Never answers.
    private final class Silence: HTTPCaller {
        private let kept = Mutex<[@Sendable (Result<HTTPResponse, HTTPCallError>) -> Void]>([])

        func send(_ call: HTTPCall, done: @escaping @Sendable (Result<HTTPResponse, HTTPCallError>) -> Void) {
            kept.withLock { $0.append(done) }
        }
    }

    /// On a thread of its own: tests that block keep tasks waiting for a thread as long as they like.
    private func seconds(_ body: @escaping @Sendable () -> Void) async -> Double {
        await withCheckedContinuation { continuation in
            Thread {
                let start = SystemClock().monotonicNanoseconds()
                body()
                continuation.resume(returning: Double(SystemClock().monotonicNanoseconds() - start) / 1e9)
            }.start()
        }
    }

    private func record(_ telemetry: Telemetry, _ count: Int) {
        for i in 0..<count {
            telemetry.tracer("t").startSpan("s\(i)").end()
            telemetry.logger("l").info("line")
        }
        telemetry.meter("m").counter("n").increment()
    }

    @Test func deadlineIsKeptWithoutABackend() async throws {
        var options = TelemetryOptions()
        for path in [\TelemetryOptions.traces, \.metrics, \.logs] { options[keyPath: path].url = "http://127.0.0.1:9/" }
        options.onProblem = { _ in }
        let telemetry = Telemetry(options)
        record(telemetry, 3000)
        let took = await seconds {
            let report = telemetry.shutdown(deadlineSeconds: 0.5)
            #expect(!report.isComplete)
            #expect(report.dropped[.traces] == 3000 && report.dropped[.logs] == 3000)
            #expect(report.exported[.traces] == 0)
        }
        #expect(took >= 0.4 && took < 3)
        record(telemetry, 10)
        #expect(telemetry.droppedCount(.traces, .closed) == 10)
        #expect(telemetry.droppedCount(.logs, .closed) == 10)
    }

    @Test func deadlineIsKeptWithASilentBackendAndAStuckCallback() async throws {
        var options = TelemetryOptions()
        options.caller = Silence()
        options.onProblem = { _ in }
        let telemetry = Telemetry(options)
        record(telemetry, 10)
        let silent = await seconds {
            let isSettled = telemetry.flush(deadlineSeconds: 0.2)
            #expect(!isSettled)
        }
        #expect(silent < 3)
        let stuck = Telemetry(options)
        stuck.meter("m").observableGauge("g") { _ in while !isOver.load(ordering: .relaxed) { sleepBriefly() } }
        let took = await seconds { _ = stuck.shutdown(deadlineSeconds: 0.3) }
        #expect(took < 3)
        isOver.store(true, ordering: .relaxed)
        await telemetry.shutdown(deadlineSeconds: 0.1)
    }

    @Test func triesAgainAndCountsRefusals() async throws {
        let collector = try CollectorServer()
        // OTLP's partial success: 3 spans refused.
        let partial = HTTPResponse(status: 200, body: [0x0A, 0x06, 0x08, 0x03, 0x12, 0x02, 0x68, 0x69])
        collector.answer(
            HTTPResponse(status: 503, headers: ["Retry-After": "0"]), HTTPResponse(status: 429), partial)
        var options = collector.options()
        options.metrics.isEnabled = false
        options.logs.isEnabled = false
        let seen = Seen()
        options.onProblem = { seen.add("\($0)") }
        let telemetry = Telemetry(options)
        for _ in 0..<10 { telemetry.tracer("t").startSpan("s").end() }
        #expect(await telemetry.flush())
        #expect(telemetry.exportedCount(.traces) == 7)
        #expect(telemetry.droppedCount(.traces, .rejected) == 3)
        collector.answer(HTTPResponse(status: 400, contentType: "text/plain", "no"))
        for _ in 0..<5 { telemetry.tracer("t").startSpan("s").end() }
        #expect(await telemetry.flush())
        #expect(telemetry.droppedCount(.traces, .rejected) == 8)
        #expect(collector.requests.count == 1)
        #expect(seen.all.contains { $0.contains("answered 400: no") })
        #expect(await telemetry.shutdown().isComplete)
    }

    @Test func disabledTelemetryDoesNothing() async throws {
        var options = TelemetryOptions(environment: ["OTEL_SDK_DISABLED": "true"])
        options.onProblem = { _ in }
        let telemetry = Telemetry(options)
        record(telemetry, 5)
        #expect(!telemetry.tracer("t").startSpan("s").isRecording)
        #expect(await telemetry.shutdown().dropped[.traces] == 0)
    }
}

private let isOver = Atomic<Bool>(false)
private func sleepBriefly() { Waker().wait(nanoseconds: 1_000_000) }
