import ConformanceKit
import Foundation
import PromQL
import Testing

/// Runs Prometheus' own engine scripts. `KnownGaps.txt` lists, as `file:line`, the evaluations that are known to fail; each line there
/// that passes, and each failure that isn't there, fails the test.
@Suite(.enabled(if: Conformance.isPresent, Comment(rawValue: Conformance.absence)))
struct PromQLTestConformance {
    static let files = [
        "literals", "selectors", "operators", "aggregators", "functions", "at_modifier", "subquery", "staleness",
        "range_queries", "trig_functions", "collision", "histograms", "name_label_dropping", "limit",
        "duration_expression", "fill-modifier", "type_and_unit", "info", "native_histograms", "extended_vectors",
        "start_timestamps",
    ]

    static let gapsFile = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "KnownGaps.txt")

    static let knownGaps: Set<String> = {
        let text = (try? String(contentsOf: gapsFile, encoding: .utf8)) ?? ""
        return Set(text.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") })
    }()

    /// How many evaluations each file has, by its name.
    static func counts() throws -> [String: Int] {
        guard let folder = Conformance.folder else { return [:] }
        let text = try String(contentsOf: folder.appendingPathComponent("promqltest/counts.tsv"), encoding: .utf8)
        let rows = text.split(separator: "\n").dropFirst().map { $0.split(separator: "\t") }
        return Dictionary(uniqueKeysWithValues: rows.map { (String($0[0]), Int($0[1]) ?? -1) })
    }

    static let rewritesGaps = ProcessInfo.processInfo.environment["OBS_WRITE_GAPS"] != nil

    static func outcomes(_ name: String) throws -> [PromQLTestRunner.Outcome] {
        let folder = try #require(Conformance.folder)
        let text = try String(contentsOf: folder.appendingPathComponent("promqltest/\(name).test"), encoding: .utf8)
        return try PromQLTestRunner().run(text, name: "\(name).test")
    }

    @Test(.disabled(if: rewritesGaps), arguments: files) func script(_ name: String) throws {
        let outcomes = try Self.outcomes(name)
        #expect(try outcomes.count == Self.counts()["\(name).test"])
        for outcome in outcomes {
            let place = "\(outcome.file):\(outcome.line)"
            let isKnown = Self.knownGaps.contains(place)
            if let failure = outcome.failure, !isKnown { Issue.record("\(place): \(outcome.query): \(failure)") }
            if outcome.passed && isKnown { Issue.record("\(place) passes: remove it from KnownGaps.txt") }
        }
    }

    /// `OBS_WRITE_GAPS=1` writes the list anew from what fails now, and shows every failure.
    @Test(.enabled(if: rewritesGaps)) func writeKnownGaps() throws {
        var lines = ["# Evaluations of Prometheus' engine scripts that fail, as file:line; made by OBS_WRITE_GAPS=1."]
        for name in Self.files {
            let outcomes = try Self.outcomes(name)
            for outcome in outcomes {
                guard let failure = outcome.failure else { continue }
                lines.append("\(outcome.file):\(outcome.line)")
                print("\(outcome.file):\(outcome.line): \(outcome.query): \(failure)")
            }
            print("\(name): \(outcomes.filter(\.passed).count) of \(outcomes.count) passed")
        }
        try (lines.joined(separator: "\n") + "\n").write(to: Self.gapsFile, atomically: true, encoding: .utf8)
    }

    @Test func everyScriptIsRun() throws {
        #expect(try Set(Self.counts().keys).subtracting(["total"]) == Set(Self.files.map { $0 + ".test" }))
        let stray = Self.knownGaps.filter { gap in !Self.files.contains { gap.hasPrefix($0 + ".test:") } }
        #expect(stray.isEmpty)
    }
}
