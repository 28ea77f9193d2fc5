import Bedrock
import LSM
import Model
import Testing

@testable import TraceStore

@Suite struct EngineTests {
    @Test(arguments: [21, 22]) func everythingSurvivesFlushesMergesAndCrashes(seed: UInt64) throws {
        let rig = try TraceRig(seed: seed) { $0.logBytesMax = 64 << 10 }
        var generator = SpanGenerator(seed: seed)
        var model = SpanModel()
        for round in 0..<12 {
            let spans = generator.batch(traces: 6)
            model.apply(spans)
            try rig.write(spans)
            if round % 3 == 2 { try rig.flush() }
            if round % 4 == 3 { rig.settle() }
            if round % 5 == 4 { try rig.reopen() }
        }
        try expectServed(try rig.snapshot(), model, "seed \(seed)")
        rig.settle(steps: 2000)
        try rig.reopen()
        try expectServed(try rig.snapshot(), model, "seed \(seed), settled")
        #expect(rig.engine.damage.count == 0)
    }

    @Test func tenantsAreApart() throws {
        let rig = try TraceRig()
        var generator = SpanGenerator(seed: 31)
        let spans = generator.batch(traces: 4)
        var model = SpanModel()
        model.apply(spans)
        try rig.write(spans, tenant: Tenant("one"))
        try rig.flush()
        try expectServed(try rig.snapshot(Tenant("one")), model, "own tenant")
        let batch = SpanBatch()
        _ = try rig.snapshot(Tenant("two")).trace(
            spans[0].traceID, range: .everything, into: batch, bytesMax: .max, cancellation: Cancellation())
        #expect(batch.isEmpty)
        #expect(
            try rig.snapshot(Tenant("two")).select(
                SpanRequest(filters: [.everything], range: .everything, grouping: .spans)
            ).partCount == 0)
    }

    @Test func deletesHideByTraceAndResource() throws {
        let rig = try TraceRig()
        var generator = SpanGenerator(seed: 32)
        let spans = generator.batch(traces: 10)
        try rig.write(spans)
        try rig.flush()
        let gone = spans[0].traceID
        func delete(_ matchers: [Matcher]) throws {
            try rig.wait { done in
                _ = rig.engine.delete(tenant: .default, matchers: matchers, range: .everything, done: done)
            }
        }
        try delete([Matcher(SpanHide.traceIDName, equals: gone.description)])
        try delete([Matcher("service.name", equals: "pay")])
        var model = SpanModel()
        model.apply(
            spans.filter {
                $0.traceID != gone && !$0.resource.contains(Attribute("service.name", .string("pay")))
            })
        func check(_ comment: Comment) throws {
            try expectServed(try rig.snapshot(), model, comment)
            let selection = try rig.snapshot().select(
                SpanRequest(filters: [.everything], range: .everything, grouping: .spans))
            var rows = 0
            for part in 0..<selection.partCount { rows += try selection.open(part).rowCount }
            #expect(rows == model.spans.count, comment)
        }
        try check("hidden")
        rig.settle(steps: 2000)
        try check("rewritten")
    }

    @Test func namesAndValues() throws {
        let rig = try TraceRig()
        var generator = SpanGenerator(seed: 33)
        var model = SpanModel()
        for _ in 0..<3 {
            let spans = generator.batch(traces: 10)
            model.apply(spans)
            try rig.write(spans)
            try rig.flush()
        }
        let late = generator.batch(traces: 5)
        model.apply(late)
        try rig.write(late)
        let snapshot = try rig.snapshot()
        let spans = model.spans
        let names = try snapshot.attributeNames(
            scope: .span, range: .everything, limit: .max, cancellation: Cancellation())
        #expect(Set(names.map(\.name)) == Set(spans.flatMap { $0.attributes.map(\.key) }))
        let events = try snapshot.attributeNames(
            scope: .event, range: .everything, limit: .max, cancellation: Cancellation())
        #expect(events.map(\.name) == (spans.contains { !$0.events.isEmpty } ? ["exception.type"] : []))
        for field in [
            SpanField.intrinsic(.name), .attribute(.resource, "service.name"), .attribute(.span, "status"),
            .attribute(.any, "user"), .intrinsic(.statusMessage),
        ] {
            for filter in [
                SpanFilter.everything,
                .condition(
                    SpanCondition(.intrinsic(.status), .compare(.equal, .status(.error)))),
            ] {
                let found = try snapshot.values(
                    of: field, where: filter, range: .everything, limit: .max, cancellation: Cancellation())
                let wanted = Set(
                    try spans.filter { try filter.passes($0) }.flatMap { $0.values(field) }.filter { $0 != .nil })
                #expect(Set(found) == wanted, "\(field)")
                #expect(found.count == wanted.count)
            }
        }
    }

    @Test func structureOfATrace() throws {
        let rig = try TraceRig()
        let id = TraceID(high: 7, low: 8)
        func span(_ number: UInt64, parent: UInt64, start: Int64) -> PlainSpan {
            PlainSpan(
                traceID: id, spanID: number, parentID: parent, start: 1_000 + start, end: 2_000 + start, kind: .server,
                status: .ok, name: "n\(number)", resource: [Attribute("service.name", .string("s"))], scope: "")
        }
        // Root, two children, a grandchild; and one whose parent never came. In three runs.
        try rig.write([span(1, parent: 0, start: 0), span(3, parent: 1, start: 20)])
        try rig.flush()
        try rig.write([span(2, parent: 1, start: 10)])
        try rig.flush()
        try rig.write([span(4, parent: 2, start: 30), span(9, parent: 77, start: 40)])
        let fields: [SpanField] = [
            .intrinsic(.nestedSetLeft), .intrinsic(.nestedSetRight), .intrinsic(.nestedSetParent),
            .intrinsic(.childCount), .intrinsic(.traceDuration), .intrinsic(.rootName),
        ]
        let filter = SpanFilter.condition(SpanCondition(.intrinsic(.name), .compare(.equal, .string("n4"))))
        let selection = try rig.snapshot().select(
            SpanRequest(filters: [filter], range: .everything, grouping: .wholeTraces, fields: fields))
        var blocks: [any SpanBlock] = []
        for part in 0..<selection.partCount {
            let block = try selection.open(part)
            if block.rowCount > 0 { blocks.append(block) }
        }
        let block = try #require(blocks.first)
        #expect(blocks.count == 1)
        #expect(block.rowCount == 5)
        #expect(Array(try block.parents()) == [-1, 0, 0, 1, -1])
        #expect(Array(block.passes0) == [0, 0, 0, 1, 0])
        func ints(_ field: SpanField) throws -> [Int64] { Array(try block.column(field).words) }
        #expect(try ints(fields[0]) == [1, 2, 6, 3, 0])
        #expect(try ints(fields[1]) == [8, 5, 7, 4, 0])
        #expect(try ints(fields[2]) == [-1, 1, 1, 2, 0])
        #expect(try ints(fields[3]) == [2, 1, 0, 0, 0])
        #expect(try ints(fields[4]) == [1040, 1040, 1040, 1040, 1040])
        #expect(try block.column(fields[5]).value(4) == .string("n1"))
        #expect(
            try block.summary(0)
                == TraceSummary(
                    id: id, start: 1_000, end: 2_040, spanCount: 5, errorCount: 0, rootName: "n1", rootServiceName: "s")
        )
    }
}

extension SpanBlock {
    fileprivate var passes0: [UInt8] { (try? passes(0)).map { Array($0) } ?? [] }
}
