import Bedrock
import Model
import Testing

@testable import MetricStore

@Suite struct MatchingTests {
    @Test func regexesAreReduced() {
        let cases: [(String, RegexReduction)] = [
            ("", .literals([""])), ("abc", .literals(["abc"])), ("a|b|a", .literals(["a", "b"])), (".*", .everything),
            (".+", .notEmpty), ("foo.*", .prefix("foo")), (".*foo", .suffix("foo")), (".*foo.*", .contains("foo")),
            ("foo.+", .regex(prefix: "foo")), ("(a|b)c", .literals(["ac", "bc"])),
            ("(?:a|b)?c", .literals(["ac", "bc", "c"])),
            ("a\\.b", .literals(["a.b"])), ("^abc$", .literals(["abc"])), ("foo(bar)?.*", .regex(prefix: "foo")),
            ("fo+", .regex(prefix: "fo")), ("foo*", .regex(prefix: "fo")), ("foo{2}", .regex(prefix: "fo")),
            ("ab|cd.*", .regex(prefix: "")), ("[ab]", .regex(prefix: "")), ("host-[0-9]+", .regex(prefix: "host-")),
            ("(?i)abc", .regex(prefix: "")), ("a\\d", .regex(prefix: "a")), ("ü.*", .prefix("ü")),
            (".*a?.*", .regex(prefix: "")),
            ("a||b", .literals(["a", "", "b"])), ("(((a)))", .literals(["a"])), (".*.*", .regex(prefix: "")),
            ("a$b", .regex(prefix: "a")), ("(a.*)", .regex(prefix: "")), (".*?x", .suffix("x")),
        ]
        for (pattern, expected) in cases { #expect(RegexReduction(pattern) == expected, "\(pattern)") }
    }

    /// The reductions and RE2 itself agree on everything.
    @Test func reducedAndRealMatchersAgree() throws {
        var generator = SeededGenerator(seed: 31)
        let pieces = [
            "a", "b", "ab", ".*", ".+", "|", "(a|b)", "(?:ab)?", "?", "\\.", ".", "[ab]", "x*", "^", "$", "c", "(", ")",
        ]
        let texts = ["", "a", "b", "ab", "aab", "abc", ".", "a.b", "xa", "xab", "cab", "aa", "bb", "abab", "c", "a\nb"]
        var compiled = 0
        for _ in 0..<4000 {
            let pattern = (0..<Int(generator.next() % 5) + 1).map { _ in
                pieces[Int(generator.next() % UInt64(pieces.count))]
            }.joined()
            for operation in [Matcher.Operation.regex, .notRegex] {
                guard let matcher = try? Matcher("l", operation, pattern) else { continue }
                compiled += 1
                let test = ValueTest(matcher)
                #expect((test.passesEmpty != test.isNegated) == matcher.matches(""), "\(matcher) on nothing")
                for text in texts.dropFirst() {
                    let passes = Array(text.utf8).withUnsafeBytes { $0.starts(with: test.prefix) && test.passes($0) }
                    #expect((passes != test.isNegated) == matcher.matches(text), "\(matcher) on \(text)")
                }
            }
        }
        #expect(compiled > 2000)
    }

    static func randomMatchers(_ generator: inout SeededGenerator) throws -> [Matcher] {
        let names = ["__name__", "instance", "id", "Zone", "path", "absent"]
        let values = [
            "", "metric_1_total", "metric_.*", "host-3:9100", "host-1.*", ".*9100", ".+", ".*", "1|2|3", "eu-1", "eu-.",
            "[0-9]",
            ".*point.*", "x", "/very/.+", "1[0-5]+", "(1|2)(3|4)",
        ]
        return try (0..<Int(generator.next() % 3) + 1).map { _ in
            try Matcher(
                names[Int(generator.next() % UInt64(names.count))],
                [.equal, .notEqual, .regex, .notRegex][Int(generator.next() % 4)],
                values[Int(generator.next() % UInt64(values.count))])
        }
    }

    @Test func postingsAgreeWithMatchingOneByOne() throws {
        var generator = SeededGenerator(seed: 32)
        let series = SeriesSamples.series(700, rows: 2, &generator)
        let segment = try MetricSegment.make(series, tier: 1)
        let table = MetricMemtable()
        let batch = MetricBatch()
        for one in series {
            batch.beginSeries(one.labels)
            batch.append(timestamp: 1, value: 1)
        }
        var record = ByteBuffer()
        MetricRecord.encode(batch, into: &record)
        try table.apply(record.bytes, tenant: .default, offset: 1)
        let part = try #require(table.tenantTable(.default))
        let sorted = series.map(\.labels).sorted()
        for _ in 0..<150 {
            let matchers = try Self.randomMatchers(&generator)
            let plan = MatcherPlan(matchers)
            let wanted = sorted.indices.filter { sorted[$0].match(matchers) }.map { UInt32($0) }
            for _ in 0..<2 {  // The second time from the cache.
                #expect(try plan.evaluate(segment, cancellation: Cancellation()).ordinals == wanted, "\(matchers)")
            }
            let found = try plan.evaluate(MemtableLabelIndex(part), cancellation: Cancellation()).ordinals
            let names = found.map { Labels(canonical: part.index.series.pointer(Int($0)).pointee.labels) }
            #expect(names.sorted() == wanted.map { sorted[Int($0)] }, "\(matchers)")
        }
        #expect(try MatcherPlan([]).evaluate(segment, cancellation: Cancellation()).count == 700)
    }

    @Test func cancellationStopsTheSearch() throws {
        var generator = SeededGenerator(seed: 33)
        let segment = try MetricSegment.make(SeriesSamples.series(20, rows: 2, &generator))
        let cancellation = Cancellation()
        cancellation.cancel()
        #expect(throws: Cancelled.self) {
            try MatcherPlan([Matcher("id", equals: "1")]).evaluate(segment, cancellation: cancellation)
        }
    }
}
