import Glibc

signal(SIGPIPE, SIG_IGN)

let usage = """
    obsbench: measures the house on its own, in one process

      obsbench ingest CORPUS [--data-dir DIR] [--limit BATCHES]
          Plays a corpus of remote-write bodies into a fresh data folder: samples per CPU second, peak memory, bytes per sample.
      obsbench query DIR QUERIES [--end UNIX_SECONDS] [--runs N]
          Runs a file of queries against a data folder: latency and CPU of each.
      obsbench store SCRAPES
          Takes recorded scrapes through the metric store alone: CPU time and bytes per sample of each step.
      obsbench histograms [--series N] [--scrapes N] [--no-exemplars]
          Takes made-up native histograms through the metric store alone, likewise.
      obsbench logs CORPUS [--limit BATCHES]
          Takes a corpus of JSON lines through the log store alone: CPU time and bytes per line of each step and column, beside zstd -9.
      obsbench traces CORPUS [--limit BATCHES]
          Takes a corpus of OTLP traces through the trace store alone: CPU time and bytes per span of each step and column, and searches.
      obsbench scrape DIR [--targets N] [--series N] [--scrapes N]
          Scrapes made-up targets through the agent and its queue in DIR, then the host: CPU of each.
      obsbench sdk [--unreachable SECONDS]
          Records metrics, spans and logs with the SDK: CPU time and allocations of a call beside their bars, then SECONDS (60) without a collector.

    A corpus is a run of records <u32 lane> <u32 items> <u32 length> <body>, little endian. A file of queries has lines
    NAME | instant, range, labels or series | SPAN STEP | EXPRESSION.
    """

/// The value behind a flag.
func option(_ name: String) -> String? {
    let words = CommandLine.arguments
    return words.firstIndex(of: name).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
}

let words = CommandLine.arguments.dropFirst().filter { !$0.hasPrefix("--") }
do {
    switch (words.first, words.count) {
    case ("ingest", 2...):
        try IngestCommand(
            corpus: words[1], folder: option("--data-dir"), limit: option("--limit").flatMap { Int($0) } ?? .max
        ).run()
    case ("query", 3...):
        try QueryCommand(
            folder: words[1], queries: words[2], end: option("--end").flatMap { Int64($0) },
            runs: option("--runs").flatMap { Int($0) } ?? 11
        ).run()
    case ("store", 2...): try StoreCommand.run(words[1])
    case ("histograms", _):
        try HistogramCommand.run(
            series: option("--series").flatMap { Int($0) } ?? 100,
            scrapes: option("--scrapes").flatMap { Int($0) } ?? 960,
            exemplars: !CommandLine.arguments.contains("--no-exemplars"))
    case ("logs", 2...): try LogsCommand.run(words[1], batches: option("--limit").flatMap { Int($0) } ?? .max)
    case ("traces", 2...): try TracesCommand.run(words[1], batches: option("--limit").flatMap { Int($0) } ?? .max)
    case ("scrape", 2...):
        try ScrapeCommand(
            targets: option("--targets").flatMap { Int($0) } ?? 50,
            series: option("--series").flatMap { Int($0) } ?? 1_000,
            scrapes: option("--scrapes").flatMap { Int($0) } ?? 20, folder: words[1]
        ).run()
    case ("sdk", 1...):
        let seconds = option("--unreachable").flatMap { Double($0) } ?? 60
        if !SDKCommand(unreachableSeconds: seconds).run() { exit(1) }
    default:
        print(usage)
        exit(2)
    }
} catch {
    print("obsbench: \(error)")
    exit(1)
}
