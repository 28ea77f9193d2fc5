import Bedrock
import ConformanceKit
import Model
import Testing

@testable import LogQL

/// `filters.jsonl` and `template-functions.jsonl`.
@Suite struct FilterConformanceTests {
    @Test(.enabled(if: Conformance.isPresent, Comment(rawValue: Conformance.absence))) func everyFilterCasePasses()
        throws
    {
        let cases = try Conformance.rows("logql/filters.jsonl")
        #expect(cases.count == 26)
        for row in cases {
            let lines = try #require(row["lines"] as? [String])
            if let filter = row["filter"] as? String {
                try check(filter: filter, lines, row)
            } else {
                try check(pattern: #require(row["pattern"] as? String), lines, row)
            }
        }
    }

    private func check(filter: String, _ lines: [String], _ row: [String: Any]) throws {
        let pattern = String(filter.drop { $0 != "`" }.dropFirst().prefix { $0 != "`" })
        let stage = PipelineStage.lineFilter(LineFilterStage([.ip(pattern)], isNegated: filter.hasPrefix("!=")))
        if row["invalid"] as? Bool == true {
            #expect(throws: PipelineError.self, "\(filter)") { try LogPipelinePlan([stage]) }
            return
        }
        let pipeline = LogPipeline(try LogPipelinePlan([stage]))
        let kept = lines.indices.filter { pipeline.run(lines[$0]) != nil }
        #expect(kept == row["want_line_indexes"] as? [Int], "\(filter)")
    }

    private func check(pattern: String, _ lines: [String], _ row: [String: Any]) throws {
        let expression = try PatternExpression.parser(pattern)
        let wanted = try #require(row["want_captures"] as? [String])
        var found = [String](repeating: "", count: expression.names.count)
        Array(lines[0].utf8).withUnsafeBytes { line in
            expression.forEachCapture(line) { found[$0] = String(decoding: $1, as: UTF8.self) }
        }
        // The file leaves out captures at the end that stay unset.
        #expect(Array(found.prefix(wanted.count)) == wanted, "\(pattern)")
        #expect(!found.dropFirst(wanted.count).contains { !$0.isEmpty }, "\(pattern)")
        let matches = Array(lines[0].utf8).withUnsafeBytes { expression.matches($0) }
        #expect(matches == row["full_match"] as? Bool, "\(pattern)")
    }

    @Test(.enabled(if: Conformance.isPresent, Comment(rawValue: Conformance.absence))) func everyFunctionCasePasses()
        throws
    {
        let cases = try Conformance.rows("logql/template-functions.jsonl")
        #expect(cases.count == 14)
        for row in cases {
            let call = try #require(row["call"] as? String)
            let values = try #require(row["args"] as? [Any])
            let arguments = values.map { value -> String in
                if let text = value as? String { return "\"\(text)\"" }
                return "\(value)"
            }
            let text = "{{ \(call) \(arguments.joined(separator: " ")) }}"
            let pipeline = LogPipeline(try LogPipelinePlan([.lineFormat(text)]))
            #expect(pipeline.run("")?.line == row["want"] as? String, "\(text)")
        }
    }
}
