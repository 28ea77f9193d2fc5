import Formats
import Testing

/// The tables of Prometheus' own translator.
@Suite struct OTLPNamesTests {
    private func rows(_ name: String) throws -> [JSONValue] {
        try SharedData.lines("conformance/otlp-names/\(name).jsonl").map { try JSONValue(parsing: $0) }
    }

    @Test(.enabled(if: SharedData.isPresent)) func translatesMetricNames() throws {
        var count = 0
        for row in try rows("metrics") {
            let strategy = try #require(OTLPNameStrategy(rawValue: row["strategy"]?.string ?? ""))
            let names = OTLPNames(strategy: strategy, namespace: row["namespace"]?.string ?? "")
            let (name, unit) = (row["name"]?.string ?? "", row["unit"]?.string ?? "")
            let kind: OTLPNames.Kind =
                switch row["type"]?.string {
                case "gauge": .gauge
                case "sum, monotonic": .counter
                default: .other
                }
            do throws(OTLPNameError) {
                let translated = try names.metric(name, unit: unit, kind: kind)
                #expect(translated == row["want_name"]?.string, "\(name) [\(unit)]")
                #expect(names.unit(unit) == row["want_unit"]?.string ?? "", "\(name) [\(unit)]")
            } catch {
                #expect(error.description == row["error"]?.string, "\(name) [\(unit)]")
            }
            count += 1
        }
        #expect(count == 58)
    }

    @Test(.enabled(if: SharedData.isPresent)) func translatesLabelNames() throws {
        var count = 0
        for row in try rows("labels") {
            let attribute = row["attribute"]?.string ?? ""
            for (keeps, leads) in [(false, false), (true, false), (false, true), (true, true)] {
                let names = OTLPNames(keepsMultipleUnderscores: keeps, sanitizesLeadingUnderscore: leads)
                var wanted = row["sanitized"]?.string
                if keeps { wanted = row["sanitizedMultipleUnderscores"]?.string ?? wanted }
                if leads { wanted = row["sanitizedUnderscoreLabelSanitization"]?.string ?? wanted }
                if keeps, leads {
                    wanted =
                        row["sanitizedMultipleUnderscoresAndUnderscoreLabelSanitization"]?.string
                        ?? row["sanitizedUnderscoreLabelSanitization"]?.string
                        ?? row["sanitizedMultipleUnderscores"]?.string ?? row["sanitized"]?.string
                }
                var error = row["wantSanitizationError"]?.string
                if keeps { error = row["wantSanitizationMultipleUnderscoresError"]?.string ?? error }
                expect(names, attribute, wanted, error)
            }
            let verbatim = OTLPNames(strategy: .noTranslation)
            expect(verbatim, attribute, attribute, row["wantUTF8Error"]?.string)
            count += 1
        }
        #expect(count == 12)
    }

    private func expect(_ names: OTLPNames, _ attribute: String, _ wanted: String?, _ wantedError: String?) {
        do throws(OTLPNameError) {
            let label = try names.label(attribute)
            #expect(wantedError == nil && label == wanted, "\(attribute) became \(label)")
        } catch {
            #expect(error.description == wantedError, "\(attribute)")
        }
    }
}
