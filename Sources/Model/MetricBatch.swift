import Bedrock

/// Samples of many series on their way in, in columns: what every receiver decodes into and every store takes.
///
/// Label sets stand as canonical bytes in one arena; each series has a run of rows in `timestamps` and `values` (in arrival order), and
/// possibly native histograms and exemplars. `clear` keeps the memory, so receivers reuse batches from a pool.
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

        @inlinable init(
            labelOffset: Int, labelLength: Int, firstRow: Int, rowCount: Int, firstHistogram: Int, histogramCount: Int
        ) {
            self.labelOffset = labelOffset
            self.labelLength = labelLength
            self.firstRow = firstRow
            self.rowCount = rowCount
            self.firstHistogram = firstHistogram
            self.histogramCount = histogramCount
        }
    }

    public struct HistogramRow: Sendable {
        public var timestamp: Int64
        public var histogram: NativeHistogram

        public init(timestamp: Int64, histogram: NativeHistogram) {
            self.timestamp = timestamp
            self.histogram = histogram
        }
    }

    /// An exemplar of a series of the batch; its labels stand in the batch's arena.
    public struct ExemplarRow: Sendable {
        /// Index of the series among `entries`.
        public var series: Int
        public var labelOffset: Int
        public var labelLength: Int
        public var value: Double
        /// Milliseconds.
        public var timestamp: Int64

        @inlinable init(series: Int, labelOffset: Int, labelLength: Int, value: Double, timestamp: Int64) {
            self.series = series
            self.labelOffset = labelOffset
            self.labelLength = labelLength
            self.value = value
            self.timestamp = timestamp
        }
    }

    /// Everything, behind a pointer of its own: the run-time checks for exclusive access that a class's stored properties get cost more than
    /// appending a row does, and one owner at a time is this type's rule anyway.
    @usableFromInline struct State: ~Copyable {
        @usableFromInline var entries: ContiguousArray<Entry> = []
        @usableFromInline var timestamps: ContiguousArray<Int64> = []
        @usableFromInline var values: ContiguousArray<Double> = []
        @usableFromInline var histograms: ContiguousArray<HistogramRow> = []
        @usableFromInline var exemplars: ContiguousArray<ExemplarRow> = []
        @usableFromInline var metadata: [MetricMetadata] = []
        @usableFromInline var arena = ByteBuffer(capacity: 4096)

        @usableFromInline init() {}
    }

    @usableFromInline let state: UnsafeMutablePointer<State>

    public init() {
        state = .allocate(capacity: 1)
        state.initialize(to: State())
    }

    deinit {
        state.deinitialize(count: 1)
        state.deallocate()
    }

    @inlinable public var entries: ContiguousArray<Entry> { _read { yield state.pointee.entries } }
    @inlinable public var timestamps: ContiguousArray<Int64> { _read { yield state.pointee.timestamps } }
    @inlinable public var values: ContiguousArray<Double> { _read { yield state.pointee.values } }
    @inlinable public var histograms: ContiguousArray<HistogramRow> { _read { yield state.pointee.histograms } }
    /// Exemplars of all series, ascending by series.
    @inlinable public var exemplars: ContiguousArray<ExemplarRow> { _read { yield state.pointee.exemplars } }
    @inlinable public var metadata: [MetricMetadata] { _read { yield state.pointee.metadata } }

    @inlinable public var seriesCount: Int { state.pointee.entries.count }
    /// Float samples and histograms together.
    @inlinable public var sampleCount: Int { state.pointee.timestamps.count + state.pointee.histograms.count }
    public var isEmpty: Bool { entries.isEmpty && metadata.isEmpty }
    /// Rough size in memory, for budgets.
    public var byteCount: Int {
        state.pointee.arena.count + entries.count * MemoryLayout<Entry>.stride + timestamps.count * 16
            + histograms.count * 256 + exemplars.count * MemoryLayout<ExemplarRow>.stride
    }

    public func clear() {
        state.pointee.entries.removeAll(keepingCapacity: true)
        state.pointee.timestamps.removeAll(keepingCapacity: true)
        state.pointee.values.removeAll(keepingCapacity: true)
        state.pointee.histograms.removeAll(keepingCapacity: true)
        state.pointee.exemplars.removeAll(keepingCapacity: true)
        state.pointee.metadata.removeAll(keepingCapacity: true)
        state.pointee.arena.clear()
    }

    /// Starts a series; `labels` are canonical bytes, copied. Rows appended next belong to it.
    @inlinable public func beginSeries(_ labels: Labels) {
        labels.storage.withUnsafeBytes { beginSeries(canonical: $0) }
    }

    @inlinable public func beginSeries(canonical labels: UnsafeRawBufferPointer) {
        beginEntry(labelLength: labels.count)
        state.pointee.arena.append(labels)
    }

    /// Starts a series whose canonical label bytes `write` puts into room for `labelBytesMax` bytes.
    ///
    /// `write` returns how many bytes it wrote, or nil to begin nothing.
    /// - Returns: whether a series was begun.
    @inlinable public func beginSeries(
        labelBytesMax: Int, _ write: (UnsafeMutableRawBufferPointer) -> Int?
    ) -> Bool {
        var written: Int?
        let before = state.pointee.arena.count
        state.pointee.arena.append(capacity: labelBytesMax) {
            written = write($0)
            return written ?? 0
        }
        guard let written else { return false }
        state.pointee.entries.append(
            Entry(
                labelOffset: before, labelLength: written, firstRow: state.pointee.timestamps.count, rowCount: 0,
                firstHistogram: state.pointee.histograms.count, histogramCount: 0))
        return true
    }

    @usableFromInline func beginEntry(labelLength: Int) {
        state.pointee.entries.append(
            Entry(
                labelOffset: state.pointee.arena.count, labelLength: labelLength,
                firstRow: state.pointee.timestamps.count,
                rowCount: 0, firstHistogram: state.pointee.histograms.count, histogramCount: 0))
    }

    /// Adds a row to the series begun last.
    @inlinable public func append(timestamp: Int64, value: Double) {
        let last = state.pointee.entries.count - 1
        precondition(last >= 0, "append before beginSeries")
        state.pointee.timestamps.append(timestamp)
        state.pointee.values.append(value)
        state.pointee.entries[last].rowCount += 1
    }

    /// Adds rows to the series begun last, until `next` gives nil. Returns how many.
    @inlinable public func append(rows next: () -> (timestamp: Int64, value: Double)?) -> Int {
        let last = state.pointee.entries.count - 1
        precondition(last >= 0, "append before beginSeries")
        var count = 0
        while let row = next() {
            state.pointee.timestamps.append(row.timestamp)
            state.pointee.values.append(row.value)
            count += 1
        }
        state.pointee.entries[last].rowCount += count
        return count
    }

    public func append(timestamp: Int64, histogram: NativeHistogram) {
        let last = state.pointee.entries.count - 1
        precondition(last >= 0, "append before beginSeries")
        state.pointee.histograms.append(HistogramRow(timestamp: timestamp, histogram: histogram))
        state.pointee.entries[last].histogramCount += 1
    }

    /// Adds an exemplar to the series begun last; it may have come with any of its rows, or without one.
    ///
    /// - Parameter labels: the exemplar's own labels as canonical bytes (sorted, unique, none empty), copied; may be none at all.
    /// - Returns: whether it was taken: not when its labels are over `Exemplar.labelCharactersMax`, or it repeats the one before.
    @discardableResult
    public func appendExemplar(canonical labels: UnsafeRawBufferPointer, value: Double, timestamp: Int64) -> Bool {
        let series = state.pointee.entries.count - 1
        precondition(series >= 0, "appendExemplar before beginSeries")
        guard Exemplar.isShortEnough(labels) else { return false }
        if let last = exemplars.last, last.series == series, last.timestamp == timestamp,
            last.value.bitPattern == value.bitPattern,
            withLabels(last, { compareBytes($0, labels) == 0 })
        {
            return false
        }
        state.pointee.exemplars.append(
            ExemplarRow(
                series: series, labelOffset: state.pointee.arena.count, labelLength: labels.count, value: value,
                timestamp: timestamp))
        state.pointee.arena.append(labels)
        return true
    }

    /// The same, for cold paths.
    @discardableResult
    public func append(_ exemplar: Exemplar) -> Bool {
        exemplar.labels.storage.withUnsafeBytes {
            appendExemplar(canonical: $0, value: exemplar.value, timestamp: exemplar.timestamp)
        }
    }

    public func append(_ item: MetricMetadata) { state.pointee.metadata.append(item) }

    /// Drops the series begun last, with its rows.
    public func dropLastSeries() {
        guard let last = state.pointee.entries.popLast() else { return }
        state.pointee.timestamps.removeLast(timestamps.count - last.firstRow)
        state.pointee.values.removeLast(values.count - last.firstRow)
        state.pointee.histograms.removeLast(histograms.count - last.firstHistogram)
        while exemplars.last?.series == entries.count { state.pointee.exemplars.removeLast() }
        state.pointee.arena.truncate(to: last.labelOffset)
    }

    /// Calls `body` with the canonical label bytes of series `index`, valid only within the call.
    @inlinable public func withLabels<R>(_ index: Int, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        let entry = state.pointee.entries[index]
        let all = state.pointee.arena.bytes
        return try body(
            UnsafeRawBufferPointer(rebasing: all[entry.labelOffset..<entry.labelOffset + entry.labelLength]))
    }

    /// Calls `body` with the canonical label bytes of an exemplar, valid only within the call.
    @inlinable public func withLabels<R>(
        _ exemplar: ExemplarRow, _ body: (UnsafeRawBufferPointer) throws -> R
    ) rethrows -> R {
        let all = state.pointee.arena.bytes
        return try body(
            UnsafeRawBufferPointer(
                rebasing: all[exemplar.labelOffset..<exemplar.labelOffset + exemplar.labelLength]))
    }

    /// The exemplars of series `index`, as indices into `exemplars`.
    public func exemplars(of index: Int) -> Range<Int> {
        guard !exemplars.isEmpty else { return 0..<0 }
        func first(atLeast series: Int) -> Int {
            var low = 0
            var high = exemplars.count
            while low < high {
                let middle = (low + high) >> 1
                if exemplars[middle].series < series { low = middle + 1 } else { high = middle }
            }
            return low
        }
        return first(atLeast: index)..<first(atLeast: index + 1)
    }

    /// Gives the series begun last the exemplars of series `index` of `other` that pass `isKept`.
    public func appendExemplars(
        of index: Int, in other: MetricBatch, where isKept: (ExemplarRow) -> Bool = { _ in true }
    ) {
        for row in other.exemplars(of: index) {
            let exemplar = other.exemplars[row]
            guard isKept(exemplar) else { continue }
            other.withLabels(exemplar) {
                _ = appendExemplar(canonical: $0, value: exemplar.value, timestamp: exemplar.timestamp)
            }
        }
    }

    /// Calls `body` with the arena that all entries' label offsets point into, valid only within the call.
    @inlinable public func withLabelArena<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(state.pointee.arena.bytes)
    }

    /// A copy of the label set of series `index`; for cold paths.
    public func labels(_ index: Int) -> Labels { withLabels(index) { Labels(canonical: $0) } }
}
