import Bedrock
import LSM
import Model
import Testing

@testable import TraceStore

@Suite struct SelectionTests {
    static func filters() throws -> [SpanFilter] {
        func condition(_ field: SpanField, _ test: SpanCondition.Test) -> SpanFilter {
            .condition(SpanCondition(field, test))
        }
        let service = condition(.attribute(.resource, "service.name"), .compare(.equal, .string("pay")))
        let slow = condition(.intrinsic(.duration), .compare(.greater, .duration(45_000_000)))
        return [
            .everything, .nothing, service, slow, .all([service, slow]),
            condition(.intrinsic(.name), .compare(.equal, .string("charge"))),
            condition(.intrinsic(.name), .matches(try RegularExpression("odd .*", anchored: true), isNegated: false)),
            condition(.attribute(.span, "status"), .compare(.equal, .int(500))),
            condition(.attribute(.span, "status"), .compare(.equal, .float(500))),
            condition(.attribute(.span, "user"), .compare(.equal, .string("u7"))),
            condition(.attribute(.any, "host"), .compare(.notEqual, .string("h1"))),
            condition(.attribute(.span, "user"), .isNil), condition(.attribute(.span, "user"), .isNotNil),
            condition(.attribute(.any, "mixed"), .compare(.less, .int(100))),
            condition(.attribute(.span, "mixed"), .compare(.notEqual, .string("a"))),
            condition(.attribute(.span, "http.method"), .compare(.equal, .string("GET"))),
            condition(.attribute(.span, "rare.7"), .isNotNil),
            condition(.intrinsic(.status), .compare(.equal, .status(.error))),
            condition(.intrinsic(.statusMessage), .isNotNil),
            condition(.intrinsic(.eventName), .compare(.equal, .string("exception"))),
            condition(.attribute(.event, "exception.type"), .compare(.equal, .string("OOM"))),
            .all([.not(service), .any([slow, condition(.intrinsic(.kind), .compare(.equal, .kind(.server)))])]),
        ]
    }

    private func stores(seed: UInt64) throws -> (SpanModel, [(String, SpanEngineSnapshot)]) {
        var generator = SpanGenerator(seed: seed)
        var model = SpanModel()
        var bench = Bench()
        var segments: [TraceSegment] = []
        for round in 0..<4 {
            for _ in 0..<3 {
                let spans = generator.batch(traces: 12)
                model.apply(spans)
                try bench.apply(spans)
            }
            if round < 3 { segments.append(try bench.open(try bench.flush())) }
        }
        let memtable = try #require(StoredRun(bench.table, tenant: .default))
        let merged = try bench.open(try bench.merge(segments))
        return (
            model,
            [
                ("unmerged", SpanEngineSnapshot(segments.map { StoredRun($0) } + [memtable])),
                ("merged", SpanEngineSnapshot([StoredRun(merged), memtable])),
            ]
        )
    }

    private struct Found: Hashable {
        var trace: String
        var span: String
    }

    @Test(arguments: [11, 12]) func selectionsEqualTheModel(seed: UInt64) throws {
        let (model, stores) = try stores(seed: seed)
        let spans = model.spans
        let passing = try Self.filters().map { filter in try spans.filter { try filter.passes($0) } }
        let starts = spans.map(\.start).sorted()
        let ranges = [SpanTimeRange.everything, SpanTimeRange(starts[starts.count / 3], starts[starts.count / 2])]
        for (name, snapshot) in stores {
            for (number, filter) in try Self.filters().enumerated() {
                for range in ranges {
                    let passing = passing[number].filter { range.contains($0.start) }
                    let comment: Comment = "\(name), filter \(number), \(range)"
                    try check(.spans, filter, range, snapshot, model, passing, comment)
                    try check(.matchesByTrace, filter, range, snapshot, model, passing, comment)
                    try check(.wholeTraces, filter, range, snapshot, model, passing, comment)
                }
            }
        }
    }

    private func check(
        _ grouping: SpanRequest.Grouping, _ filter: SpanFilter, _ range: SpanTimeRange, _ snapshot: SpanEngineSnapshot,
        _ model: SpanModel, _ passing: [PlainSpan], _ comment: Comment
    ) throws {
        let wantedTraces = Set(passing.map(\.traceID))
        let wanted: [PlainSpan] =
            grouping == .wholeTraces ? wantedTraces.flatMap { model.traces[$0] ?? [] } : passing
        let fields: [SpanField] = [.intrinsic(.traceID), .intrinsic(.spanID), .attribute(.span, "status")]
        let selection = try snapshot.select(
            SpanRequest(filters: [filter], range: range, grouping: grouping, fields: fields))
        var found: [Found] = []
        var traces: [TraceID] = []
        for part in 0..<selection.partCount {
            let block = try selection.open(part)
            let (ids, spans) = (try block.column(fields[0]), try block.column(fields[1]))
            #expect(ids.rowCount == block.rowCount)
            for row in 0..<block.rowCount {
                guard case .string(let trace) = ids.value(row), case .string(let span) = spans.value(row) else {
                    continue
                }
                found.append(Found(trace: trace, span: span))
            }
            for trace in block.traceStarts.indices.dropLast() {
                let summary = try block.summary(trace)
                traces.append(summary.id)
                let all = model.traces[summary.id] ?? []
                #expect(summary.spanCount == all.count, comment)
                #expect(summary.errorCount == all.count { $0.status == .error }, comment)
                #expect(summary.start == all.map(\.start).min(), comment)
                #expect(summary.end == all.map(\.end).max(), comment)
                #expect(summary.rootName == all.first { $0.parentID == 0 }?.name, comment)
                let rows = block.traceStarts[trace]..<block.traceStarts[trace + 1]
                #expect(rows.allSatisfy { ids.value($0) == .string(summary.id.description) }, comment)
            }
        }
        #expect(found.count == wanted.count, "\(comment) \(grouping): spans")
        #expect(
            Set(found) == Set(wanted.map { Found(trace: $0.traceID.description, span: SpanID($0.spanID).description) }),
            "\(comment) \(grouping)")
        if grouping != .spans {
            #expect(traces.count == wantedTraces.count, "\(comment) \(grouping): traces")
            #expect(Set(traces) == wantedTraces, "\(comment) \(grouping)")
        }
    }
}
