import Bedrock
import Synchronization

/// The waist of the house for metrics: stores, remote clients and test doubles implement it, PromQL sees nothing else. Thread-safe.
public protocol SeriesSource: Sendable {
    /// A consistent view: every read through it sees the same data. Holds resources until released.
    func snapshot(tenant: Tenant) throws -> any SeriesSnapshot
}

/// One consistent view of a tenant's series. Thread-safe.
public protocol SeriesSnapshot: Sendable {
    /// The series that pass all matchers and may have samples in the range, sorted by `Labels`' order.
    func select(_ request: SeriesRequest) throws -> any SeriesSelection
    /// Sorted names of labels of the series that pass any of `sets` (everything, when empty) in the range.
    func labelNames(matching sets: [[Matcher]], range: TimeRange, cancellation: Cancellation) throws -> [String]
    /// Sorted values of label `name`, likewise.
    func labelValues(_ name: String, matching sets: [[Matcher]], range: TimeRange, cancellation: Cancellation) throws
        -> [String]
    /// Metadata of metric families, sorted by name; of one family when `family` is given.
    func metadata(family: String?) throws -> [MetricMetadata]
    /// Exemplars of the series that pass any of the request's selectors; series without any left out, sorted by `Labels`' order.
    func exemplars(_ request: ExemplarRequest) throws -> [SeriesExemplars]
}

extension SeriesSnapshot {
    /// A source that keeps no exemplars has none.
    public func exemplars(_ request: ExemplarRequest) throws -> [SeriesExemplars] { [] }
}

/// What a query wants to read.
public struct SeriesRequest: Sendable {
    public enum Columns: Sendable {
        /// Only label sets: no sample will be read.
        case labels
        /// Timestamps and values.
        case samples
    }

    public var matchers: [Matcher]
    /// Samples wanted, both ends included.
    public var range: TimeRange
    public var columns: Columns
    public var budget: QueryBudget
    public var cancellation: Cancellation

    public init(
        matchers: [Matcher], range: TimeRange, columns: Columns = .samples, budget: QueryBudget = .unlimited,
        cancellation: Cancellation = Cancellation()
    ) {
        self.matchers = matchers
        self.range = range
        self.columns = columns
        self.budget = budget
        self.cancellation = cancellation
    }
}

/// Matching series, their label sets at once, their samples in batches on demand. Thread-safe: several threads may read disjoint
/// or equal ranges into batches of their own.
public protocol SeriesSelection: Sendable {
    var count: Int { get }
    /// The label set of series `index`; 0 ..< count, in order.
    func labels(_ index: Int) -> Labels
    /// Appends the samples of the series `range` to `batch` (cleared first), in time order, one row per timestamp, stale markers included.
    /// Charges the request's budget and checks its cancellation.
    func read(_ range: Range<Int>, into batch: SeriesBatch) throws
}

/// Decoded samples of consecutive series of a selection, in columns. Reused from call to call; one owner at a time, not thread-safe.
public final class SeriesBatch: @unchecked Sendable {
    public struct HistogramRow: Sendable {
        public var timestamp: Int64
        /// When its counting began, milliseconds; 0: unknown.
        public var startTimestamp: Int64
        public var histogram: NativeHistogram

        public init(timestamp: Int64, startTimestamp: Int64 = 0, histogram: NativeHistogram) {
            self.timestamp = timestamp
            self.startTimestamp = startTimestamp
            self.histogram = histogram
        }
    }

    /// Row ranges: series `i` has rows `starts[i] ..< starts[i + 1]`; likewise `histogramStarts`.
    public private(set) var starts: ContiguousArray<Int> = [0]
    public private(set) var histogramStarts: ContiguousArray<Int> = [0]
    public private(set) var histograms: ContiguousArray<HistogramRow> = []
    public private(set) var timestamps: UnsafeMutablePointer<Int64>
    public private(set) var values: UnsafeMutablePointer<Double>
    public private(set) var rowCount = 0
    /// Start timestamps of the rows, 0 where unknown; empty until a row has one, and as far as the last row that has one.
    private var startTimestamps: ContiguousArray<Int64> = []
    private var capacity: Int

    public init(capacity: Int = 4096) {
        self.capacity = capacity
        timestamps = .allocate(capacity: capacity)
        values = .allocate(capacity: capacity)
    }

    deinit {
        timestamps.deallocate()
        values.deallocate()
    }

    /// Series ended so far.
    public var seriesCount: Int { starts.count - 1 }

    public func clear() {
        starts.removeAll(keepingCapacity: true)
        starts.append(0)
        histogramStarts.removeAll(keepingCapacity: true)
        histogramStarts.append(0)
        histograms.removeAll(keepingCapacity: true)
        startTimestamps.removeAll(keepingCapacity: true)
        rowCount = 0
    }

    /// Room for `count` more rows behind `rowCount`; invalidates pointers taken before.
    public func reserve(_ count: Int) {
        guard rowCount + count > capacity else { return }
        let grown = max(capacity * 2, rowCount + count)
        let newTimestamps = UnsafeMutablePointer<Int64>.allocate(capacity: grown)
        let newValues = UnsafeMutablePointer<Double>.allocate(capacity: grown)
        newTimestamps.update(from: timestamps, count: rowCount)
        newValues.update(from: values, count: rowCount)
        timestamps.deallocate()
        values.deallocate()
        timestamps = newTimestamps
        values = newValues
        capacity = grown
    }

    /// Declares that `count` rows were written behind `rowCount`, into room that `reserve` made.
    public func commit(_ count: Int) {
        precondition(count >= 0 && rowCount + count <= capacity, "commit of \(count) rows beyond what was reserved")
        rowCount += count
    }

    /// Appends one row; for cold paths.
    public func append(timestamp: Int64, value: Double) {
        reserve(1)
        timestamps[rowCount] = timestamp
        values[rowCount] = value
        rowCount += 1
    }

    /// Appends one row whose counting began at `startTimestamp` (0: unknown); for cold paths.
    public func append(timestamp: Int64, startTimestamp: Int64, value: Double) {
        if startTimestamp != 0 {
            while startTimestamps.count < rowCount { startTimestamps.append(0) }
            startTimestamps.append(startTimestamp)
        }
        append(timestamp: timestamp, value: value)
    }

    public func append(timestamp: Int64, startTimestamp: Int64 = 0, histogram: NativeHistogram) {
        histograms.append(HistogramRow(timestamp: timestamp, startTimestamp: startTimestamp, histogram: histogram))
    }

    /// Closes the current series; what is appended next belongs to the following one.
    public func endSeries() {
        starts.append(rowCount)
        histogramStarts.append(histograms.count)
    }

    /// Timestamps of series `index` (0-based within this batch), milliseconds, ascending. Valid until the next change.
    @inlinable public func times(_ index: Int) -> UnsafeBufferPointer<Int64> {
        UnsafeBufferPointer(start: timestamps + starts[index], count: starts[index + 1] - starts[index])
    }

    /// Values beside `times`.
    @inlinable public func floats(_ index: Int) -> UnsafeBufferPointer<Double> {
        UnsafeBufferPointer(start: values + starts[index], count: starts[index + 1] - starts[index])
    }

    /// Start timestamps beside `times`, milliseconds, 0 where unknown; nil where the series has none at all.
    public func startTimes(_ index: Int) -> [Int64]? {
        guard startTimestamps.count > starts[index] else { return nil }
        let known = startTimestamps[starts[index]..<min(starts[index + 1], startTimestamps.count)]
        if known.allSatisfy({ $0 == 0 }) { return nil }
        return known + [Int64](repeating: 0, count: starts[index + 1] - starts[index] - known.count)
    }

    /// Native histograms of series `index`, ascending in time. A series may have floats and histograms, never both at one timestamp.
    public func histogramRows(_ index: Int) -> ArraySlice<HistogramRow> {
        ArraySlice(histograms[histogramStarts[index]..<histogramStarts[index + 1]])
    }
}

/// A query's ceiling on samples read, shared by all its threads. Thread-safe.
public final class QueryBudget: Sendable {
    /// A query read more than it may.
    public struct Exceeded: Error, Equatable, Sendable, CustomStringConvertible {
        public let samplesMax: Int

        public init(samplesMax: Int) { self.samplesMax = samplesMax }

        public var description: String {
            "query processing would load too many samples into memory in query execution (limit \(samplesMax))"
        }
    }

    public let samplesMax: Int
    private let used = Atomic<Int>(0)

    public init(samplesMax: Int) { self.samplesMax = samplesMax }

    public static let unlimited = QueryBudget(samplesMax: .max)

    /// Samples charged so far and not released.
    public var samplesUsed: Int { used.load(ordering: .relaxed) }

    public func charge(_ samples: Int) throws(Exceeded) {
        if used.add(samples, ordering: .relaxed).newValue > samplesMax { throw Exceeded(samplesMax: samplesMax) }
    }

    public func release(_ samples: Int) { used.subtract(samples, ordering: .relaxed) }
}
