import Bedrock

/// Samples of many series on their way in, in columns: what every receiver decodes into and every store takes.
///
/// Label sets stand as canonical bytes in one arena; each series has a run of rows in `timestamps` and `values` (in arrival order), and
/// possibly native histograms. `clear` keeps the memory, so receivers reuse batches from a pool.
/// A batch has one owner at a time: handing it on hands over the right to touch it. Not thread-safe.
public final class MetricBatch: @unchecked Sendable {
    /// One series' part of the batch.
    public struct Entry: Sendable {
        public var labelOffset: Int
        public var labelLength: Int
        /// First row in `timestamps` and `values`.
        public var firstRow: Int
        public var rowCount: Int
        /// First of `histograms`.
        public var firstHistogram: Int
        public var histogramCount: Int
    }

    public struct HistogramRow: Sendable {
        public var timestamp: Int64
        public var histogram: NativeHistogram

        public init(timestamp: Int64, histogram: NativeHistogram) {
            self.timestamp = timestamp
            self.histogram = histogram
        }
    }

    public private(set) var entries: ContiguousArray<Entry> = []
    public private(set) var timestamps: ContiguousArray<Int64> = []
    public private(set) var values: ContiguousArray<Double> = []
    public private(set) var histograms: ContiguousArray<HistogramRow> = []
    public private(set) var metadata: [MetricMetadata] = []
    private var arena = ByteBuffer(capacity: 4096)

    public init() {}

    public var seriesCount: Int { entries.count }
    /// Float samples and histograms together.
    public var sampleCount: Int { timestamps.count + histograms.count }
    public var isEmpty: Bool { entries.isEmpty && metadata.isEmpty }
    /// Rough size in memory, for budgets.
    public var byteCount: Int {
        arena.count + entries.count * MemoryLayout<Entry>.stride + timestamps.count * 16 + histograms.count * 256
    }

    public func clear() {
        entries.removeAll(keepingCapacity: true)
        timestamps.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        histograms.removeAll(keepingCapacity: true)
        metadata.removeAll(keepingCapacity: true)
        arena.clear()
    }

    /// Starts a series; `labels` are canonical bytes, copied. Rows appended next belong to it.
    @inlinable public func beginSeries(_ labels: Labels) {
        labels.storage.withUnsafeBytes { beginSeries(canonical: $0) }
    }

    public func beginSeries(canonical labels: UnsafeRawBufferPointer) {
        entries.append(
            Entry(
                labelOffset: arena.count, labelLength: labels.count, firstRow: timestamps.count, rowCount: 0,
                firstHistogram: histograms.count, histogramCount: 0))
        arena.append(labels)
    }

    /// Adds a row to the series begun last.
    public func append(timestamp: Int64, value: Double) {
        precondition(!entries.isEmpty, "append before beginSeries")
        timestamps.append(timestamp)
        values.append(value)
        entries[entries.count - 1].rowCount += 1
    }

    public func append(timestamp: Int64, histogram: NativeHistogram) {
        precondition(!entries.isEmpty, "append before beginSeries")
        histograms.append(HistogramRow(timestamp: timestamp, histogram: histogram))
        entries[entries.count - 1].histogramCount += 1
    }

    public func append(_ item: MetricMetadata) { metadata.append(item) }

    /// Drops the series begun last, with its rows.
    public func dropLastSeries() {
        guard let last = entries.popLast() else { return }
        timestamps.removeLast(timestamps.count - last.firstRow)
        values.removeLast(values.count - last.firstRow)
        histograms.removeLast(histograms.count - last.firstHistogram)
        arena.truncate(to: last.labelOffset)
    }

    /// Calls `body` with the canonical label bytes of series `index`, valid only within the call.
    public func withLabels<R>(_ index: Int, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        let entry = entries[index]
        let all = arena.bytes
        return try body(
            UnsafeRawBufferPointer(rebasing: all[entry.labelOffset..<entry.labelOffset + entry.labelLength]))
    }

    /// Calls `body` with the arena that all entries' label offsets point into, valid only within the call.
    public func withLabelArena<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(arena.bytes)
    }

    /// A copy of the label set of series `index`; for cold paths.
    public func labels(_ index: Int) -> Labels { withLabels(index) { Labels(canonical: $0) } }
}
