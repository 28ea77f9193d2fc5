import Foundation
import Model
import Testing

@testable import Agent

/// Dashboards and rules written for node_exporter must work: names, label sets, types and help are compared with Debian's.
@Suite(.enabled(if: NodeExporter.isInstalled, "prometheus-node-exporter is not installed"))
struct NodeExporterParityTests {
    /// A series without the values, and what its family says of itself.
    struct Exposition {
        var series: Set<String> = []
        var families: [String: String] = [:]
    }

    @Test func seriesTypesAndHelpAgree() throws {
        let exporter = try NodeExporter(arguments: ["--collector.processes"])
        let theirs = parse(try exporter.metrics())
        let ours = ours()
        let covered = Set(ours.families.keys)
        for (family, text) in ours.families where theirs.families[family] != nil {
            #expect(text == theirs.families[family])
        }
        let expected = theirs.series.filter { covered.contains(name($0)) && !isFleeting($0) }
        let found = ours.series.filter { !isFleeting($0) }
        #expect(expected.subtracting(found).isEmpty, "missing here: \(expected.subtracting(found).sorted())")
        #expect(found.subtracting(expected).isEmpty, "only here: \(found.subtracting(expected).sorted())")
        #expect(covered.count > 150, "\(covered.count) families covered")
    }

    /// States of processes come and go; disks and collectors that only one of the two has are known.
    private func isFleeting(_ series: String) -> Bool {
        series.hasPrefix("node_processes_") || series.hasPrefix("node_scrape_collector_")
            || series.hasPrefix("node_pressure_irq")
    }

    private func ours() -> Exposition {
        let batch = MetricBatch()
        try? HostMetrics().collect(into: batch)
        var result = Exposition()
        for index in 0..<batch.seriesCount { result.series.insert(batch.labels(index).description) }
        for item in batch.metadata {
            let kind = item.kind == .unknown ? "untyped" : item.kind.rawValue
            result.families[item.family] = kind + " " + item.help
        }
        return result
    }

    private func parse(_ text: String) -> Exposition {
        var result = Exposition()
        var help: [Substring: Substring] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 3)
            if line.hasPrefix("# HELP") {
                help[words[2]] = words[3]
            } else if line.hasPrefix("# TYPE") {
                result.families[String(words[2])] = words[3] + " " + (help[words[2]] ?? "")
            } else if line.hasPrefix("node_") {
                result.series.insert(canonical(line[..<(line.lastIndex(of: " ") ?? line.endIndex)]))
            }
        }
        return result
    }

    /// As `Labels` prints it; labels with empty values are no labels.
    private func canonical(_ series: Substring) -> String {
        guard let brace = series.firstIndex(of: "{") else { return String(series) }
        var labels = [Label("__name__", String(series[..<brace]))]
        for pair in series[series.index(after: brace)...].dropLast().split(separator: "\",") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            labels.append(Label(String(parts[0]), parts[1].trimmingCharacters(in: ["\""])))
        }
        return Labels(labels).description
    }

    private func name(_ series: String) -> String { String(series.prefix { $0 != "{" }) }
}
