import Bedrock
import Client
import Glibc
import Model

/// `--follow`: the last entries, then what is written. A lost connection is made again, and a query fills the gap.
struct LogFollower {
    let session: Session
    let query: String
    let options: LogsOptions

    /// Nanoseconds: entries that arrive that much out of order are still found when a gap is filled.
    private static let disorder: Int64 = 5_000_000_000

    func run(_ writer: EntryWriter, _ output: Output) async throws -> ExitStatus {
        // Everything shown is written already: there is nothing to lose.
        signal(SIGINT) { _ in _exit(ExitStatus.done.rawValue) }
        signal(SIGTERM) { _ in _exit(ExitStatus.done.rawValue) }
        var shown = ShownEntries()
        try await history(writer, &shown)
        var lag = LagWatch()
        var backoff = Backoff()
        while true {
            do {
                // What was written before has been shown, or is the gap that a query fills.
                let now = LogTimeRange.nanoseconds(milliseconds: SystemClock().now())
                for try await event in session.logs.tail(query, start: now) {
                    switch event {
                    case .opened:
                        try await fillGap(writer, &shown)
                        backoff = Backoff()
                    case .entries(let table):
                        var table = table
                        table.sort(.forward)
                        let fresh = shown.takeNew(table, isRepeat: .onlyOverlap)
                        writer.write(fresh)
                        lag.see(newest: table.rows.last?.timestamp, output)
                    case .dropped(let count): output.note("\(count) entries were left out: too many at once")
                    case .lag(let seconds): lag.see(seconds, output)
                    }
                }
                output.note("the server ended the tail; trying again")
            } catch let error as ClientError {
                try judge(error)
                output.note("\(error); trying again in \(backoff.text)")
            } catch let failure as Failure where failure.status == .refused {
                output.note("\(failure.text); trying again in \(backoff.text)")
            }
            try await Task.sleep(nanoseconds: backoff.next())
        }
    }

    /// What another try can't mend ends the command.
    private func judge(_ error: ClientError) throws {
        switch error {
        case .unreachable, .timeout, .unavailable, .cancelled: return
        case .api(let api) where api.status == 429 || api.status >= 500: return
        case .api, .malformed, .tooLarge: throw Failure("\(error)", .no)
        case .refused: throw Failure("\(error)", .refused)
        }
    }

    /// The newest entries of the range, oldest first.
    private func history(_ writer: EntryWriter, _ shown: inout ShownEntries) async throws {
        shown.newest = options.range.end
        guard options.limit > 0 else {
            let pager = LogPager(
                session: session, query: query, range: options.range, direction: .forward, limit: 0)
            var all = shown
            _ = try await pager.run { page in writer.write(all.takeNew(page, isRepeat: .no)) }
            shown = all
            return
        }
        let request = LogPageRequest(query, range: options.range, limit: min(options.limit, LogPager.pageMax))
        var page = try await session.askLogs(query) { client throws(ClientError) in try await client.entries(request) }
            .table
        page.reverse()
        writer.write(shown.takeNew(page, isRepeat: .no))
    }

    /// What was written since the newest entry shown, but for what is shown already.
    private func fillGap(_ writer: EntryWriter, _ shown: inout ShownEntries) async throws {
        shown.beginOverlap()
        // Up to a day ahead: senders' clocks differ.
        let end = LogTimeRange.nanoseconds(milliseconds: SystemClock().now() + 86_400_000)
        let range = LogTimeRange(max(options.range.start, shown.newest - Self.disorder), end)
        let pager = LogPager(session: session, query: query, range: range, direction: .forward, limit: 0)
        var all = shown
        _ = try await pager.run { page in writer.write(all.takeNew(page, isRepeat: .ifShown)) }
        shown = all
    }
}
