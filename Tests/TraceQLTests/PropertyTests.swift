import Bedrock
import Model
import Testing
import TraceKit

@testable import TraceQL

@Suite struct PropertyTests {
    private static let everything = SpanTimeRange(.min, .max)

    /// Span numbers of the sets of each trace, in an order of their own.
    private static func sets(_ matches: [TraceMatch]) -> [TraceID: [[UInt64]]] {
        var found: [TraceID: [[UInt64]]] = [:]
        for match in matches {
            found[match.summary.id] = match.spanSets.map { $0.spans.map(\.spanID.value).sorted() }.sorted {
                $0.lexicographicallyPrecedes($1)
            }
        }
        return found
    }

    private static func sets(_ found: [TraceID: [[Int]]], _ facts: SpanFacts) -> [TraceID: [[UInt64]]] {
        found.mapValues { sets in
            sets.map { $0.map { facts.spans[$0].spanID.value }.sorted() }.sorted { $0.lexicographicallyPrecedes($1) }
        }
    }

    @Test(arguments: 0..<100) func searchesAgreeWithTheOracle(_ seed: UInt64) throws {
        var queries = RandomQueries(seed: seed)
        let spans = queries.traces(12)
        let source = MemorySpanSource(spans, partRows: Int(seed % 5) + 1, sharesTexts: seed % 2 == 0)
        let oracle = Oracle(facts: source.facts)
        let engine = TraceQLEngine()
        for _ in 0..<25 {
            let pipeline = queries.pipeline()
            let query = TraceQLQuery(.spans(pipeline))
            let found = try engine.search(
                query, range: Self.everything, limit: 1000, spansPerSet: 0, source: source)
            let wanted = oracle.search(pipeline)
            #expect(Self.sets(found.traces) == Self.sets(wanted, source.facts), "seed \(seed): \(query)")
            for trace in found.traces { for set in trace.spanSets { #expect(set.matched == set.spans.count) } }
        }
    }

    @Test(arguments: 0..<20) func printingAndParsingGivesTheSame(_ seed: UInt64) throws {
        var queries = RandomQueries(seed: seed &+ 1000)
        for _ in 0..<50 {
            let query = TraceQLQuery(.spans(queries.pipeline(3)))
            for text in [query.description, query.pretty(lineMax: 30)] {
                do throws(TraceQLError) {
                    let again = try TraceQLParser.parse(text)
                    #expect(again == query, "\(text)")
                } catch {
                    // Random trees may ask for what makes no sense, but they are always readable.
                    #expect(error.kind != .syntax, "\(text): \(error)")
                }
            }
        }
    }

    @Test(arguments: 0..<20) func metricsAgreeWithTheOracle(_ seed: UInt64) throws {
        var queries = RandomQueries(seed: seed &+ 5000)
        let spans = queries.traces(30)
        let source = MemorySpanSource(spans, partRows: Int(seed % 7) + 1, sharesTexts: seed % 2 == 0)
        let facts = source.facts
        let oracle = Oracle(facts: facts)
        let engine = TraceQLEngine()
        let (start, end, step) = (Int64(7_000_000), Int64(81_000_000), Int64(10_000_000))
        let grid = try IntervalGrid(aligning: start, end, step: step, intervalsMax: 100)
        for round in 0..<10 {
            let condition = SpansetStage.spanset(.filter(queries.condition(2)))
            let by: [SpanField] = queries.pick([[], [.intrinsic(.name)], [.attribute(.span, "n"), .intrinsic(.name)]])
            let measured = SpanField.attribute(.span, "n")
            let function: MetricsFunction = [.count, .sum(measured), .min(measured), .max(measured), .avg(measured)][
                round % 5]
            let pipeline = SpansetPipeline([condition])
            let query = TraceQLQuery(.metrics(.query(MetricsQuery(pipeline, function, by: by))))
            var numbers: [[SpanValue]: [Int: [Double]]] = [:]
            for span in oracle.search(pipeline).values.flatMap({ $0 }).flatMap({ $0 }) {
                let behind = facts.spans[span].start - grid.start
                guard behind > 0, behind <= Int64(grid.count) * step else { continue }
                let value = facts.values(measured, span).first.flatMap(SpanFacts.number)
                if function != .count && value == nil { continue }
                let key = by.map { facts.values($0, span).first ?? .nil }
                numbers[key, default: [:]][Int((behind - 1) / step), default: []].append(value ?? 0)
            }
            let result = try engine.metrics(query, start: start, end: end, step: step, source: source)
            var found: [[SpanValue]: [Int: Double]] = [:]
            for series in result.series {
                let key = by.isEmpty ? [] : series.labels.map(\.value)
                for (time, value) in zip(series.timestamps, series.values) {
                    found[key, default: [:]][Int((time - grid.start) / step) - 1] = value
                }
            }
            for key in Set(found.keys).union(numbers.keys) {
                for interval in 0..<grid.count {
                    let values = numbers[key]?[interval] ?? []
                    let wanted: Double? =
                        switch function {
                        case .count: found[key] == nil ? nil : Double(values.count)
                        case .sum: values.isEmpty ? nil : values.reduce(0, +)
                        case .min: values.min()
                        case .max: values.max()
                        default: values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
                        }
                    let got = found[key]?[interval]
                    #expect(
                        (got == nil) == (wanted == nil) && abs((got ?? 0) - (wanted ?? 0)) < 1e-9,
                        "seed \(seed): \(query) \(key) at \(interval)")
                }
            }
        }
    }

    @Test func parserTakesAnything() {
        let words = [
            "{", "}", "(", ")", "|", "||", "&&", "!", "!=", "=", "=~", "!~", ">", ">>", "<", "<<", "~", "&>", "!>>",
            "+", "-", "*", "/",
            "%", "^", ",", ".a", "span.b", "resource.c", "parent.d", "name", "status", "ok", "kind", "server", "nil",
            "true", "1", "2.5",
            "10ms", "minInt", "\"x\"", "`y`", "count()", "avg(.a)", "by(.a)", "coalesce()", "select(.a)", "rate()",
            "by", "compare({})",
            "quantile_over_time(duration, 0.5)", "topk(3)", "with", "(a=1)", "{ }", "{.a}", "span:id", "event:name",
            "9999999999999999999",
        ]
        var random = SeededGenerator(seed: 7)
        for round in 0..<20_000 {
            var text = ""
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                text +=
                    words[Int.random(in: 0..<words.count, using: &random)] + (Bool.random(using: &random) ? " " : "")
            }
            var bytes = Array(text.utf8)
            if round % 3 == 0 {
                for _ in 0..<2 {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
            }
            do throws(TraceQLError) {
                let query = try TraceQLParser.parse(utf8: bytes)
                for text in [query.description, query.pretty(lineMax: 10)] {
                    let again = try? TraceQLParser.parse(text)
                    #expect(again == query, "\(String(decoding: bytes, as: UTF8.self)): \(text)")
                }
            } catch {
                #expect(error.error.range.end <= bytes.count)
            }
        }
    }
}
