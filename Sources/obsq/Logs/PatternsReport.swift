import Bedrock
import Client
import Formats
import Model
import TerminalUI

/// `--patterns`: what kinds of lines there are.
struct PatternsReport {
    let session: Session
    let question: LogQuestion
    let options: LogsOptions

    /// Columns of the plot of each pattern.
    private static let plotColumns = 16
    /// Examples are asked for one by one.
    private static let examplesMax = 20

    private struct Row {
        var pattern: LogPattern
        var share: Double
        var example: String?
    }

    func run(to output: Output) async throws -> ExitStatus {
        let span = options.range.end - options.range.start
        let step = max(1_000_000_000, TimeArgument.niceStep(span / LogTime.nanosecondsPerMillisecond / 60) * 1_000_000)
        let found = try await session.askLogs(question.query) { client throws(ClientError) in
            try await client.patterns(question.query, range: options.range, step: step)
        }
        let total = Double(found.reduce(0) { $0 + $1.total })
        let shown = options.limit == 0 ? found[...] : found.prefix(options.limit)
        var rows = shown.map { Row(pattern: $0, share: total > 0 ? Double($0.total) / total : 0) }
        for index in rows.indices.prefix(Self.examplesMax) {
            rows[index].example = try await example(of: rows[index].pattern)
        }
        if options.isJSON {
            output.line(JSONValue.array(rows.map(json)).text)
        } else if rows.isEmpty {
            output.note("no patterns")
        } else {
            write(rows, of: found.count, step: step, to: output)
        }
        return .done
    }

    /// A line that the pattern stands for; nil where none is found, as of patterns that a pattern filter can't say.
    private func example(of pattern: LogPattern) async throws -> String? {
        guard pattern.text.contains("<_>") else { return nil }
        let query = question.query + "\n|> " + quoted(pattern.text)
        do throws(ClientError) {
            let page = try await session.logs.entries(LogPageRequest(query, range: options.range, limit: 1))
            return page.table.isEmpty ? nil : page.table.text(0)
        } catch {
            if error.isConnection { throw Failure("\(error)") }
            return nil
        }
    }

    private func write(_ rows: [Row], of count: Int, step: Int64, to output: Output) {
        var table = TextTable(["count", "share", "over time", "pattern"], alignRight: [0, 1])
        let room = output.isTerminal ? max(20, output.width - 40) : 10_000
        for row in rows {
            table.add([
                String(row.pattern.total), Self.percent(row.share), plot(row.pattern, step: step),
                Self.oneLine(row.pattern.text, room),
            ])
        }
        let lines = table.lines(output)
        output.line(lines[0])
        for (line, row) in zip(lines.dropFirst(), rows) {
            output.line(line)
            if let example = row.example {
                output.line(output.styled("  e.g. " + Self.oneLine(example, room + 30), .dim))
            }
        }
        if count > rows.count { output.note("and \(count - rows.count) more; --limit 0 shows them") }
    }

    private func plot(_ pattern: LogPattern, step: Int64) -> String {
        let steps = Int((options.range.end - options.range.start) / step) + 1
        var values = [Double](repeating: 0, count: max(1, min(steps, 10_000)))
        for (time, count) in pattern.counts {
            let at = (time - options.range.start) / step
            if at >= 0, at < Int64(values.count) { values[Int(at)] += Double(count) }
        }
        return Sparkline.text(values, columns: Self.plotColumns).padded(Self.plotColumns)
    }

    private static func percent(_ share: Double) -> String {
        NumberText.text((share * 1000).rounded() / 10) + " %"
    }

    private static func oneLine(_ text: String, _ columns: Int) -> String {
        let line = String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 })
        return line.count <= columns ? line : String(line.prefix(columns - 1)) + "…"
    }

    private func json(_ row: Row) -> JSONValue {
        var members: [(key: String, value: JSONValue)] = [
            ("pattern", .string(row.pattern.text)), ("count", .number(Double(row.pattern.total))),
            ("share", .number(row.share)),
            (
                "samples",
                .array(
                    row.pattern.counts.map {
                        .array([.number(Double($0.time / 1_000_000_000)), .number(Double($0.count))])
                    })
            ),
        ]
        if let example = row.example { members.append(("example", .string(example))) }
        return .object(JSONObject(members))
    }
}
