import Bedrock
import LSM
import Model
import Testing
import TraceKit
import TraceQL

@testable import TraceStore

/// The same TraceQL queries over the store and over a plain list of spans.
@Suite struct QueryAgreementTests {
    private struct Fixed: SpanSource {
        let kept: SpanEngineSnapshot
        func snapshot(tenant: Tenant) throws -> any SpanSnapshot { kept }
    }

    private func sets(_ query: TraceQLQuery, _ source: any SpanSource) throws -> [TraceID: [[UInt64]]] {
        let result = try TraceQLEngine().search(
            query, range: SpanTimeRange(0, .max), limit: 1000, spansPerSet: 0, source: source)
        var found: [TraceID: [[UInt64]]] = [:]
        for match in result.traces {
            found[match.summary.id] = match.spanSets.map { $0.spans.map(\.spanID.value).sorted() }.sorted {
                $0.lexicographicallyPrecedes($1)
            }
        }
        return found
    }

    private func samples(_ query: TraceQLQuery, _ source: any SpanSource) throws -> [String] {
        try TraceQLEngine().metrics(query, start: 0, end: 100_000_000, step: 10_000_000, source: source).series.map {
            "\($0.labels) \($0.timestamps) \($0.values)"
        }
    }

    @Test(arguments: 0..<8) func storesAndListsAgree(seed: UInt64) throws {
        var random = RandomQueries(seed: seed &+ 400)
        let spans = random.traces(40)
        let rig = try TraceRig(seed: seed) { $0.logBytesMax = 64 << 10 }
        // Spans of a trace come in several batches, some of them flushed in between.
        for round in 0..<4 {
            let batch = SpanBatch()
            for (index, span) in spans.enumerated() where index % 4 == round { span.append(to: batch) }
            try rig.write(PlainSpan.read(batch))
            if round % 2 == 1 && seed % 2 == 0 { try rig.flush() }
        }
        if seed % 4 == 0 { rig.settle(steps: 1000) }
        let store = Fixed(kept: try rig.snapshot())
        let list = MemorySpanSource(spans, partRows: 10)
        for _ in 0..<40 {
            let query = TraceQLQuery(.spans(random.pipeline()))
            #expect(try sets(query, store) == sets(query, list), "seed \(seed): \(query)")
        }
        for _ in 0..<10 {
            let pipeline = SpansetPipeline([.spanset(.filter(random.condition(2)))])
            let query = TraceQLQuery(
                .metrics(.query(MetricsQuery(pipeline, .count, by: [.attribute(.any, "n"), .intrinsic(.name)]))))
            #expect(try samples(query, store) == samples(query, list), "seed \(seed): \(query)")
        }
    }
}
