import ConformanceKit
import Foundation
import LogQL
import Testing

/// Runs Loki's own metric query scripts. `KnownGaps.txt` lists, as `file:line`, the evaluations that are known to fail; each line there
/// that passes, and each failure that isn't there, fails the test.
@Suite(.enabled(if: Conformance.isPresent, Comment(rawValue: Conformance.absence)))
struct ScriptConformanceTests {
    static let files = [
        "binary_operations", "conversions", "formatters", "functions", "label_filters", "line_filters", "parsers",
        "range_aggregations", "vector_aggregations",
    ]
    static let gapsFile = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "KnownGaps.txt")

    static let knownGaps: Set<String> = {
        let text = (try? String(contentsOf: gapsFile, encoding: .utf8)) ?? ""
        return Set(text.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") })
    }()

    static let rewritesGaps = ProcessInfo.processInfo.environment["OBS_WRITE_GAPS"] != nil

    static func outcomes(_ name: String, partRows: Int = 64) throws -> [LogQLTestRunner.Outcome] {
        let folder = try #require(Conformance.folder).appendingPathComponent("logql/scripts")
        let file = name + ".logqltest"
        let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
        return try LogQLTestRunner(partRows: partRows).run(text, name: file)
    }

    @Test(.disabled(if: rewritesGaps), arguments: files) func script(_ name: String) throws {
        for outcome in try Self.outcomes(name, partRows: 7) {
            let place = "\(outcome.file):\(outcome.line)"
            let isKnown = Self.knownGaps.contains(place)
            if let failure = outcome.failure, !isKnown { Issue.record("\(place): \(outcome.query): \(failure)") }
            if outcome.passed && isKnown { Issue.record("\(place) passes: remove it from KnownGaps.txt") }
        }
    }

    @Test func everyEvaluationIsRun() throws {
        let counts = try Self.files.map { try Self.outcomes($0).count }
        #expect(counts.reduce(0, +) == 707)
        let stray = Self.knownGaps.filter { gap in !Self.files.contains { gap.hasPrefix($0 + ".logqltest:") } }
        #expect(stray.isEmpty)
    }

    /// `OBS_WRITE_GAPS=1` writes the list anew from what fails now, and shows every failure.
    @Test(.enabled(if: rewritesGaps)) func writeKnownGaps() throws {
        var lines = ["# Evaluations of Loki's scripts that fail, as file:line; made by OBS_WRITE_GAPS=1."]
        for name in Self.files {
            for outcome in try Self.outcomes(name) {
                guard let failure = outcome.failure else { continue }
                lines.append("\(outcome.file):\(outcome.line)")
                print("\(outcome.file):\(outcome.line): \(outcome.query): \(failure)")
            }
        }
        try (lines.joined(separator: "\n") + "\n").write(to: Self.gapsFile, atomically: true, encoding: .utf8)
    }
}
