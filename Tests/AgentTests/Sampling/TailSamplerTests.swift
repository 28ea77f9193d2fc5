import Bedrock
import Formats
import Instruments
import Model
import Synchronization
import Testing

@testable import Agent

@Suite struct TailSamplerTests {
    let clock = SimulatedClock()
    let memory = SpanMemory()
    let losses = MemoryLosses()

    private func sampler(_ yaml: String, _ options: TailSamplerOptions = TailSamplerOptions()) throws -> TailSampler {
        let configuration = try SamplingConfiguration.read("sampling:\n" + yaml, file: "t.yml")
        return TailSampler(
            before: memory, configuration, options: options, clock: clock, registry: InstrumentRegistry(),
            losses: losses)
    }

    private func write(_ batch: SpanBatch, to sampler: TailSampler) -> Result<WriteReceipt, WriteError>? {
        let answer = Mutex<Result<WriteReceipt, WriteError>?>(nil)
        sampler.write(batch, origin: BatchOrigin()) { result in answer.withLock { $0 = result } }
        return answer.withLock { $0 }
    }

    private func run(_ sampler: TailSampler) { while sampler.step() == .progressed {} }

    @Test func keepsWholeTracesOfErrorsAndSlowOnes() throws {
        let sampler = try sampler(
            """
              decision_wait: 5s
              policies:
                - {type: error}
                - {type: latency, threshold: 500ms}
            """)
        for part in 0..<3 {
            let rows = (0..<30).map { trace in
                (
                    trace: trace, span: part + 1, milliseconds: Int64(trace == 4 && part == 1 ? 600 : 10),
                    isError: trace == 7 && part == 2
                )
            }
            #expect(try write(spans(rows), to: sampler)?.get().accepted == 30)
            run(sampler)
        }
        #expect(memory.count == 0 && sampler.held.spans == 90)
        clock.advance(milliseconds: 5_000)
        run(sampler)
        #expect(memory.spans == [traceID(4): [1, 2, 3], traceID(7): [1, 2, 3]])
        #expect(sampler.held.spans == 0 && sampler.held.traces == 0)
        // Late spans follow the decision.
        _ = write(spans([(4, 9, 1, false), (5, 9, 1, true)]), to: sampler)
        run(sampler)
        #expect(memory.spans[traceID(4)] == [1, 2, 3, 9])
        #expect(memory.spans[traceID(5)] == nil)
    }

    @Test func keepsAShareByTraceId() throws {
        let yaml = "  decision_wait: 1s\n  policies:\n    - {type: probabilistic, percent: 25}\n"
        let first = try sampler(yaml)
        for trace in 0..<4000 { _ = write(spans([(trace, 1, 1, false), (trace, 2, 1, false)]), to: first) }
        clock.advance(milliseconds: 1_000)
        run(first)
        let kept = memory.spans
        #expect((850...1150).contains(kept.count))
        #expect(kept.values.allSatisfy { $0 == [1, 2] })
        // Another agent keeps the same.
        let second = try sampler(yaml)
        for trace in 0..<4000 { _ = write(spans([(trace, 3, 1, false)]), to: second) }
        clock.advance(milliseconds: 1_000)
        run(second)
        #expect(memory.spans.count == kept.count)
        #expect(memory.spans.values.allSatisfy { $0 == [1, 2, 3] })
    }

    @Test func keepsByAttributesOfSpanAndResource() throws {
        let sampler = try sampler(
            """
              decision_wait: 1s
              policies:
                - {name: tier, type: attribute, key: tier, values: [gold, "7"]}
                - {name: route, type: attribute, key: route, regex: "/api/.*"}
                - {name: code, type: attribute, key: code, min: 500, max: 599}
                - {name: debug, type: attribute, key: debug}
            """)
        _ = write(spans([(1, 1, 1, false)], attributes: [Attribute("tier", .string("gold"))]), to: sampler)
        _ = write(spans([(2, 1, 1, false)], attributes: [Attribute("tier", .int(7))]), to: sampler)
        _ = write(spans([(3, 1, 1, false)], attributes: [Attribute("tier", .string("lead"))]), to: sampler)
        _ = write(spans([(4, 1, 1, false)], resource: [Attribute("route", .string("/api/x"))]), to: sampler)
        _ = write(spans([(5, 1, 1, false)], attributes: [Attribute("route", .string("x/api/"))]), to: sampler)
        _ = write(spans([(6, 1, 1, false)], attributes: [Attribute("code", .int(503))]), to: sampler)
        _ = write(spans([(7, 1, 1, false)], attributes: [Attribute("code", .double(600))]), to: sampler)
        _ = write(spans([(8, 1, 1, false)], attributes: [Attribute("debug", .bool(false))]), to: sampler)
        clock.advance(milliseconds: 1_000)
        run(sampler)
        #expect(Set(memory.spans.keys) == Set([1, 2, 4, 6, 8].map(traceID)))
    }

    @Test func ratesKeepWhatThereIsRoomFor() throws {
        let sampler = try sampler(
            "  decision_wait: 1s\n  policies:\n    - {type: rate, spans_per_second: 20}\n")
        for second in 0..<10 {
            for trace in 0..<20 {
                _ = write(
                    spans([(second * 100 + trace, 1, 1, false), (second * 100 + trace, 2, 1, false)]), to: sampler)
            }
            clock.advance(milliseconds: 1_000)
            run(sampler)
        }
        #expect((190...220).contains(memory.count), "\(memory.count) spans")
        #expect(memory.spans.values.allSatisfy { $0.count == 2 })
    }

    @Test func memoryHasACeiling() throws {
        var options = TailSamplerOptions()
        options.memoryBytesMax = 100_000
        let sampler = try sampler("  policies:\n    - {type: error}\n", options)
        for trace in 0..<5_000 { _ = write(spans([(trace, 1, 1, trace % 100 == 0)]), to: sampler) }
        #expect(sampler.held.spans < 1_000)
        clock.advance(milliseconds: 60_000)
        run(sampler)
        #expect(memory.spans.count == 50)
        #expect(sampler.held.spans == 0)
    }

    @Test func triesAgainAndShedsWhenTheNextSinkRefuses() throws {
        var options = TailSamplerOptions()
        options.outputBytesMax = 20_000
        let sampler = try sampler("  decision_wait: 1s\n  policies:\n    - {type: always}\n", options)
        memory.state.withLock { $0.error = .unavailable("down") }
        var accepted = 0
        var refused = 0
        for trace in 0..<2_000 {
            switch write(spans([(trace, 1, 1, false)]), to: sampler) {
            case .success: accepted += 1
            case .failure(.overloaded): refused += 1
            default: Issue.record("no answer, or a wrong one")
            }
            clock.advance(milliseconds: 600)
            run(sampler)
        }
        #expect(refused > 0 && accepted > 0)
        memory.state.withLock { $0.error = nil }
        clock.advance(milliseconds: 2_000)
        run(sampler)
        #expect(memory.count == accepted)
    }

    @Test func stopPassesOnWhatWaits() throws {
        let sampler = try sampler("  decision_wait: 1h\n  policies:\n    - {type: error}\n")
        _ = write(spans([(1, 1, 1, true), (2, 1, 1, false)]), to: sampler)
        sampler.stop()
        while sampler.step() != .finished {}
        #expect(memory.spans == [traceID(1): [1]])
        #expect(
            write(spans([(3, 1, 1, true)]), to: sampler).map {
                if case .failure(.unavailable) = $0 { true } else { false }
            } == true)
    }

    @Test func badConfigurationsAreRefusedWithTheirPlace() {
        let cases: [(String, String)] = [
            ("  policies:\n    - {type: eror}\n", "3:14"),
            ("  policies:\n    - {type: probabilistic, percent: 101}\n", "percent is 0 to 100"),
            ("  policies:\n    - {type: attribute, key: a, regex: \"(\"}\n", "3:"),
            ("  peers: [http://a]\n", "peer must say"),
            ("  decision_wait: 0s\n", "decision_wait must be over 0"),
            ("  polices: []\n", "polices"),
        ]
        for (yaml, expected) in cases {
            do {
                _ = try SamplingConfiguration.read("sampling:\n" + yaml, file: "t.yml")
                Issue.record("accepted: \(yaml)")
            } catch {
                #expect(error.description.contains(expected), "\(error.description)")
            }
        }
    }

    @Test func routersSendATraceToOneMember() throws {
        let sinks = (0..<3).map { _ in SpanMemory() }
        func router(_ names: [Int]) -> TraceRouter { TraceRouter(names.map { ("http://agent-\($0)", sinks[$0]) }) }
        let all = router([0, 1, 2])
        for part in 1...2 { all.write(spans((0..<300).map { ($0, part, 1, false) }), origin: BatchOrigin()) { _ in } }
        for sink in sinks {
            #expect((60...140).contains(sink.spans.count))
            #expect(sink.spans.values.allSatisfy { $0 == [1, 2] })
        }
        // In another order, and with one gone, the others' traces stay where they are.
        let fewer = router([2, 0])
        for trace in 0..<300 where sinks[1].spans[traceID(trace)] == nil {
            let owner = sinks[0].spans[traceID(trace)] == nil ? 2 : 0
            #expect([2, 0][fewer.member(for: traceID(trace))] == owner)
        }
    }
}
