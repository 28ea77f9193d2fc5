import Bedrock
import Columns
import LSM
import Model
import Synchronization

/// A part of a selection before it is opened. Immutable once the selection is made.
struct SelectionPart: Sendable {
    enum Place: @unchecked Sendable {
        /// Segment, index, position of the block, and what keeps the bytes.
        case segment(LogSegment, LogIndex, Int, SegmentHandle<LogFormat>?)
        /// The memtable keeps its pages, which only append.
        case memtable(LogMemtable, [LogMemtablePin.Span])
    }

    var place: Place
    /// By stream of the run they come from.
    var runs: [LogRun] = []
    /// Deletes that may hide rows of a run, by position in `runs`.
    var hides: [Int: [LogHide]] = [:]
    /// What the request's line filters mean for the segment.
    var verdicts: LineVerdicts?

    init(_ place: Place) { self.place = place }
}

/// What a request selected of a snapshot. Thread-safe.
final class StoreSelection: LogSelection {
    let streams: [Labels]
    let request: LogRequest
    let first: Int64
    let last: Int64
    let counters: ScanCounters
    let report: @Sendable (SegmentDamage) -> Void
    private let parts: [SelectionPart]

    init(
        streams: [Labels], parts: [SelectionPart], request: LogRequest, first: Int64, last: Int64,
        counters: ScanCounters, report: @escaping @Sendable (SegmentDamage) -> Void
    ) {
        self.streams = streams
        self.parts = parts
        self.request = request
        self.first = first
        self.last = last
        self.counters = counters
        self.report = report
    }

    var partCount: Int { parts.count }

    func runs(_ part: Int) -> [LogRun] { parts[part].runs }

    func open(_ part: Int) throws -> any LogBlock {
        try request.cancellation.check()
        switch parts[part].place {
        case .segment(let segment, let index, let position, _):
            return SelectedBlock(parts[part], self, SegmentBlock(segment, index, position))
        case .memtable(_, let spans): return SelectedBlock(parts[part], self, MemtableBlock(spans))
        }
    }

    var statistics: LogScanStatistics { counters.statistics }
}

/// The counters behind statistics. Thread-safe.
final class ScanCounters: Sendable {
    private let state = Mutex(LogScanStatistics())

    var statistics: LogScanStatistics { state.withLock { $0 } }

    func add(
        segments: Int = 0, blocks: Int = 0, pruned: Int = 0, rows: Int = 0, bytes: Int = 0, damaged: Int = 0
    ) {
        state.withLock {
            $0.segments += segments
            $0.blocks += blocks
            $0.blocksPruned += pruned
            $0.rowsScanned += rows
            $0.bytesDecoded += bytes
            $0.damagedBlocks += damaged
        }
    }
}
