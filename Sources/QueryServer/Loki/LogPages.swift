import Bedrock
import LogQL
import Model

/// Entries of one or several pages, thinned out where a distance is asked for. One owner.
struct LogPages {
    private let interval: Int64
    private let direction: LogDirection
    private let limit: Int
    private var pages: [LogStreamsResult] = []
    /// Page and entry of each one shown.
    private var shown: [(page: Int, entry: Int)] = []
    private var last: Int64?
    private(set) var statistics = LogScanStatistics()

    /// - Parameter interval: nanoseconds between entries at least; 0: all are shown.
    init(interval: Int64, direction: LogDirection, limit: Int) {
        self.interval = interval
        self.direction = direction
        self.limit = limit
    }

    var count: Int { shown.count }
    var byteEstimate: Int {
        4096 + pages.reduce(0) { $0 + $1.entries.reduce(0) { $0 + $1.line.count } } * 5 / 4 + shown.count * 48
    }

    mutating func add(_ page: LogStreamsResult) {
        statistics.add(page.statistics)
        for entry in page.entries.indices where shown.count < limit {
            let time = page.entries[entry].timestamp
            if interval > 0, let last {
                let (distance, overflows) =
                    direction == .forward
                    ? time.subtractingReportingOverflow(last) : last.subtractingReportingOverflow(time)
                guard overflows || distance >= interval else { continue }
            }
            last = time
            shown.append((pages.count, entry))
        }
        pages.append(page)
    }

    func withView<R>(_ index: Int, _ body: (LogEntryView) throws -> R) rethrows -> R {
        try pages[shown[index].page].entries[shown[index].entry].withView(body)
    }
}

extension LogEntry {
    /// Calls `body` with the entry as it is written.
    func withView<R>(_ body: (LogEntryView) throws -> R) rethrows -> R {
        try line.withUnsafeBytes { line in
            try stream.storage.withUnsafeBytes { stream in
                try metadata.storage.withUnsafeBytes { metadata in
                    try parsed.storage.withUnsafeBytes { parsed in
                        try body(
                            LogEntryView(
                                timestamp: timestamp, line: line, stream: stream, metadata: metadata, parsed: parsed))
                    }
                }
            }
        }
    }
}

extension LogScanStatistics {
    mutating func add(_ other: LogScanStatistics) {
        segments += other.segments
        blocks += other.blocks
        blocksPruned += other.blocksPruned
        rowsScanned += other.rowsScanned
        bytesDecoded += other.bytesDecoded
        damagedBlocks += other.damagedBlocks
    }
}
