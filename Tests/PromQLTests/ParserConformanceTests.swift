import ConformanceKit
import Foundation
import Testing

@testable import PromQL

@Suite(.enabled(if: Conformance.isPresent, Comment(rawValue: Conformance.absence)))
struct ParserConformanceTests {
    struct Case {
        var query: [UInt8]
        var isValid: Bool
        var errors: [String]
        var positions: [[Int]]
    }

    static func cases() throws -> [Case] {
        try Conformance.rows("promql-parser/parse.jsonl").map { row in
            let encoded = (row["input_base64"] as? String).flatMap { Data(base64Encoded: $0) }
            let query = try #require(encoded ?? (row["query"] as? String).map { Data($0.utf8) })
            return Case(
                query: Array(query), isValid: try #require(row["valid"] as? Bool),
                errors: row["reference_errors"] as? [String] ?? [], positions: row["positions"] as? [[Int]] ?? [])
        }
    }

    @Test func validityAgrees() throws {
        let cases = try Self.cases()
        #expect(cases.count == 231)
        for row in cases {
            let text = String(decoding: row.query, as: UTF8.self)
            do {
                _ = try PromQLParser.parse(utf8: row.query)
                #expect(row.isValid, "accepted: \(text)")
            } catch {
                #expect(!row.isValid, "refused: \(text): \(error)")
            }
        }
    }

    @Test func errorTextsAgree() throws {
        for row in try Self.cases() where !row.isValid {
            let text = String(decoding: row.query, as: UTF8.self)
            #expect(throws: ParseError.self, "\(text)") { try PromQLParser.parse(utf8: row.query) }
            do {
                _ = try PromQLParser.parse(utf8: row.query)
            } catch {
                #expect(error.message == row.errors[0], "\(text)")
            }
        }
    }

    /// Starts agree everywhere; ends except for operators, where the reference leaves out the last character.
    @Test func errorPositionsAgree() throws {
        for row in try Self.cases() where !row.isValid {
            let text = String(decoding: row.query, as: UTF8.self)
            do {
                _ = try PromQLParser.parse(utf8: row.query)
            } catch {
                #expect(error.range.start == row.positions[0][0], "\(text): \(error)")
                #expect([0, 1].contains(error.range.end - row.positions[0][1]), "\(text): \(error.range)")
            }
        }
    }

    @Test func canonicalTextAgrees() throws {
        let rows = try Conformance.rows("promql-parser/print.jsonl")
        #expect(rows.count == 54)
        for row in rows {
            let query = try #require(row["query"] as? String)
            let printed = try PromQLParser.parse(query).description
            #expect(printed == row["printed"] as? String, "\(query)")
        }
    }

    @Test func prettyTextAgrees() throws {
        let rows = try Conformance.rows("promql-parser/pretty.jsonl")
        #expect(rows.count == 29)
        for row in rows {
            let query = try #require(row["query"] as? String)
            let pretty = try PromQLParser.parse(query).pretty(lineMax: #require(row["max_line"] as? Int))
            #expect(pretty == row["pretty"] as? String, "\(query)")
        }
    }

    /// Every valid query of the data, for property tests.
    static func validQueries() throws -> [String] {
        var queries: [String] = []
        for row in try cases() where row.isValid { queries.append(String(decoding: row.query, as: UTF8.self)) }
        for file in ["print", "pretty"] {
            queries += try Conformance.rows("promql-parser/\(file).jsonl").compactMap { $0["query"] as? String }
        }
        return queries
    }

    @Test func printedQueriesParseToTheSameTree() throws {
        for query in try Self.validQueries() { try expectRoundTrip(query) }
    }

    /// Valid queries with a few bytes changed: an error or a tree, never a crash, and quickly.
    @Test func mutatedQueriesDoNotCrash() throws {
        var fuzzer = QueryMutator(seed: 2)
        for query in try Self.validQueries() {
            for _ in 0..<40 {
                guard let expr = try? PromQLParser.parse(utf8: fuzzer.mutate(Array(query.utf8))) else { continue }
                try expectRoundTrip(expr.description)
            }
        }
    }
}
