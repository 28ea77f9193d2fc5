import Bedrock
import ConformanceKit
import Foundation
import Model
import Testing

@testable import TraceQL

@Suite(.enabled(if: Conformance.isPresent, Comment(rawValue: Conformance.absence)))
struct ParserConformanceTests {
    static let files = ["examples", "parse"]

    static let knownGaps: Set<String> = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("KnownGaps.txt")
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        return Set(text.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") })
    }()

    private func outcome(_ query: String) -> String {
        do {
            _ = try TraceQLParser.parse(query)
            return "valid"
        } catch {
            #expect(error.error.line >= 1 && error.error.column >= 1)
            #expect(error.error.range.end <= query.utf8.count && error.error.range.start <= error.error.range.end)
            switch error.kind {
            case .syntax: return "parse_fails"
            case .invalid: return "validate_fails"
            case .unsupported: return "unsupported"
            }
        }
    }

    @Test(arguments: files) func everyRowAgrees(_ file: String) throws {
        let rows = try Conformance.rows("traceql/\(file).jsonl")
        #expect(rows.count == (file == "examples" ? 316 : 109))
        for (number, row) in rows.enumerated() {
            let query = try #require(row["query"] as? String)
            let wanted = try #require(row["expect"] as? String)
            let found = outcome(query)
            let agrees = wanted == "parses" ? found != "parse_fails" : found == wanted
            let place = "\(file):\(number + 1)"
            if Self.knownGaps.contains(place) {
                #expect(!agrees, "\(place) agrees: remove it from KnownGaps.txt")
            } else {
                #expect(agrees, "\(place): \(query): expected \(wanted), found \(found)")
            }
        }
    }

    @Test(arguments: files) func printingAndParsingGivesTheSame(_ file: String) throws {
        for row in try Conformance.rows("traceql/\(file).jsonl") {
            let query = try #require(row["query"] as? String)
            guard let tree = try? TraceQLParser.parse(query) else { continue }
            for text in [tree.description, tree.pretty(), tree.pretty(lineMax: 20)] {
                let again = try TraceQLParser.parse(text)
                #expect(again == tree, "\(query): \(text)")
            }
        }
    }
}

@Suite struct ParserTests {
    private func failure(_ query: String) -> TraceQLError? {
        do {
            _ = try TraceQLParser.parse(query)
            return nil
        } catch { return error }
    }

    @Test func errorsSayWhereAndWhat() {
        let cases: [(String, String, String?)] = [
            (
                "{ attribute = 4 }", "1:3: parse error: syntax error: unexpected IDENTIFIER \"attribute\"",
                "attributes begin with a point or a scope: .attribute, span.attribute, resource.attribute"
            ),
            (
                "{ duraton > 1s }", "1:3: parse error: syntax error: unexpected IDENTIFIER \"duraton\"",
                "did you mean duration, or the attribute .duraton?"
            ),
            (
                "{ .a == 4 }", "1:7: parse error: syntax error: unexpected =", nil
            ),
            ("{ } |\n rte()", "2:2: parse error: syntax error: unexpected IDENTIFIER \"rte\"", "did you mean rate?"),
            (
                "{ trace:status = error }", "1:3: parse error: syntax error: unknown intrinsic trace:status",
                "trace: has duration, id, rootName, rootService"
            ),
            (
                "{ status = \"error\" }", "1:3: parse error: status = string doesn't compare",
                "ok, error and unset stand without quotes"
            ),
            ("{ .a =~ \"[\" }", "1:9: parse error: invalid regular expression", nil),
            (
                "{ } | count()", "1:1: parse error: syntax error: unexpected an aggregate, expecting spans",
                "aggregates are compared: count() > 1"
            ),
            (
                "{} | rate() + 5", "1:13: parse error: syntax error: unexpected +",
                "for arithmetic, metrics queries stand in parentheses: ({} | rate()) + 5"
            ),
            ("{ .x > 1d }", "1:8: parse error: syntax error: malformed number", "durations have units up to h: 24h"),
        ]
        for (query, text, hint) in cases {
            let error = failure(query)
            #expect(error?.description.hasPrefix(text) == true, "\(query): \(error.map { "\($0)" } ?? "parsed")")
            if let hint { #expect(error?.error.hint == hint, "\(query)") }
        }
    }

    @Test func namesOfAttributesHoldAlmostAnything() throws {
        let cases: [(String, SpanField)] = [
            (".a", .attribute(.any, "a")), ("span.a-b*c/d", .attribute(.span, "a-b*c/d")),
            ("resource.service.name", .attribute(.resource, "service.name")),
            (".\"a b\"", .attribute(.any, "a b")), ("event.a.\"b c\".d", .attribute(.event, "a.b c.d")),
            ("link.\"q\\\"\\\\\"", .attribute(.link, "q\"\\")), (".\"5\"", .attribute(.any, "5")),
            ("instrumentation.x", .attribute(.instrumentation, "x")), ("instrumentation:name", .intrinsic(.scopeName)),
            ("span:id", .intrinsic(.spanID)), ("name", .intrinsic(.name)), (".ключ", .attribute(.any, "ключ")),
        ]
        for (text, field) in cases {
            #expect(try TraceQLParser.parseField(text) == field)
            #expect(try TraceQLParser.parseField(field.text) == field)
        }
        #expect(throws: TraceQLError.self) { try TraceQLParser.parseField("name = 1") }
    }

    @Test func operatorsBindAsTheyShould() throws {
        let pairs = [
            ("{ .a || .b && .c }", "{ (.a || .b) && .c }"), ("{ .a + 1 = 2 && .b }", "{ ((.a + 1) = 2) && .b }"),
            ("{ .a ^ 2 ^ 3 = 1 }", "{ .a ^ (2 ^ 3) = 1 }"), ("{ -.a ^ 2 = 1 }", "{ (-.a) ^ 2 = 1 }"),
            ("{ !.a = .b }", "{ (!.a) = .b }"), ("{ .a - 1 - 2 = 0 }", "{ (.a - 1) - 2 = 0 }"),
            ("{ } && { } >> { }", "{ } && ({ } >> { })"), ("{ } > { } > { }", "({ } > { }) > { }"),
            ("{ } || { .a } && { .b }", "({ } || { .a }) && { .b }"),
            ("({} | rate()) + 2 * 3", "({} | rate()) + 6"), ("({ } | count()) > 1", "{ } | count() > 1"),
            ("{ .a // one\n && /* two */ .b }", "{ .a && .b }"),
        ]
        for (a, b) in pairs { #expect(try TraceQLParser.parse(a) == TraceQLParser.parse(b), "\(a)") }
        #expect(try TraceQLParser.parse("{ .a || (.b && .c) }") != TraceQLParser.parse("{ .a || .b && .c }"))
    }

    @Test func largeQueriesParseOrAreRefused() throws {
        let alternatives = (0..<4000).map { "trace:id=\"\($0)\"" }.joined(separator: " || ")
        let tree = try TraceQLParser.parse("{ \(alternatives) }")
        #expect(try TraceQLParser.parse(tree.pretty()) == tree)
        let tall = [
            String(repeating: "(", count: 100_000), "{ " + String(repeating: "(", count: 100_000),
            "{ " + String(repeating: "!", count: 100_000), "{ " + String(repeating: "-", count: 100_000) + "1 = 1 }",
            "{ } " + String(repeating: "> { } ", count: 10_000),
            "{ 1" + String(repeating: "+1", count: 40_000) + " = 1 }",
            "{ .a" + String(repeating: " ^ .b", count: 20_000) + " = 1 }",
            "{ }" + String(repeating: "| { }", count: 20_000),
            "count()" + String(repeating: "+1", count: 40_000) + " > 1", String(repeating: "x", count: 200_000),
        ]
        for query in tall {
            let error = failure(query)
            #expect(error?.kind == .syntax, "\(query.prefix(20))")
        }
    }
}
