import Bedrock

/// The waist of the house for logs: stores, remote clients and test doubles implement it, LogQL sees nothing else. Thread-safe.
public protocol LogSource: Sendable {
    /// A consistent view: every read through it sees the same data. Holds resources until released.
    func snapshot(tenant: Tenant) throws -> any LogSnapshot
}

/// Nanoseconds since the Unix epoch, the end excluded.
public struct LogTimeRange: Hashable, Sendable {
    public var start: Int64
    public var end: Int64

    public init(_ start: Int64, _ end: Int64) {
        self.start = start
        self.end = end
    }

    public static let everything = LogTimeRange(.min, .max)
    public var isEmpty: Bool { end <= start }
    @inlinable public func contains(_ time: Int64) -> Bool { time >= start && time < end }
    /// Whether all of `first ... last` lies in the range.
    @inlinable public func contains(_ first: Int64, through last: Int64) -> Bool { first >= start && last < end }
    @inlinable public func overlaps(_ first: Int64, through last: Int64) -> Bool { last >= start && first < end }
}

/// One consistent view of a tenant's logs. Thread-safe.
public protocol LogSnapshot: Sendable {
    /// The rows that pass everything that `request` says, as parts to be read.
    func select(_ request: LogRequest) throws -> any LogSelection
    /// Sorted names of labels of the streams that pass any of `sets` (everything, when empty) and may have rows in the range.
    func labelNames(matching sets: [[Matcher]], range: LogTimeRange, cancellation: Cancellation) throws -> [String]
    /// Sorted values of label `name`, likewise.
    func labelValues(_ name: String, matching sets: [[Matcher]], range: LogTimeRange, cancellation: Cancellation) throws
        -> [String]
    /// The streams themselves, sorted, likewise.
    func streams(matching sets: [[Matcher]], range: LogTimeRange, cancellation: Cancellation) throws -> [Labels]
    /// Templates of the lines of the streams that pass, with rows per step of `stepNanoseconds`, most frequent first; from the template
    /// dictionaries of segments, so that no line is read. Rows of streams, blocks or memtables without templates are clustered from a sample.
    func patterns(
        matching matchers: [Matcher], range: LogTimeRange, stepNanoseconds: Int64, limit: Int,
        cancellation: Cancellation
    ) throws -> [LogPattern]
}

/// A template that many lines share.
public struct LogPattern: Sendable, Equatable {
    /// The fixed text, variable parts as `<_>`.
    public var text: String
    /// Steps that have rows, by time: start of the step in nanoseconds, and rows.
    public var counts: [(time: Int64, count: Int)]

    public init(text: String, counts: [(time: Int64, count: Int)]) {
        self.text = text
        self.counts = counts
    }

    public static func == (a: LogPattern, b: LogPattern) -> Bool {
        a.text == b.text && a.counts.elementsEqual(b.counts) { $0.time == $1.time && $0.count == $1.count }
    }

    public var total: Int { counts.reduce(0) { $0 + $1.count } }
}

/// A condition on the bytes of a line, which a source answers on the compressed form where it can.
public struct LineFilter: Sendable {
    public enum Match: Sendable {
        /// The line contains these bytes. Empty: every line does.
        case literal([UInt8])
        /// Compiled, not anchored, `.` matching newlines.
        case regex(RegularExpression)
    }

    /// The line passes when any alternative matches; with `isNegated`, when none does.
    public var alternatives: [Match]
    public var isNegated: Bool

    public init(_ alternatives: [Match], isNegated: Bool = false) {
        self.alternatives = alternatives
        self.isNegated = isNegated
    }
}

/// What a query wants to read.
public struct LogRequest: Sendable {
    /// On the labels of streams.
    public var matchers: [Matcher]
    public var range: LogTimeRange
    /// All must pass. A source applies them completely: what it hands out needs no second look.
    public var filters: [LineFilter]
    /// On the structured metadata of a row; where the stream has a label of that name, on its value instead. Applied completely, too.
    public var metadataMatchers: [Matcher]
    public var budget: QueryBudget
    public var cancellation: Cancellation

    public init(
        matchers: [Matcher], range: LogTimeRange, filters: [LineFilter] = [], metadataMatchers: [Matcher] = [],
        budget: QueryBudget = .unlimited, cancellation: Cancellation = Cancellation()
    ) {
        self.matchers = matchers
        self.range = range
        self.filters = filters
        self.metadataMatchers = metadataMatchers
        self.budget = budget
        self.cancellation = cancellation
    }
}

/// Rows of one stream that lie together in a part, as the directory knows them before anything is read.
public struct LogRun: Sendable {
    /// Into the selection's `streams`.
    public var stream: Int
    /// Rows of the block, by number in the block.
    public var rows: Range<Int>
    /// Nanoseconds, both included. Of all rows of the run, in the request's range or not.
    public var firstTime: Int64
    public var lastTime: Int64
    /// Bytes of the lines.
    public var lineBytes: Int
    /// All rows of the run belong to the answer: they lie in the range, nothing hides them and no filter asks. Then they can be counted
    /// without reading.
    public var isExact: Bool
    /// Rows may have structured metadata; without, the labels of the stream are all there is.
    public var hasMetadata: Bool

    public init(
        stream: Int, rows: Range<Int>, firstTime: Int64, lastTime: Int64, lineBytes: Int, isExact: Bool,
        hasMetadata: Bool = true
    ) {
        self.stream = stream
        self.rows = rows
        self.firstTime = firstTime
        self.lastTime = lastTime
        self.lineBytes = lineBytes
        self.isExact = isExact
        self.hasMetadata = hasMetadata
    }
}

/// What a request selected: streams at once, rows in parts on demand. Thread-safe: several threads may open different parts, or equal ones.
///
/// Of one stream, rows of equal time stand in the order of the parts, and within a part in the order of the rows; that order never changes,
/// whatever is compacted.
public protocol LogSelection: Sendable {
    /// Label sets of the streams, sorted; streams without a row in the range may be among them.
    var streams: [Labels] { get }
    /// Parts that may have rows, older runs first.
    var partCount: Int { get }
    /// The runs of a part, by stream. Only runs that may have rows in the answer.
    func runs(_ part: Int) -> [LogRun]
    /// Opens a part for reading. Charges the request's budget with its rows as they are decoded.
    /// - Throws: `Cancelled`, `QueryBudget.Exceeded`, and what the store throws. Damage is reported to the store's log, and the rows left out.
    func open(_ part: Int) throws -> any LogBlock
    /// What pruning left and what was skipped, for `explain` and statistics.
    var statistics: LogScanStatistics { get }
}

/// How much a selection read and spared. Sums over its lifetime.
public struct LogScanStatistics: Sendable, Equatable {
    public var segments = 0
    public var blocks = 0
    /// Blocks that footers, filters or zone maps excluded.
    public var blocksPruned = 0
    public var rowsScanned = 0
    public var bytesDecoded = 0
    /// Blocks that could not be read, as they are damaged; the answer lacks their rows.
    public var damagedBlocks = 0

    public init() {}
}

/// A part, open: rows of several streams, each stream's sorted by time. Columns are decoded when first asked for. One thread at a time.
public protocol LogBlock: AnyObject {
    /// As `LogSelection.runs`.
    var runs: [LogRun] { get }
    /// Numbers of the rows that belong to the answer, ascending: in range, not hidden, past all filters. Valid while the block is referenced.
    func matchingRows() throws -> UnsafeBufferPointer<Int32>
    /// Timestamps of all rows, nanoseconds, by row number; rows that don't belong to any run may hold anything.
    func times() throws -> UnsafeBufferPointer<Int64>
    /// Appends the lines of `rows` (ascending) to `lines`.
    func readLines(_ rows: UnsafeBufferPointer<Int32>, into lines: LineArena) throws
    /// Appends how many bytes the line of each of `rows` (ascending) has; cheaper than reading them.
    func readLineLengths(_ rows: UnsafeBufferPointer<Int32>, into lengths: inout ContiguousArray<Int>) throws

    /// Whether any row of the part has structured metadata.
    var hasMetadata: Bool { get }
    /// Appends the structured metadata of `rows` (ascending) to `metadata`, as canonical label bytes; empty for rows without.
    func readMetadata(_ rows: UnsafeBufferPointer<Int32>, into metadata: LineArena) throws
}

/// Texts one behind the other, with where each begins; reused from call to call. One owner at a time, not thread-safe.
public final class LineArena: @unchecked Sendable {
    public private(set) var bytes: ByteBuffer
    /// Text `i` is `bytes[starts[i] ..< starts[i + 1]]`.
    public private(set) var starts: ContiguousArray<Int> = [0]

    public init(capacity: Int = 64 << 10) { bytes = ByteBuffer(capacity: capacity) }

    public var count: Int { starts.count - 1 }

    public func clear() {
        bytes.clear()
        starts.removeAll(keepingCapacity: true)
        starts.append(0)
    }

    /// Appends one text.
    public func append(_ text: UnsafeRawBufferPointer) {
        bytes.append(text)
        starts.append(bytes.count)
    }

    /// Appends one text that `write` puts into room for `bytesMax` bytes; it returns how many it wrote.
    public func append(bytesMax: Int, _ write: (UnsafeMutableRawBufferPointer) throws -> Int) rethrows {
        try bytes.append(capacity: bytesMax, write)
        starts.append(bytes.count)
    }

    /// Appends `count` texts of together at most `bytesMax` bytes, room for which is made once: `write` gets the number of each and where it goes, and
    /// returns how many bytes it wrote.
    public func append(
        count: Int, bytesMax: Int, _ write: (_ index: Int, _ target: UnsafeMutableRawPointer) throws -> Int
    ) rethrows {
        starts.reserveCapacity(starts.count + count)
        let before = bytes.count
        try bytes.append(capacity: bytesMax) { room in
            guard let base = room.baseAddress else { return 0 }
            var used = 0
            for index in 0..<count {
                used += try write(index, base + used)
                precondition(used <= bytesMax, "texts of \(used) bytes in room for \(bytesMax)")
                starts.append(before + used)
            }
            return used
        }
    }

    /// Text `index`; valid until the next change.
    public subscript(index: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes.bytes[starts[index]..<starts[index + 1]])
    }
}
