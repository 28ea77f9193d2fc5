import Client
import Model

/// What a command line of `obsq logs` asks for.
struct LogsOptions {
    enum View {
        case entries
        case patterns
        case volume
        case metrics
    }

    var view = View.entries
    var range: LogTimeRange
    /// 0 is everything.
    var limit = 100
    var direction = LogDirection.backward
    var isFollowing = false
    /// Lines around a hit.
    var context: Int?
    var showsStatistics = false
    var style = EntryStyle()
    /// Label that volume and counts are split by; nil leaves it to the view.
    var by: String?
    var isJSON = false

    static let flags: [Flag] = [
        Flag("--since", "SPAN", "so long before the end (default 1h)"),
        Flag("--from", "TIME", "now, -1h, Unix seconds or RFC 3339"),
        Flag("--to", "TIME", "likewise (default now)"),
        Flag("--limit", "N", "at most so many entries, the newest (default 100); 0 is all of them", short: "-n"),
        Flag("--forward", nil, "oldest first"),
        Flag("--follow", nil, "go on with what is written, until Ctrl-C", short: "-f"),
        Flag("--context", "N", "and N lines of the same stream before and after each hit", short: "-C"),
        Flag("--output", "FORMAT", "of entries", choices: EntryStyle.Format.allCases.map(\.rawValue), short: "-o"),
        Flag("--labels", nil, "show all labels, structured metadata too"),
        Flag("--no-labels", nil, "show none"),
        Flag("--patterns", nil, "what kinds of lines there are, and how many of each"),
        Flag("--volume", nil, "how many there are over time, by level or --by"),
        Flag("--metrics", nil, "a metric query over time; of a log query, its count"),
        Flag("--by", "LABEL", "split --volume and --metrics by it"),
        Flag("--step", "SPAN", "distance of points in a graph"),
        Flag("--height", "LINES", "of a graph (default 16)"),
        Flag("--unit", "UNIT", "Grafana's name of the value's unit, for a graph"),
        Flag("--stats", nil, "what was scanned and spared, on standard error"),
    ]

    /// - Parameter now: milliseconds.
    init(_ invocation: Invocation, now: Int64) throws {
        let range = try TimeArgument.range(invocation, now: now, start: "--from", end: "--to")
        self.range = LogTimeRange(milliseconds: range)
        let views: [(String, View)] = [("--patterns", .patterns), ("--volume", .volume), ("--metrics", .metrics)]
        let chosen = views.filter { invocation.has($0.0) }
        if chosen.count > 1 { throw UsageError("\(chosen[0].0) and \(chosen[1].0) exclude each other") }
        view = chosen.first?.1 ?? .entries
        if let text = invocation.value("--limit") { limit = try wholeNumber(text) }
        if invocation.has("--forward") { direction = .forward }
        isFollowing = invocation.has("--follow")
        context = try invocation.value("--context").map(wholeNumber)
        showsStatistics = invocation.has("--stats")
        by = invocation.value("--by")
        isJSON = invocation.has("--json")
        try chooseStyle(invocation)
        try refuseContradictions(invocation, view: chosen.first?.0)
    }

    private mutating func chooseStyle(_ invocation: Invocation) throws {
        if let name = invocation.value("--output"), let format = EntryStyle.Format(rawValue: name) {
            if isJSON, format != .json { throw UsageError("--json and --output \(name) exclude each other") }
            style.format = format
        }
        if isJSON { style.format = .json }
        if invocation.has("--labels") { style.labels = .all }
        if invocation.has("--no-labels") {
            if invocation.has("--labels") { throw UsageError("--labels and --no-labels exclude each other") }
            style.labels = .none
        }
        style.colour = invocation.output.colour
        style.isTerminal = invocation.output.isTerminal
    }

    private func refuseContradictions(_ invocation: Invocation, view: String?) throws {
        if let view {
            for other in ["--follow", "--context", "--output", "--forward"] where invocation.has(other) {
                throw UsageError("\(view) and \(other) exclude each other")
            }
        } else {
            for other in ["--by", "--step", "--height", "--unit"] where invocation.has(other) {
                throw UsageError("\(other) is for --volume and --metrics")
            }
        }
        if isFollowing {
            for other in ["--to", "--context", "--forward", "--data"] where invocation.has(other) {
                throw UsageError("--follow and \(other) exclude each other")
            }
        }
        if let context {
            if limit == 0 || limit > LogPager.pageMax {
                throw UsageError("--context wants a --limit from 1 to \(LogPager.pageMax)")
            }
            if context > 1_000 { throw UsageError("--context is at most 1000") }
        }
    }
}
