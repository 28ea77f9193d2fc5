import Model
import Testing

@testable import PromQL

/// The largest trees that the parser lets through must not exhaust the evaluator's stack.
@Suite struct DeepQueryTests {
    private func sum(_ query: String) throws -> [Double] {
        let source = MemorySeriesSource()
        source.append(Labels(["__name__": "a"]), [MemorySeriesSource.Point(timestamp: 0, value: 1)])
        let result = try Engine().instant(PromQLParser.parse(query), at: 0, source: source)
        guard case .vector(let vector) = result.value else { return [] }
        return vector.values
    }

    @Test func chains() throws {
        #expect(try sum(Array(repeating: "a", count: 1000).joined(separator: " + ")) == [1000])
        #expect(try sum(Array(repeating: "a", count: 1000).joined(separator: " or ")) == [1])
        #expect(try sum("a + " + Array(repeating: "1", count: 1000).joined(separator: " + ")) == [1001])
    }

    @Test func nesting() throws {
        let levels = ParserLimits.nestingMax - 1
        #expect(try sum(String(repeating: "(", count: levels) + "a" + String(repeating: ")", count: levels)) == [1])
        #expect(try sum(String(repeating: "sum(", count: levels) + "a" + String(repeating: ")", count: levels)) == [1])
        #expect(try sum(String(repeating: "-(", count: 100) + "a" + String(repeating: ")", count: 100)) == [1])
        // Each level of a subquery reads its own window of the one below.
        let subqueries =
            String(repeating: "max_over_time(", count: 12) + "a" + String(repeating: "[1m:30s])", count: 12)
        #expect(try sum(subqueries) == [1])
    }
}
