import Bedrock
import Obs
import Testing
import Transport

private struct Broken: Error, CustomStringConvertible { var description: String { "no tea" } }

@Suite struct SpanTests {
    private func spans(_ collector: CollectorServer) throws -> [String: WireMessage] {
        var found: [String: WireMessage] = [:]
        for request in collector.requests("/v1/traces") {
            for span in try WireMessage(request.body).messages(1, 2, 2) { found[span.text(5) ?? ""] = span }
        }
        return found
    }

    @Test func recordsAll() async throws {
        let collector = try CollectorServer()
        let telemetry = Telemetry(collector.options())
        let tracer = telemetry.tracer("shop", version: "2")
        let other = tracer.startSpan("other")
        try await tracer.withSpan("root", kind: .server) { root in
            root.set("text", "value")
            root.set("int", -5)
            root.set("double", 2.5)
            root.set("bool", true)
            root.set("text", "again")
            root.set(["list": [1, "a"], "map": .map([.init("k", 1)])])
            root.set("long", String(repeating: "lang ", count: 1000))
            root.addEvent("paid") { $0.set("sum", 3) }
            root.addLink(other.context) { $0.set("why", "because") }
            root.setStatus(.ok)
            try await Task.sleep(for: .milliseconds(2))
            tracer.withSpan("child") { child in
                #expect(child.traceID == root.traceID)
                #expect(Context.current.span?.spanID == child.spanID)
                child.rename("renamed child")
            }
            #expect(Context.current.span?.spanID == root.spanID)
            await withTaskGroup(of: Void.self) { group in
                group.addTask { tracer.startSpan("of a task").end() }
            }
        }
        #expect(Context.current.span == nil)
        #expect(throws: Broken.self) { try tracer.withSpan("failing") { _ in throw Broken() } }
        other.end()
        other.end()
        other.set("late", 1)
        #expect(await telemetry.shutdown().isComplete)
        #expect(telemetry.exportedCount(.traces) == 5)

        let all = try spans(collector)
        let root = try #require(all["root"])
        #expect(root.integer(6) == 2)
        #expect(root.bytes(1)?.count == 16 && root.bytes(2)?.count == 8 && root.bytes(4) == nil)
        let duration = (root.integer(8) ?? 0) - (root.integer(7) ?? 0)
        #expect(duration > 1_000_000 && duration < 60_000_000_000)
        let now = UInt64(SystemClock().nowNanoseconds())
        #expect(now - (root.integer(7) ?? 0) < 60_000_000_000)
        let attributes = try root.attributes(9)
        #expect(attributes["text"] == "again" && attributes["int"] == "-5" && attributes["double"] == "2.5")
        #expect(attributes["bool"] == "true" && attributes["long"]?.utf8.count == 5000)
        #expect(try root.messages(9).count == 7)
        let event = try #require(try root.messages(11).first)
        #expect(event.text(2) == "paid")
        #expect(try event.attributes(3) == ["sum": "3"])
        #expect((event.integer(1) ?? 0) >= (root.integer(7) ?? .max))
        let link = try #require(try root.messages(13).first)
        #expect(link.bytes(2) == all["other"]?.bytes(2))
        #expect(try link.attributes(4) == ["why": "because"])
        #expect(try root.messages(15).last?.integer(3) == 1)
        #expect(root.integer(16) == 0x101)
        #expect(all["renamed child"]?.bytes(4) == root.bytes(2))
        #expect(all["of a task"]?.bytes(4) == root.bytes(2))
        #expect(all["other"]?.bytes(1) != root.bytes(1))
        let failing = try #require(all["failing"])
        #expect(try failing.messages(15).last?.integer(3) == 2)
        #expect(try failing.messages(15).last?.text(2) == "no tea")
        let exception = try #require(try failing.messages(11).first)
        #expect(exception.text(2) == "exception")
        #expect(try exception.attributes(3)["exception.message"] == "no tea")
        let scope = try WireMessage(try #require(collector.requests("/v1/traces").first).body).messages(1, 2, 1).first
        #expect(scope?.text(1) == "shop" && scope?.text(2) == "2")
    }

    @Test func keepsContextOutsideOfTasks() async throws {
        let collector = try CollectorServer()
        let telemetry = Telemetry(collector.options())
        let tracer = telemetry.tracer("t")
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            PlainThread.run {
                tracer.withSpan("outer") { outer in
                    #expect(Context.current.span?.spanID == outer.spanID)
                    tracer.withSpan("inner") { #expect($0.traceID == outer.traceID) }
                    #expect(Context.current.span?.spanID == outer.spanID)
                }
                #expect(Context.current.span == nil)
                done.resume()
            }
        }
        await telemetry.shutdown()
        let all = try spans(collector)
        #expect(all["inner"]?.bytes(4) == all["outer"]?.bytes(2))
    }

    @Test func samples() async throws {
        let remote = SpanContext(traceID: .init(high: 1, low: 2), spanID: .init(3), flags: 0, isRemote: true)
        func count(_ sampler: Sampler, parent: SpanContext? = nil, spans: Int = 2000) async throws -> Int {
            let collector = try CollectorServer()
            var options = collector.options()
            options.sampler = sampler
            let telemetry = Telemetry(options)
            let tracer = telemetry.tracer("t")
            for _ in 0..<spans { tracer.startSpan("s", parent: parent.map { Context(remote: $0) } ?? Context()).end() }
            await telemetry.shutdown()
            return telemetry.exportedCount(.traces)
        }
        #expect(try await count(.alwaysOn) == 2000)
        #expect(try await count(.alwaysOff) == 0)
        #expect(try await (700...1300).contains(count(.traceIDRatio(0.5))))
        #expect(try await count(.parentBased(root: .alwaysOn), parent: remote) == 0)
        #expect(try await count(.parentBased(root: .alwaysOff)) == 0)
        var sampled = remote
        sampled.flags = 1
        #expect(try await count(.parentBased(root: .alwaysOff), parent: sampled) == 2000)
        #expect(try await count(.alwaysOn, parent: remote) == 2000)
        #expect(try await count(.custom { $0.name == "x" }) == 0)
    }

    @Test func limitsRecords() async throws {
        let collector = try CollectorServer()
        var options = collector.options()
        options.spanLimits.attributesMax = 3
        options.spanLimits.eventsMax = 2
        options.spanLimits.linksMax = 1
        options.spanLimits.attributesPerEventMax = 1
        options.spanLimits.valueBytesMax = 4
        let telemetry = Telemetry(options)
        let span = telemetry.tracer("t").startSpan("s")
        for i in 0..<10 { span.set("k\(i)", "aé\u{1F600}b") }
        for _ in 0..<5 {
            span.addEvent("e") {
                $0.set("a", 1)
                $0.set("b", 2)
            }
        }
        span.addLink(span.context)
        span.addLink(span.context)
        span.end()
        await telemetry.shutdown()
        let sent = try #require(try spans(collector)["s"])
        #expect(try sent.attributes(9) == ["k0": "aé", "k1": "aé", "k2": "aé"])
        #expect(sent.integer(10) == 7)
        #expect(try sent.messages(11).count == 2 && sent.integer(12) == 3)
        #expect(try sent.messages(11).first?.attributes(3) == ["a": "1"])
        #expect(try sent.messages(11).first?.integer(4) == 1)
        #expect(try sent.messages(13).count == 1 && sent.integer(14) == 1)
    }

    @Test func manyThreadsWriteToOneSpan() async throws {
        let collector = try CollectorServer()
        var options = collector.options()
        options.spanLimits.attributesMax = 10_000
        let telemetry = Telemetry(options)
        let span = telemetry.tracer("t").startSpan("s")
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask { for i in 0..<500 { span.set("key \(task) \(i)", "value of \(i)") } }
            }
        }
        span.end()
        await telemetry.shutdown()
        let sent = try #require(try spans(collector)["s"])
        let attributes = try sent.attributes(9)
        // Giving up is allowed, garbage isn't.
        #expect(attributes.count > 3000)
        for (key, value) in attributes { #expect("value of " + (key.split(separator: " ").last ?? "") == value) }
    }

    @Test func manySpansSurviveThreads() async throws {
        let collector = try CollectorServer()
        var options = collector.options()
        options.spans.queueMax = 1_000_000
        let telemetry = Telemetry(options)
        let tracer = telemetry.tracer("t")
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<6 {
                group.addTask {
                    for i in 0..<3000 {
                        tracer.withSpan("\(task) \(i)") { span in
                            span.set("task", task)
                            span.set("text", String(repeating: "x", count: i % 700))
                        }
                    }
                }
            }
        }
        #expect(await telemetry.shutdown(deadlineSeconds: 30).isComplete)
        let all = try spans(collector)
        #expect(all.count == 18_000)
        for (name, span) in all {
            let words = name.split(separator: " ")
            let attributes = try span.attributes(9)
            #expect(attributes["task"] == String(words[0]))
            #expect(attributes["text"]?.utf8.count == (Int(words[1]) ?? 0) % 700)
        }
        #expect(Set(all.values.map { $0.bytes(2) ?? [] }).count == 18_000)
    }
}
