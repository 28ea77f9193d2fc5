import Bedrock
import Formats
import Testing

/// The OpenMetrics project's parser cases: the strict validator accepts exactly those that should parse.
@Suite struct OpenMetricsSuiteTests {
    @Test(.enabled(if: SharedData.isPresent)) func agreesOnEveryCase() throws {
        var good = 0
        var bad = 0
        for name in try SharedData.list("conformance/openmetrics") where name != "SOURCE" {
            let folder = "conformance/openmetrics/\(name)"
            let verdict = try JSONValue(
                parsing: String(decoding: SharedData.read(folder + "/test.json"), as: UTF8.self))
            let shouldParse = try #require(verdict["shouldParse"]?.bool as Bool?)
            let bytes = try SharedData.read(folder + "/metrics")
            let problems = bytes.withUnsafeBytes { ExpositionValidator.problems(in: $0, format: .openMetrics) }
            #expect(problems.isEmpty == shouldParse, "\(name): \(problems.map(\.description))")
            let lineCount = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).count
            #expect(problems.allSatisfy { (1...lineCount).contains($0.position.line) })
            if shouldParse { good += 1 } else { bad += 1 }
        }
        #expect(good == 28)
        #expect(bad == 115)
    }
}
