import Bedrock
import Client
import Model
import Testing

/// A span in words: id, parent, start and end.
private struct Line {
    let id: UInt64
    let parent: UInt64
    let start: Int64
    let end: Int64
    var isError = false

    init(_ id: UInt64, _ parent: UInt64, _ start: Int64, _ end: Int64, isError: Bool = false) {
        self.id = id
        self.parent = parent
        self.start = start
        self.end = end
        self.isError = isError
    }
}

private func tree(_ lines: [Line]) -> TraceTree {
    let batch = SpanBatch()
    var resource = SpanBatch.Resource()
    resource.attributes = batch.write { $0.append(attribute: "service.name", .string("shop")) }
    let (sender, scope) = (batch.append(resource), batch.append(SpanBatch.Scope()))
    for line in lines {
        var row = SpanBatch.Row(
            traceID: TraceID(high: 1, low: 2), spanID: SpanID(line.id), parentID: SpanID(line.parent),
            start: line.start, end: line.end, resource: sender, scope: scope)
        row.status = line.isError ? .error : .unset
        batch.append(row)
    }
    return TraceTree(batch)
}

@Suite struct TraceTreeTests {
    @Test func linksByParentWhateverTheOrder() {
        let tree = tree([Line(3, 2, 20, 30), Line(1, 0, 0, 100), Line(2, 1, 10, 90), Line(4, 1, 5, 8, isError: true)])
        #expect(tree.roots.count == 1 && tree.depth == 3)
        let ids = tree.preorder().map { tree.span($0).spanID.value }
        #expect(ids == [1, 4, 2, 3])
        #expect(tree.nodes[tree.roots[0]].size == 4 && tree.errorCount == 1)
        #expect(tree.service(0) == "shop" && tree.duration == 100)
    }

    @Test func orphansAndRepeatsAreTold() {
        let tree = tree([Line(1, 0, 0, 10), Line(2, 99, 3, 5), Line(2, 1, 3, 5), Line(7, 2, 4, 5)])
        #expect(tree.nodes.count == 3)
        #expect(tree.roots.map { tree.span($0).spanID.value } == [1, 2])
        #expect(tree.nodes[tree.roots[1]].isOrphan && tree.nodes[tree.roots[1]].size == 2)
    }

    @Test func ringsAreCut() {
        let tree = tree([Line(1, 3, 2, 9), Line(2, 1, 3, 8), Line(3, 2, 1, 7), Line(4, 3, 4, 5), Line(5, 5, 6, 7)])
        #expect(tree.preorder().count == 5)
        #expect(tree.roots.map { tree.span($0).spanID.value } == [3, 5])
        #expect(tree.nodes.allSatisfy { $0.parent == nil || $0.depth > 0 })
    }

    @Test func deepTracesStayLinear() {
        let count: UInt64 = 100_000
        let chain = (1...count).map { Line($0, $0 - 1, Int64($0), Int64(3 * count - $0)) }
        let tree = tree(chain)
        #expect(tree.depth == Int(count) && tree.nodes[tree.roots[0]].size == Int(count))
        #expect(CriticalPath(tree).segments.count == Int(2 * count - 1))
    }

    @Test func emptyTracesAreTrees() {
        let tree = tree([])
        #expect(tree.roots.isEmpty && tree.depth == 0 && CriticalPath(tree).segments.isEmpty)
    }
}

@Suite struct CriticalPathTests {
    private func path(_ lines: [Line]) -> [[Int64]] {
        let tree = tree(lines)
        return CriticalPath(tree).segments.map { [Int64(tree.span($0.node).spanID.value), $0.start, $0.end] }
    }

    @Test func followsTheChildThatEndsLast() {
        // 1 waits for 2 and 3 side by side, of which 3 is slower and waits for 4.
        let found = path([Line(1, 0, 0, 100), Line(2, 1, 10, 50), Line(3, 1, 10, 90), Line(4, 3, 20, 60)])
        #expect(found == [[1, 0, 10], [3, 10, 20], [4, 20, 60], [3, 60, 90], [1, 90, 100]])
    }

    @Test func goesOnWithEarlierSiblings() {
        let found = path([Line(1, 0, 0, 100), Line(2, 1, 0, 40), Line(3, 1, 40, 80)])
        #expect(found == [[2, 0, 40], [3, 40, 80], [1, 80, 100]])
    }

    @Test func cutsChildrenThatOverlapOrOutlive() {
        let found = path([Line(1, 0, 0, 100), Line(2, 1, 10, 60), Line(3, 1, 50, 150), Line(4, 1, 120, 160)])
        #expect(found == [[1, 0, 10], [2, 10, 50], [3, 50, 100]])
    }

    @Test(arguments: 0..<50) func coversTheRootOnce(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var lines = [Line(1, 0, 0, 10_000)]
        for id in 2...UInt64.random(in: 2...80, using: &random) {
            let start = Int64.random(in: -50...10_000, using: &random)
            lines.append(
                Line(
                    id, UInt64.random(in: 1..<id, using: &random), start,
                    start + Int64.random(in: 0...4_000, using: &random)))
        }
        let tree = tree(lines)
        guard let root = tree.roots.first(where: { tree.span($0).spanID.value == 1 }) else { return }
        let path = CriticalPath(tree, root: root)
        var time: Int64 = 0
        for segment in path.segments {
            #expect(segment.start == time && segment.end > time)
            #expect(tree.nodes[segment.node].start <= segment.start && tree.nodes[segment.node].end >= segment.end)
            time = segment.end
        }
        #expect(time == 10_000)
    }
}
