import Bedrock
import Client
import Model

/// An answer as rows of text.
struct ResultTable {
    private let result: QueryResult

    init(_ result: QueryResult) { self.result = result }

    var isEmpty: Bool {
        switch result {
        case .vector(let table), .matrix(let table): table.isEmpty
        case .scalar, .string: false
        }
    }

    func write(to output: Output, csv: Bool) {
        switch result {
        case .scalar(let sample): output.line(NumberText.text(sample.value))
        case .string(_, let text): output.line(text)
        case .vector(let table): csv ? writeCSV(table, to: output) : writeVector(table, to: output)
        case .matrix(let table): csv ? writeCSV(table, to: output) : writeMatrix(table, to: output)
        }
    }

    /// Label names become columns; those that all rows share are said once, above.
    private func writeVector(_ table: SeriesTable, to output: Output) {
        if table.isEmpty { return output.note("no data") }
        if table.count == 1 {
            output.line("\(output.styled("\(table.labels[0])", .cyan)) \(value(table, 0))")
            return
        }
        let names = columnNames(table)
        let shared = names.filter { name in Set(table.labels.map { $0[name] ?? "" }).count == 1 }
        if !shared.isEmpty {
            let common = Labels(shared.map { Label($0, table.labels[0][$0] ?? "") })
            output.line(output.styled("\(common)", .dim))
        }
        let shown = names.filter { !shared.contains($0) }
        var rows = TextTable(
            shown.map { $0 == Labels.metricName ? "metric" : $0 } + ["value"], alignRight: [shown.count])
        for i in 0..<table.count { rows.add(shown.map { table.labels[i][$0] ?? "" } + [value(table, i)]) }
        for line in rows.lines(output) { output.line(line) }
    }

    private func writeMatrix(_ table: SeriesTable, to output: Output) {
        if table.isEmpty { return output.note("no data") }
        for i in 0..<table.count {
            output.line(output.styled("\(table.labels[i])", .cyan))
            for point in table.points(i) {
                let time = UTCTime(milliseconds: table.timestamps[point]).iso8601
                output.line("  \(output.styled(time, .dim))  \(NumberText.text(table.values[point]))")
            }
            for point in table.histograms where point.series == i {
                let time = UTCTime(milliseconds: point.timestamp).iso8601
                output.line("  \(output.styled(time, .dim))  \(histogram(point))")
            }
        }
    }

    private func writeCSV(_ table: SeriesTable, to output: Output) {
        let names = columnNames(table)
        output.line((["time"] + names + ["value"]).map(csvField).joined(separator: ","))
        for i in 0..<table.count {
            let labels = names.map { csvField(table.labels[i][$0] ?? "") }
            for point in table.points(i) {
                let time = UTCTime(milliseconds: table.timestamps[point]).iso8601
                output.line(([time] + labels + [NumberText.text(table.values[point])]).joined(separator: ","))
            }
        }
    }

    private func columnNames(_ table: SeriesTable) -> [String] {
        var seen: Set<String> = []
        for labels in table.labels { for label in labels.list { seen.insert(label.name) } }
        let hasName = seen.remove(Labels.metricName) != nil
        return (hasName ? [Labels.metricName] : []) + seen.sorted(by: utf8Precedes)
    }

    private func value(_ table: SeriesTable, _ series: Int) -> String {
        if let last = table.lastValue(series) { return NumberText.text(last) }
        return table.histograms.last { $0.series == series }.map(histogram) ?? ""
    }

    private func histogram(_ point: HistogramPoint) -> String {
        let buckets = point.buckets.map {
            "\($0.rule == 1 || $0.rule == 3 ? "[" : "(")\(NumberText.text($0.left)),\(NumberText.text($0.right))\($0.rule == 0 || $0.rule == 3 ? "]" : ")"):\(NumberText.text($0.count))"
        }
        return
            "{count:\(NumberText.text(point.count)), sum:\(NumberText.text(point.sum))\(buckets.map { ", " + $0 }.joined())}"
    }

    private func csvField(_ text: String) -> String {
        text.contains { $0 == "," || $0 == "\"" || $0.isNewline }
            ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }
}
