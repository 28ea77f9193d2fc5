import Bedrock
import Client
import Dashboards
import Formats
import LogQL
import Model

/// `--volume` and `--metrics`: numbers over time in braille.
struct GraphReport {
    let session: Session
    let question: LogQuestion
    let options: LogsOptions
    let invocation: Invocation

    /// How many entries there are over time, as bars.
    func volume(to output: Output) async throws -> ExitStatus {
        if question.isMetric { throw UsageError("--volume wants a log query; --metrics draws this one") }
        let labels = options.by.map { [$0] } ?? LogSearch.levelLabels
        let grid = try grid(points: max(10, output.width - 12))
        let query = question.counts(by: labels, step: grid.step)
        if options.isJSON { return try await printDocument(query, grid, to: output) }
        // Each bar counts what lies between its time and the next: windows end where the next bar begins.
        let table = try await matrix(
            query, Grid(start: grid.start + grid.step, end: grid.end + grid.step, step: grid.step))
        var shifted = SeriesTable()
        for i in 0..<table.count {
            let samples = table.points(i).map { Sample(table.timestamps[$0] - grid.step, table.values[$0]) }
            shifted.append(table.labels[i], samples)
        }
        var graph = RangeGraph(shifted, start: grid.start, end: grid.end, step: grid.step)
        graph.isHistogram = true
        graph.unit = UnitFormat("short")
        graph.name = { set in labels.lazy.compactMap { set[$0] }.first { !$0.isEmpty } ?? "no \(labels[0])" }
        graph.color = { set in labels.lazy.compactMap { set[$0] }.compactMap(LogLevel.init).first.map(RGBColor.ofLevel)
        }
        try draw(graph, isEmpty: table.isEmpty, to: output)
        return .done
    }

    /// A metric query, or the number of entries, as lines.
    func metrics(to output: Output) async throws -> ExitStatus {
        let grid = try grid(points: max(40, (output.width - 12) * 2))
        let query = question.counts(by: options.by.map { [$0] } ?? [], step: grid.step)
        if options.isJSON { return try await printDocument(query, grid, to: output) }
        let table = try await matrix(query, grid)
        var graph = RangeGraph(table, start: grid.start, end: grid.end, step: grid.step)
        graph.unit = UnitFormat(invocation.value("--unit"))
        try draw(graph, isEmpty: table.isEmpty, to: output)
        return .done
    }

    /// A metric query at the end of the range.
    func instant(to output: Output) async throws -> ExitStatus {
        if options.isJSON {
            let document = try await session.askLogs(question.query) { client throws(ClientError) in
                try await client.document(question.query, at: options.range.end)
            }
            output.line(document.text)
            return .done
        }
        let answer = try await session.askLogs(question.query) { client throws(ClientError) in
            try await client.instant(question.query, at: options.range.end)
        }
        for warning in answer.warnings { output.note("warning: \(warning)") }
        guard case .metric(let result) = answer.result else {
            throw Failure("the server answers a metric query with log entries", .no)
        }
        ResultTable(result).write(to: output, csv: false)
        return .done
    }

    // MARK: parts

    /// Milliseconds, on multiples of the step, so that a graph drawn again shows the same points.
    private struct Grid {
        var start: Int64
        var end: Int64
        var step: Int64
    }

    private func grid(points: Int) throws -> Grid {
        let start = options.range.start / LogTime.nanosecondsPerMillisecond
        let end = options.range.end / LogTime.nanosecondsPerMillisecond
        let step =
            try invocation.value("--step").map(TimeArgument.span)
            ?? TimeArgument.niceStep((end - start) / Int64(points))
        return Grid(start: start / step * step, end: end / step * step, step: step)
    }

    private func matrix(_ query: String, _ grid: Grid) async throws -> SeriesTable {
        let answer = try await session.askLogs(query) { client throws(ClientError) in
            try await client.range(
                query, start: LogTimeRange.nanoseconds(milliseconds: grid.start),
                end: LogTimeRange.nanoseconds(milliseconds: grid.end),
                step: LogTimeRange.nanoseconds(milliseconds: grid.step))
        }
        for warning in answer.warnings { invocation.output.note("warning: \(warning)") }
        if case .metric(.matrix(let table)) = answer.result { return table }
        throw Failure("the server gave no numbers over time", .no)
    }

    private func printDocument(_ query: String, _ grid: Grid, to output: Output) async throws -> ExitStatus {
        let document = try await session.askLogs(query) { client throws(ClientError) in
            try await client.document(
                query, start: LogTimeRange.nanoseconds(milliseconds: grid.start),
                end: LogTimeRange.nanoseconds(milliseconds: grid.end),
                step: LogTimeRange.nanoseconds(milliseconds: grid.step))
        }
        output.line(document.text)
        return .done
    }

    private func draw(_ graph: RangeGraph, isEmpty: Bool, to output: Output) throws {
        if isEmpty { return output.note("no data") }
        let height = try invocation.value("--height").map(wholeNumber) ?? 16
        output.raw(graph.text(width: output.width, height: height, colour: output.colour))
    }
}
