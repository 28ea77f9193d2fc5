import Model
import Testing

@testable import PromQL

@Suite struct ParserTests {
    private func failure(_ query: String, _ options: ParserOptions = ParserOptions()) -> ParseError? {
        do {
            _ = try PromQLParser.parse(query, options: options)
            return nil
        } catch { return error }
    }

    @Test func errorsRenderAsTheAPIDoes() {
        #expect(failure("foo +\n  rtae(x[5m])")?.description == "2:3: parse error: unknown function with name \"rtae\"")
    }

    @Test func errorsCarryHints() {
        #expect(failure("rtae(x[5m])")?.hint == "did you mean \"rate\"?")
        #expect(failure("Rate(x[5m])")?.hint == "did you mean \"rate\"?")
        #expect(failure("zzzzzz(x)")?.hint == nil)
        #expect(failure("rate(x)")?.hint == "add a range to the selector: [5m]")
        #expect(failure("rate(x + y)")?.hint == "make it a subquery: [5m:]")
        #expect(failure("x = 1")?.hint == "values are compared with ==")
        #expect(failure("1 == 1")?.hint == "write == bool")
        #expect(failure("up{job=api}")?.hint == "label values are quoted")
    }

    @Test func excerptPointsAtTheFault() {
        let query = "sum(\n\trtae(x[5m]))"
        #expect(failure(query)?.excerpt(of: query) == "\trtae(x[5m]))\n\t^^^^")
    }

    @Test func nestingAndLengthAreBounded() {
        for opening in ["(", "-", "sum(", "a[5m:] + (", "foo[(", "foo[-"] {
            #expect(failure(String(repeating: opening, count: 100_000)) != nil)
        }
        let chain = Array(repeating: "a", count: 50_000).joined(separator: " or ")
        #expect(failure(chain)?.message == "query is more than 1024 operations deep")
        #expect(failure("a" + String(repeating: "[5m:]", count: 50_000)) != nil)
        #expect(failure("foo[1" + String(repeating: "+1", count: 50_000) + "]") != nil)
        #expect(failure(String(repeating: " ", count: ParserLimits.queryBytesMax + 1)) != nil)
    }

    @Test func deepQueriesWithinTheLimitsWork() throws {
        let deep = String(repeating: "(", count: 250) + "x" + String(repeating: ")", count: 250)
        try expectRoundTrip(deep)
        try expectRoundTrip(Array(repeating: "a", count: 300).joined(separator: " or "))
        let chain = Array(repeating: "a", count: 1000).joined(separator: " or ")
        #expect(try PromQLParser.parse(chain).description == chain)
    }

    @Test func precedence() throws {
        func isSame(_ a: String, _ b: String) throws {
            func bare(_ expr: Expr) -> Expr {
                var expr = expr.withoutSourceRanges().mapChildren(bare)
                while case .paren(let paren) = expr { expr = paren.inner }
                return expr
            }
            #expect(try bare(PromQLParser.parse(a)) == bare(PromQLParser.parse(b)), "\(a)")
        }
        try isSame("a ^ b ^ c", "a ^ (b ^ c)")
        try isSame("a - b - c", "(a - b) - c")
        try isSame("-a ^ b * c", "(-(a ^ b)) * c")
        try isSame("a ^ -b * c", "(a ^ (-b)) * c")
        try isSame("a or b and c unless d", "a or ((b and c) unless d)")
        try isSame("a + b > c * d atan2 e", "(a + b) > ((c * d) atan2 e)")
        try isSame("a </ b == c", "(a </ b) == c")
        try isSame("-a offset 5m", "-(a offset 5m)")
    }

    @Test func optionsSwitchPartsOff() {
        var options = ParserOptions()
        options.experimentalFunctions = false
        #expect(failure("mad_over_time(x[5m])", options) != nil)
        #expect(failure("limitk(1, x)", options) != nil)
        options.experimentalFunctions = true
        options.durationExpressions = false
        #expect(failure("x[5m + 1m]", options) != nil)
        #expect(failure("x[5m] offset -5m", options) == nil)
        options.durationExpressions = true
        options.extendedSelectors = false
        #expect(failure("x[5m] anchored", options) != nil)
    }

    @Test func numbersAndDurations() throws {
        func value(_ text: String) throws -> Double {
            guard case .number(let number) = try PromQLParser.parse(text) else { return .nan }
            return number.value
        }
        for (text, wanted) in [
            ("0x1F", 31), ("010", 8), ("08", 8), ("1_000", 1000), ("1e3", 1000), (".5", 0.5), ("5.", 5),
            ("1h30m", 5400),
            ("100ms", 0.1), ("-0755", -493), ("inf", Double.infinity), ("-INF", -.infinity), ("0x_1", 1),
        ] {
            #expect(try value(text) == wanted, "\(text)")
        }
        for text in ["1.5h", "1m1h", "1__0", "1_", "0b1", "1e", "5mm", "0x", "1x", "5m3"] {
            #expect(failure(text) != nil, "\(text)")
        }
    }

    @Test func stringEscapes() throws {
        func value(_ text: String) throws -> String? {
            guard case .string(let literal) = try PromQLParser.parse(text) else { return nil }
            return literal.value
        }
        #expect(
            try value(#""\a\b\f\n\r\t\v\\\"\101\x42\u00e9\U0001F600""#)
                == "\u{7}\u{8}\u{c}\n\r\t\u{b}\\\"AB\u{e9}\u{1F600}")
        #expect(try value("'a\"b\\''") == "a\"b'")
        #expect(try value("`a\\n\n\"'`") == "a\\n\n\"'")
        try expectRoundTrip(#"label_replace(x, "a\xc5z\xff", "\xe2\x82\xac", "\xe2\x82", "ü")"#)
        #expect(try PromQLParser.parse(#""a\xc5z""#).description == #""a\xc5z""#)
        #expect(failure("\"a\nb\"")?.message == "unterminated quoted string")
        #expect(failure(#""\uD800""#)?.message == "escape sequence is an invalid Unicode code point")
    }

    @Test func sourceRangesCoverTheNodes() throws {
        let query = "sum by (a) (rate(x{b=\"c\"}[5m] offset 1m)) + 2"
        func part(_ expr: Expr) -> String {
            String(decoding: Array(query.utf8)[expr.source.start..<expr.source.end], as: UTF8.self)
        }
        var parts: [String] = []
        try PromQLParser.parse(query).walk {
            parts.append(part($0))
            return true
        }
        #expect(
            parts == [
                query, "sum by (a) (rate(x{b=\"c\"}[5m] offset 1m))", "rate(x{b=\"c\"}[5m] offset 1m)",
                "x{b=\"c\"}[5m] offset 1m", "2",
            ])
    }

    @Test func metricSelectorsAreBare() throws {
        #expect(
            try PromQLParser.parseMetricSelector("up{job!=\"x\"}").map(\.description) == [
                "job!=\"x\"", "__name__=\"up\"",
            ])
        #expect(throws: ParseError.self) { try PromQLParser.parseMetricSelector("up[5m]") }
        #expect(throws: ParseError.self) { try PromQLParser.parseMetricSelector("{a=~\".*\"}") }
        #expect(throws: ParseError.self) { try PromQLParser.parseMetricSelector("") }
    }
}
