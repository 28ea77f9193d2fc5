import Bedrock
import Model
import Testing
import TraceKit

@testable import TraceQL

/// Relations over traces so large that anything but a linear walk would never end.
@Suite struct StructureTests {
    private static let count = 200_000

    private func kernels(_ parents: [Int32], groups: Int32 = 1) -> StructuralKernels {
        parents.withUnsafeBufferPointer {
            StructuralKernels(
                forest: TraceForest($0), groups: ContiguousArray((0..<Int32(parents.count)).map { $0 % groups }),
                groupCount: Int(groups))
        }
    }

    private func rows(_ mask: RowMask) -> Int { mask.reduce(0) { $0 + Int($1) } }

    @Test func chains() {
        let chain = (0..<Self.count).map { Int32($0 - 1) }
        let all = RowMask(repeating: 1, count: Self.count)
        let one = kernels(chain)
        #expect(rows(one.related(.descendant, all, all)) == Self.count - 1)
        #expect(rows(one.related(.ancestor, all, all)) == Self.count - 1)
        #expect(rows(one.related(.child, all, all)) == Self.count - 1)
        #expect(rows(one.related(.parent, all, all)) == Self.count - 1)
        #expect(rows(one.related(.sibling, all, all)) == 0)
        // Neighbours are of different sets, every second row is related.
        let two = kernels(chain, groups: 2)
        #expect(rows(two.related(.descendant, all, all)) == Self.count - 2)
        #expect(rows(two.related(.ancestor, all, all)) == Self.count - 2)
        #expect(rows(two.related(.child, all, all)) == 0)
    }

    @Test func stars() {
        let star = [-1] + [Int32](repeating: 0, count: Self.count - 1)
        let all = RowMask(repeating: 1, count: Self.count)
        var first = RowMask(repeating: 0, count: Self.count)
        first[1] = 1
        let one = kernels(star)
        #expect(rows(one.related(.sibling, all, all)) == Self.count - 1)
        #expect(rows(one.related(.sibling, first, all)) == Self.count - 2)
        #expect(rows(one.related(.sibling, first, first)) == 0)
        #expect(rows(one.related(.child, all, all)) == Self.count - 1)
        #expect(rows(one.related(.ancestor, first, all)) == 1)
    }

    @Test func circlesAndStrayParents() {
        // One circle of all rows, rows that are their own parents, and parents that don't exist.
        let circle = (0..<Self.count).map { Int32(($0 + 1) % Self.count) }
        let all = RowMask(repeating: 1, count: Self.count)
        #expect(rows(kernels(circle).related(.descendant, all, all)) == Self.count - 1)
        #expect(rows(kernels([0, 1, 2]).related(.descendant, [1, 1, 1], [1, 1, 1])) == 0)
        #expect(rows(kernels([7, -5, 0]).related(.child, [1, 1, 1], [1, 1, 1])) == 1)
    }

    @Test(arguments: 0..<30) func randomForestsAreOrdered(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...60, using: &random)
        let parents = (0..<count).map { _ in Int32.random(in: -1..<Int32(count), using: &random) }
        let forest = parents.withUnsafeBufferPointer { TraceForest($0) }
        #expect(forest.order.sorted() == (0..<Int32(count)).map { $0 })
        var place = [Int](repeating: 0, count: count)
        for (index, row) in forest.order.enumerated() { place[Int(row)] = index }
        for row in 0..<count {
            let parent = Int(forest.parents[row])
            guard parent >= 0 else { continue }
            #expect(place[parent] < place[row] && Int(forest.ends[place[parent]]) >= Int(forest.ends[place[row]]))
        }
    }

    @Test func cancellingEndsAQueryBetweenSteps() throws {
        // Cancelled by the source while the query runs: the next step sees it.
        let cancellation = Cancellation()
        let source = CancellingSource(
            inner: MemorySpanSource(RandomQueries(seed: 1).made(200), partRows: 5), cancellation: cancellation)
        for text in [
            "{ .n + 1 = 2 } | by(name) | count() > 1000", "{ } | rate() by (name)", "{ } >> { } | count() > 1000",
        ] {
            let query = try TraceQLParser.parse(text)
            let engine = TraceQLEngine()
            do throws(TraceQLQueryError) {
                if case .metrics = query.expression {
                    _ = try engine.metrics(
                        query, start: 0, end: 1_000_000_000, step: 1_000_000, source: source, cancellation: cancellation
                    )
                } else {
                    _ = try engine.search(query, range: Fixture.everything, source: source, cancellation: cancellation)
                }
                Issue.record("\(text) went on to its end")
            } catch {
                guard case .cancelled = error else {
                    Issue.record("\(text): \(error)")
                    return
                }
            }
        }
    }
}

extension RandomQueries {
    fileprivate func made(_ traces: Int) -> [TestSpan] {
        var copy = self
        return copy.traces(traces)
    }
}

/// Calls the query off when its third part is opened.
private struct CancellingSource: SpanSource {
    let inner: MemorySpanSource
    let cancellation: Cancellation

    func snapshot(tenant: Tenant) throws -> any SpanSnapshot {
        if inner.opened.count >= 3 { cancellation.cancel() }
        return Snapshot(inner: try inner.snapshot(tenant: tenant), source: self)
    }

    struct Snapshot: SpanSnapshot {
        let inner: any SpanSnapshot
        let source: CancellingSource

        func trace(
            _ id: TraceID, range: SpanTimeRange, into batch: SpanBatch, bytesMax: Int, cancellation: Cancellation
        ) throws -> Bool {
            try inner.trace(id, range: range, into: batch, bytesMax: bytesMax, cancellation: cancellation)
        }

        func select(_ request: SpanRequest) throws -> any SpanSelection {
            Selection(inner: try inner.select(request), source: source)
        }

        func attributeNames(
            scope: AttributeScope?, range: SpanTimeRange, limit: Int, cancellation: Cancellation
        ) throws -> [(scope: AttributeScope, name: String)] {
            try inner.attributeNames(scope: scope, range: range, limit: limit, cancellation: cancellation)
        }

        func values(
            of field: SpanField, where filter: SpanFilter, range: SpanTimeRange, limit: Int, cancellation: Cancellation
        ) throws -> [SpanValue] {
            try inner.values(of: field, where: filter, range: range, limit: limit, cancellation: cancellation)
        }
    }

    struct Selection: SpanSelection {
        let inner: any SpanSelection
        let source: CancellingSource

        var partCount: Int { inner.partCount }
        var statistics: SpanScanStatistics { inner.statistics }

        func open(_ part: Int) throws -> any SpanBlock {
            let block = try inner.open(part)
            if source.inner.opened.count >= 3 { source.cancellation.cancel() }
            return block
        }
    }
}
