import Bedrock
import ConformanceKit
import Foundation
import Model
import Testing

@testable import LogQL

@Suite(.enabled(if: Conformance.isPresent, Comment(rawValue: Conformance.absence)))
struct ParserConformanceTests {
    private static func bytes(_ row: [String: Any]) throws -> [UInt8] {
        if let text = row["query"] as? String { return Array(text.utf8) }
        return Array(try #require(Data(base64Encoded: row["query_base64"] as? String ?? "")))
    }

    @Test func everyRowAgrees() throws {
        let rows = try Conformance.rows("logql/parse.jsonl")
        #expect(rows.count == 148)
        for row in rows {
            let query = try Self.bytes(row)
            let text = String(decoding: query, as: UTF8.self)
            if row["valid"] as? Bool == true {
                #expect(throws: Never.self, "\(text)") { try LogQLParser.parse(utf8: query) }
            } else {
                let error = #expect(throws: LogQLError.self, "\(text)") { try LogQLParser.parse(utf8: query) }
                if let error {
                    #expect(error.line >= 1 && error.column >= 1)
                    #expect(error.range.end <= query.count && error.range != SourceRange.none, "\(text): \(error)")
                }
            }
        }
    }

    @Test func printingAndParsingGivesTheSame() throws {
        for row in try Conformance.rows("logql/parse.jsonl") where row["valid"] as? Bool == true {
            let expr = try LogQLParser.parse(utf8: Self.bytes(row))
            for text in [expr.description, expr.pretty(), expr.pretty(lineMax: 20)] {
                let again = try LogQLParser.parse(text)
                #expect(again == expr, "\(text)")
            }
        }
    }
}

@Suite struct ParserTests {
    private func failure(_ query: String) -> LogQLError? {
        do {
            _ = try LogQLParser.parse(query)
            return nil
        } catch { return error }
    }

    @Test func errorsSayWhereAndWhat() {
        let cases: [(String, String, String?)] = [
            (
                "rte({a=\"b\"}[5m])", "1:1: parse error: syntax error: unexpected IDENTIFIER \"rte\"",
                "did you mean rate?"
            ),
            (
                "{a=\"b\"} | jsn", "1:14: parse error: syntax error: unexpected $end, expecting a comparison",
                "did you mean the stage json?"
            ),
            (
                "{a=b}", "1:4: parse error: syntax error: unexpected IDENTIFIER \"b\", expecting STRING",
                "values of labels are quoted"
            ),
            (
                "rate({a=\"b\"})", "1:13: parse error: syntax error: unexpected ), expecting RANGE",
                "rate needs a window, such as [5m]"
            ),
            (
                "{a=\"b\"} |= 'x'", "1:12: parse error: syntax error: unexpected character '\\''",
                "strings stand in double quotes or backquotes"
            ),
            (
                "{a=\"b\"}\n| json\n| unwrap x", "1:1: parse error: unwrap is only allowed in metric queries",
                "wrap the query: sum_over_time(… [5m])"
            ),
            ("{a=\"b\"}\n | line_format `{{ .x `", "2:2: parse error: invalid line template:", nil),
            ("{a=\"b\"} |= ip(\"1.2.3\")", "1:9: parse error: ip: invalid pattern", nil),
            ("sum(rate({a=\"b\"}[1m])) & 2", "1:24: parse error: syntax error: unexpected character '&'", "write and"),
        ]
        for (query, message, hint) in cases {
            let error = failure(query)
            #expect(error?.description.hasPrefix(message) == true, "\(query): \(String(describing: error))")
            if let hint { #expect(error?.hint == hint, "\(query)") }
        }
    }

    @Test func keywordsAreNamesWhereTheyMeanNothing() throws {
        for query in [
            "{json=\"a\", by=\"b\", rate=\"c\"} | json=\"x\" | (json!=\"x\") | by=\"z\" | or=\"a\" or and=\"b\"",
            "sum by (by, rate, json) (RATE({a=\"b\"}[5m]))", "{a=\"b\"} | JSON | Line_Format \"x\"",
            "{a=\"b\"} | json != \"x\"",
        ] {
            let expr = try LogQLParser.parse(query)
            #expect(try LogQLParser.parse(expr.description) == expr, "\(expr)")
        }
    }

    @Test func bytesOfAnyKindCanBeSearched() throws {
        let expr = try LogQLParser.parse("{a=\"b\"} |= \"\\xff\\x00é\"")
        guard case .log(let query) = expr else { return }
        #expect(query.stages == [.lineFilter(LineFilterStage([.literal([0xFF, 0, 0xC3, 0xA9])]))])
        #expect(try LogQLParser.parse(expr.description) == expr)
    }

    @Test func literalsAreComputed() throws {
        let cases = [
            ("1 + 2 * 3", "7"), ("2 ^ 3 ^ 2", "512"), ("10 / 0", "NaN"), ("1 >= 1 > 1", "0"), ("-(-1)", nil),
            ("1 - -1", "2"), ("0x1p3", "8"), ("(1)", "1"),
        ]
        for (query, printed) in cases {
            #expect((try? LogQLParser.parse(query))?.description == printed, "\(query)")
        }
    }

    @Test func depthIsBounded() {
        for (open, close) in [("(", ")"), ("sum(", ")"), ("1+(", ")")] {
            let deep = String(repeating: open, count: 5000) + "1" + String(repeating: close, count: 5000)
            #expect(failure(deep)?.message.contains("levels deep") == true)
        }
        let rate = "rate({a=\"b\"}[1m])"
        #expect(failure(Array(repeating: rate, count: 3000).joined(separator: " or ")) != nil)
        #expect(failure(Array(repeating: rate, count: 200).joined(separator: " or ")) == nil)
        let filters = Array(repeating: "a=\"b\"", count: 3000).joined(separator: " or ")
        #expect(failure("{a=\"b\"} | " + filters) != nil)
        #expect(failure("{a=\"b\"}" + String(repeating: "|= \"x\"", count: 300)) != nil)
        #expect(failure("{a=\"" + String(repeating: "x", count: 200_000) + "\"}")?.message.contains("longer") == true)
    }

    /// Cuts, swaps and inserts pieces of real queries: parsing gives a tree that prints and parses again, or an error within the text.
    @Test func noTextCrashes() throws {
        var random = SeededGenerator(seed: 7)
        let pieces = [
            "{a=\"b\"}", "|= \"x\"", "!~ `y.*`", "|> \"<_> z\"", "| json", "| json a=\"b.c[0]\"",
            "| logfmt --strict a,b=\"c\"",
            "| regexp \"(?P<x>.)\"", "| pattern \"<x> y\"", "| unpack", "| line_format \"{{.x}}\"",
            "| label_format a=b,c=\"d\"",
            "| decolorize", "| drop a,b=\"c\"", "| keep a", "| unwrap x", "| unwrap duration(x)", "| x > 5",
            "| x >= 5m", "| x < 2KB",
            "| a=\"b\" and (c=\"d\" or e=ip(\"1.2.3.4\"))", "[5m]", "[1h] offset -5m", "rate(", "sum_over_time(",
            "quantile_over_time(0.9,",
            "sum by (a) (", "topk(3,", "label_replace(", ")", "(", ",", "\"x\"", "+", "-", "/", "^", "== bool", "and",
            "or on (a)",
            "* ignoring(b) group_left(c)", "vector(1)", "2", "1.5e3", "NaN", "#c\n", "\\", "\u{1F600}", "\"", "`", "[",
            "]", "}",
        ]
        var valid = 0
        for _ in 0..<4000 {
            var text =
                ["", "{a=\"b\"} ", "{a=\"b\"} | json ", "sum(rate({a=\"b\"}[5m])) ", "rate({a=\"b\"}[5m]) "]
                .randomElement(using: &random) ?? ""
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                text += (pieces.randomElement(using: &random) ?? "") + " "
            }
            var bytes = Array(text.utf8)
            if Int.random(in: 0..<4, using: &random) == 0, !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            do {
                let expr = try LogQLParser.parse(utf8: bytes)
                valid += 1
                #expect(try LogQLParser.parse(expr.description) == expr, "\(expr)")
                #expect(try LogQLParser.parse(expr.pretty(lineMax: 10)) == expr, "\(expr)")
            } catch {
                #expect(error.range.start <= bytes.count && error.range.end <= bytes.count + 1)
                _ = error.excerpt(of: String(decoding: bytes, as: UTF8.self))
            }
        }
        #expect(valid > 100)
    }
}
