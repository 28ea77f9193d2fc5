import Bedrock

/// The waist of the house for traces: stores, remote clients and test doubles implement it, TraceQL sees nothing else. Thread-safe.
public protocol SpanSource: Sendable {
    /// A consistent view: every read through it sees the same data. Holds resources until released.
    func snapshot(tenant: Tenant) throws -> any SpanSnapshot
}

/// Nanoseconds since the Unix epoch, the end excluded.
public typealias SpanTimeRange = LogTimeRange

/// One consistent view of a tenant's spans. Thread-safe.
public protocol SpanSnapshot: Sendable {
    /// Appends every span of the trace to `batch`, each once, wherever it lies, by start time and span id.
    /// - Parameters:
    ///   - range: where to look, by the starts of spans: a hint that spares work; spans outside may be among the answer.
    ///   - bytesMax: how much of it is read at most.
    /// - Returns: whether all of it fitted.
    func trace(
        _ id: TraceID, range: SpanTimeRange, into batch: SpanBatch, bytesMax: Int, cancellation: Cancellation
    ) throws -> Bool
    /// The spans that the request wants, as parts to be read.
    func select(_ request: SpanRequest) throws -> any SpanSelection
    /// Names of attributes that spans starting in the range may have, sorted, at most `limit`; of one scope if given.
    func attributeNames(scope: AttributeScope?, range: SpanTimeRange, limit: Int, cancellation: Cancellation) throws
        -> [(scope: AttributeScope, name: String)]
    /// Different values of a field of the spans that pass, sorted by type and value, at most `limit`.
    func values(
        of field: SpanField, where filter: SpanFilter, range: SpanTimeRange, limit: Int, cancellation: Cancellation
    ) throws -> [SpanValue]
}

/// What a query wants to read.
public struct SpanRequest: Sendable {
    /// Which rows of a trace come together in a block, and which are handed out.
    public enum Grouping: Sendable {
        /// Spans that pass a filter, each by itself; blocks cut traces anywhere.
        case spans
        /// Spans that pass a filter; all of a trace's in one block.
        case matchesByTrace
        /// Every span of the traces of which a span passes a filter, all in one block; with `parents`.
        case wholeTraces
    }

    /// A span passes by passing any; which ones it passes, a block tells (`SpanBlock.passes`). At least one, at most 64.
    public var filters: [SpanFilter]
    /// By start; with `wholeTraces` one passing span in it brings the whole trace.
    public var range: SpanTimeRange
    public var grouping: Grouping
    /// Fields that columns will be asked of. Others throw.
    public var fields: [SpanField]
    public var budget: QueryBudget
    public var cancellation: Cancellation

    public init(
        filters: [SpanFilter], range: SpanTimeRange, grouping: Grouping, fields: [SpanField] = [],
        budget: QueryBudget = .unlimited, cancellation: Cancellation = Cancellation()
    ) {
        self.filters = filters
        self.range = range
        self.grouping = grouping
        self.fields = fields
        self.budget = budget
        self.cancellation = cancellation
    }
}

/// What a request selected, in parts, those with newer spans first as far as the store can tell. Each span, or with grouping each trace, is in one
/// part only. Thread-safe: several threads may open different parts.
public protocol SpanSelection: Sendable {
    var partCount: Int { get }
    /// Opens a part. Charges the request's budget with the rows that are looked at.
    /// - Throws: `Cancelled`, `QueryBudget.Exceeded`, and what the store throws. Damage is reported to the store's log, and the rows left out.
    func open(_ part: Int) throws -> any SpanBlock
    /// What pruning left and what was skipped.
    var statistics: SpanScanStatistics { get }
}

/// How much a selection read and spared. Sums over its lifetime.
public struct SpanScanStatistics: Sendable, Equatable {
    public var segments = 0
    public var blocks = 0
    /// Blocks that footers, filters or zone maps excluded.
    public var blocksPruned = 0
    public var spansScanned = 0
    public var bytesDecoded = 0
    /// Blocks that could not be read, as they are damaged; the answer lacks their spans.
    public var damagedBlocks = 0

    public init() {}
}

/// What is known of a trace in all of a snapshot.
public struct TraceSummary: Sendable, Equatable {
    public var id: TraceID
    /// First start and last end of its known spans, nanoseconds.
    public var start: Int64
    public var end: Int64
    public var spanCount: Int
    public var errorCount: Int
    /// Of the root span; nil where none has come yet.
    public var rootName: String?
    public var rootServiceName: String?

    public init(
        id: TraceID, start: Int64, end: Int64, spanCount: Int, errorCount: Int, rootName: String?,
        rootServiceName: String?
    ) {
        self.id = id
        self.start = start
        self.end = end
        self.spanCount = spanCount
        self.errorCount = errorCount
        self.rootName = rootName
        self.rootServiceName = rootServiceName
    }
}

/// Rows of a part that the request wants, by trace where it groups. Columns are decoded when first asked for, and stay valid as long as the block. One
/// thread at a time.
public protocol SpanBlock: AnyObject {
    var rowCount: Int { get }
    /// With grouping by trace: rows of trace `i` are `traceStarts[i] ..< traceStarts[i + 1]`. Otherwise empty.
    var traceStarts: [Int] { get }
    /// What is known of trace `index` of `traceStarts`.
    func summary(_ index: Int) throws -> TraceSummary
    /// A byte a row: 1 where the row passes filter `index` of the request, else 0.
    func passes(_ index: Int) throws -> UnsafeBufferPointer<UInt8>
    /// Starts of the rows, nanoseconds.
    func starts() throws -> UnsafeBufferPointer<Int64>
    /// With `wholeTraces`: the row of each row's parent; -1 for a root and where the parent is not known.
    func parents() throws -> UnsafeBufferPointer<Int32>
    /// Values of one of the request's fields.
    func column(_ field: SpanField) throws -> SpanColumn
}
