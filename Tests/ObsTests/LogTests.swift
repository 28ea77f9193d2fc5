import Bedrock
import Obs
import Testing
import Transport

@Suite struct LogTests {
    private func records(_ collector: CollectorServer) throws -> [WireMessage] {
        try collector.requests("/v1/logs").flatMap { try WireMessage($0.body).messages(1, 2, 2) }
    }

    @Test func writesRecords() async throws {
        let collector = try CollectorServer()
        let telemetry = Telemetry(collector.options())
        let logger = telemetry.logger("shop")
        let tracer = telemetry.tracer("shop")
        logger.debug("not kept") { _ in Issue.record("attributes of a record that isn't kept") }
        tracer.withSpan("s") { span in
            logger.info("order placed") {
                $0.set("order.id", 17)
                $0.set("sum", 2.5)
                $0.set("vip", true)
                $0.set("name", "Jürg")
                $0.set("name", "Anna")
            }
        }
        logger.error(String(repeating: "long ", count: 2000))
        logger.warn("")
        var chatty = logger
        chatty.lowest = .trace
        chatty.trace("deep")
        #expect(await telemetry.shutdown().isComplete)
        let all = try records(collector)
        #expect(try all.map { try $0.messages(5).first?.text(1)?.utf8.count } == [12, 10_000, 0, 4])
        let first = try #require(all.first)
        #expect(first.integer(2) == 9 && first.text(3) == "INFO")
        #expect(try first.attributes(6) == ["order.id": "17", "sum": "2.5", "vip": "true", "name": "Anna"])
        let span = try WireMessage(try #require(collector.requests("/v1/traces").first).body).messages(1, 2, 2).first
        #expect(first.bytes(9) == span?.bytes(1) && first.bytes(10) == span?.bytes(2) && first.integer(8) == 1)
        #expect(all[1].bytes(9) == nil && all[1].integer(2) == 17)
        #expect(UInt64(SystemClock().nowNanoseconds()) - (first.integer(1) ?? 0) < 60_000_000_000)
    }

    @Test func memoryIsBoundedAndDropsAreCounted() async throws {
        let collector = try CollectorServer()
        collector.answerAlways(HTTPResponse(status: 503))
        var options = collector.options()
        options.logRecords.queueMax = 1000
        options.logRecords.batchMax = 100
        options.recordBytesMax = 1 << 20
        options.retrySecondsMax = 1000
        let telemetry = Telemetry(options)
        let logger = telemetry.logger("l")
        for i in 0..<20_000 { logger.info("line") { $0.set("i", i) } }
        #expect(telemetry.droppedCount(.logs, .queueFull) == 19_000)
        // Of spans, the memory is the bound here.
        let tracer = telemetry.tracer("t")
        let open = (0..<5000).map { tracer.startSpan("\($0)") }
        #expect(open.filter(\.isRecording).count < 1200)
        let refused = open.filter { !$0.isRecording }.count
        #expect(telemetry.droppedCount(.traces, .queueFull) == refused)
        for span in open { span.end() }
        collector.answerAlways(nil)
        #expect(await telemetry.shutdown(deadlineSeconds: 20).isComplete)
        #expect(telemetry.exportedCount(.logs) == 1000)
        #expect(telemetry.exportedCount(.traces) == 5000 - refused)
        #expect(try records(collector).count == 1000)
    }
}
