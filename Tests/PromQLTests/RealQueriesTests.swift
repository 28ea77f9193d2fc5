import ConformanceKit
import Formats
import Foundation
import Testing

@testable import PromQL

/// Queries from rule collections in production, and the compliance suite's templates with all their variants.
@Suite(.enabled(if: Conformance.isPresent, Comment(rawValue: Conformance.absence)))
struct RealQueriesTests {
    private func yaml(_ url: URL) throws -> YAMLNode {
        try YAMLNode(parsing: String(contentsOf: url, encoding: .utf8), file: url.lastPathComponent)
    }

    @Test func ruleExpressionsRoundTrip() throws {
        let folder = try #require(Conformance.folder).appendingPathComponent("rules/real")
        var count = 0
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).sorted(
            by: { $0.path < $1.path })
        {
            guard ["yml", "yaml"].contains(file.pathExtension) else { continue }
            for group in try yaml(file)["groups"]?.sequence ?? [] {
                for rule in group["rules"]?.sequence ?? [] {
                    let query = try #require(rule["expr"]?.scalar)
                    count += 1
                    do { try expectRoundTrip(query) } catch {
                        Issue.record("\(file.lastPathComponent): \(query): \(error)")
                    }
                }
            }
        }
        #expect(count == 561)
    }

    private static let variants: [String: [String]] = [
        "range": ["1s", "15s", "1m", "5m", "15m", "1h"], "offset": ["1m", "5m", "10m"],
        "simpleAggrOp": ["sum", "avg", "max", "min", "count", "stddev", "stdvar"],
        "simpleTimeAggrOp": ["sum", "avg", "max", "min", "count", "stddev", "stdvar", "absent", "last"],
        "topBottomOp": ["topk", "bottomk"],
        "quantile": ["-0.5", "0.1", "0.5", "0.75", "0.95", "0.90", "0.99", "1", "1.5"],
        "arithBinOp": ["+", "-", "*", "/", "%", "^"], "compBinOp": ["==", "!=", "<", ">", "<=", ">="],
        "binOp": ["+", "-", "*", "/", "%", "^", "==", "!=", "<", ">", "<=", ">="],
        "simpleMathFunc": ["abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "round"],
        "extrapolatedRateFunc": ["delta", "rate", "increase"], "clampFunc": ["clamp_min", "clamp_max"],
        "instantRateFunc": ["idelta", "irate"],
        "dateFunc": ["day_of_month", "day_of_week", "days_in_month", "hour", "minute", "month", "year"],
        "smoothingFactor": ["0.1", "0.5", "0.8"], "trendFactor": ["0.1", "0.5", "0.8"],
    ]

    @Test func complianceQueriesParse() throws {
        let file = try #require(Conformance.folder).appendingPathComponent("promql-compliance/queries.yml")
        var count = 0
        for test in try yaml(file)["test_cases"]?.sequence ?? [] {
            var queries = [try #require(test["query"]?.scalar)]
            for name in test["variant_args"]?.sequence?.compactMap(\.scalar) ?? [] {
                let values = try #require(Self.variants[name], "\(name)")
                queries = queries.flatMap { query in
                    values.map { query.replacingOccurrences(of: "{{.\(name)}}", with: $0) }
                }
            }
            for query in queries {
                count += 1
                do { try expectRoundTrip(query) } catch {
                    #expect(test["should_fail"]?.scalar == "true", "\(query): \(error)")
                }
            }
        }
        #expect(count > 500)
    }
}
