import Bedrock
import Client
import Model

/// The entries themselves: pages, context around hits, and what follows.
struct EntriesReport {
    let session: Session
    let question: LogQuestion
    let options: LogsOptions

    func run(to output: Output) async throws -> ExitStatus {
        let writer = EntryWriter(options.style, output)
        if options.isFollowing {
            return try await LogFollower(session: session, query: question.query, options: options).run(writer, output)
        }
        let started = SystemClock().monotonicNanoseconds()
        let pager = LogPager(
            session: session, query: question.query, range: options.range, direction: options.direction,
            limit: options.limit)
        var hits = LogTable()
        let outcome = try await pager.run { page in
            if options.context == nil { writer.write(page) } else { hits = page }
        }
        if let lines = options.context, !hits.isEmpty {
            let reader = LogContextReader(session: session, lines: lines)
            write(try await reader.groups(around: hits, direction: options.direction), writer)
        }
        for warning in outcome.warnings { output.note("warning: \(warning)") }
        if outcome.count == 0, let narrowness = question.narrowness { output.note("warning: \(narrowness)") }
        if options.showsStatistics {
            let seconds = Double(SystemClock().monotonicNanoseconds() - started) / 1e9
            outcome.statistics.report(to: output, entries: outcome.count, seconds: seconds)
        } else if options.limit == 0 {
            output.note("\(outcome.count) \(outcome.count == 1 ? "entry" : "entries")")
        } else if outcome.count == 0, output.isTerminal {
            output.note("no entries")
        }
        return .done
    }

    private func write(_ groups: [LogContextReader.Group], _ writer: EntryWriter) {
        for (number, group) in groups.enumerated() {
            if number > 0 { writer.separator() }
            writer.write(group.table, Array(group.table.rows.indices)) { row in
                EntryWriter.Mark(isHit: group.hits.contains(row), group: number + 1)
            }
        }
    }
}
