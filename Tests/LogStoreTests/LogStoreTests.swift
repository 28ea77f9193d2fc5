import Bedrock
import LSM
import Model
import Testing

@testable import LogStore

/// The store in an engine against the model: whatever is written, flushed, merged and restarted, every query answers the same.
@Suite struct LogStoreTests {
    static func requests(_ samples: inout LogSamples) throws -> [LogRequest] {
        let start = LogSamples.start
        let part = LogTimeRange(
            start + Int64(samples.int(0..<3600)) * 1_000_000_000,
            start + Int64(samples.int(3600..<9000)) * 1_000_000_000)
        let literal = LineFilter([.literal(Array("error".utf8))])
        let regex = LineFilter([.regex(try RegularExpression("took=[0-9]{2}ms", anchored: false))], isNegated: true)
        let app = Matcher("app", equals: "app-\(samples.int(0..<3))")
        return [
            LogRequest(matchers: [], range: .everything),
            LogRequest(matchers: [app], range: part),
            LogRequest(matchers: [try Matcher("pod", .regex, "pod-[13579]")], range: part, filters: [literal]),
            LogRequest(matchers: [try Matcher("env", .notEqual, "prod")], range: .everything, filters: [regex]),
            LogRequest(
                matchers: [], range: part, filters: [regex],
                metadataMatchers: [try Matcher("detected_level", .regex, "info|warn")]),
            LogRequest(matchers: [], range: part, metadataMatchers: [try Matcher("trace_id", .equal, "")]),
            LogRequest(matchers: [], range: part, metadataMatchers: [Matcher("app", equals: "app-1")]),
        ]
    }

    static func compare(_ rig: LogRig, _ model: LogModel, _ samples: inout LogSamples, _ what: String) throws {
        let snapshot = try rig.snapshot()
        for (number, request) in try requests(&samples).enumerated() {
            let found = try snapshot.select(request).everything { Issue.record("\(what), request \(number): \($0)") }
            let wanted = model.answer(request)
            #expect(found.count == wanted.count, "\(what), request \(number), seed \(rig.seed)")
            if let at = zip(found, wanted).enumerated().first(where: { $0.element.0 != $0.element.1 }) {
                Issue.record(
                    "\(what), request \(number), seed \(rig.seed): row \(at.offset) is \(at.element.0), not \(at.element.1)"
                )
            }
        }
        // Streams may outlive their last row until compaction has dropped it.
        let all = try snapshot.streams(matching: [], range: .everything, cancellation: Cancellation())
        #expect(Set(model.rows.map(\.labels)).isSubset(of: all), "\(what)")
    }

    @Test(arguments: 1...6) func answersAsTheModelDoes(seed: UInt64) throws {
        var samples = LogSamples(seed: seed)
        var model = LogModel()
        let rig = LogRig(seed: seed) {
            $0.memtableBytesMax = 40 << 10
            $0.logBytesMax = 30 << 10
            $0.runsPerMerge = 2
        }
        try rig.open()
        for round in 0..<14 {
            let batch = samples.batch(
                rows: samples.int(1..<120), streams: 12, spanNanoseconds: 7_200_000_000_000, at: LogSamples.start,
                &model)
            try rig.write(batch)
            switch samples.int(0..<6) {
            case 0: try rig.flush()
            case 1: try rig.reopen()
            case 2: rig.settle()
            case 3: try Self.delete(rig, &model, &samples)
            default: break
            }
            if round % 4 == 3 { try Self.compare(rig, model, &samples, "round \(round)") }
        }
        try rig.flush()
        rig.settle(steps: 2000)
        try Self.compare(rig, model, &samples, "at the end")
        #expect(rig.engine.damage.reports.isEmpty, "\(rig.engine.damage.reports)")
        for _ in 0..<200 where rig.engine.deletes(.default).contains(where: { $0.state != .gone }) {
            rig.clock.advance(milliseconds: 60_000)
            rig.settle(steps: 40)
        }
        #expect(rig.engine.deletes(.default).allSatisfy { $0.state == .gone })
        try Self.compare(rig, model, &samples, "when all is gone")
    }

    /// Deletes something, in the store and in the model.
    static func delete(_ rig: LogRig, _ model: inout LogModel, _ samples: inout LogSamples) throws {
        var request = try requests(&samples)[samples.int(1..<7)]
        // Deletes are as fine as milliseconds.
        request.range.start = max(request.range.start, 0)
        request.range.end = min(request.range.end, 2 * LogSamples.start)
        if samples.int(0..<3) == 0 { request.filters = [] }
        try rig.wait {
            rig.engine.delete(
                tenant: .default, matchers: request.matchers, range: request.range, filters: request.filters,
                metadataMatchers: request.metadataMatchers, done: $0)
        }
        let gone = request
        model.remove { LogModel.passes($0, gone) }
    }

    @Test func servesTenantsApart() throws {
        let rig = LogRig()
        try rig.open()
        var own = LogModel()
        var other = LogModel()
        var samples = LogSamples(seed: 3)
        try rig.write(samples.batch(rows: 50, streams: 3, spanNanoseconds: 1000, at: LogSamples.start, &own))
        try rig.write(
            samples.batch(rows: 50, streams: 3, spanNanoseconds: 1000, at: LogSamples.start, &other),
            tenant: Tenant("b"))
        for _ in 0..<2 {
            let request = LogRequest(matchers: [], range: .everything)
            #expect(try rig.snapshot().select(request).everything() == own.answer(request))
            #expect(try rig.snapshot(Tenant("b")).select(request).everything() == other.answer(request))
            try rig.flush()
        }
    }
}
