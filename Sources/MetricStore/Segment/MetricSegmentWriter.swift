import Bedrock
import LSM
import Model

/// Writes one metric segment, series by series in the order of their labels.
///
/// Chunks go out as pages fill up; what stays in memory until the end is the index: symbols, label pairs and timestamp columns.
/// One owner; not thread-safe.
final class MetricSegmentWriter {
    private let out: any ObjectWriter
    private let scratch = ColumnScratch()
    private let labels = LabelInterner()
    private var directory: SegmentDirectory
    private var timestamps = TimestampPool()
    private var chunks = ChunkDirectory.Builder()
    private var page = ByteBuffer(capacity: SegmentLayout.pageBytesTarget + 8192)
    private var pageChunks = 0
    private var histogramPage = ByteBuffer(capacity: 1024)
    private var histogramPageChunks = 0
    private var exemplars = ExemplarBlock.Builder()
    private var compressed = ByteBuffer(capacity: SegmentLayout.pageBytesTarget)

    /// - Parameter tier: of the segment; from 1 on, blocks are compressed where that pays.
    init(_ out: any ObjectWriter, tier: Int) throws {
        self.out = out
        directory = SegmentDirectory(tier: tier)
        try SegmentLayout.magic.withUnsafeBytes { try out.append($0) }
    }

    /// Series added so far.
    var seriesCount: Int { labels.seriesCount }

    /// Adds a series, which must follow the ones before in order, with its rows, histograms and exemplars, each ascending in time.
    /// A series without any is left out.
    func add(
        _ series: UnsafeRawBufferPointer, rows: RowBuffer, histograms: [SeriesBatch.HistogramRow],
        exemplars: [Exemplar] = []
    ) throws {
        guard rows.count > 0 || !histograms.isEmpty || !exemplars.isEmpty else { return }
        labels.add(series)
        if rows.count > 0 {
            note(rows.timestamps[0], rows.timestamps[rows.count - 1], rows.count)
            try ChunkCutter.cut(rows.timestamps, count: rows.count) { try addChunk(rows, $0) }
        }
        if let first = histograms.first, let last = histograms.last {
            note(first.timestamp, last.timestamp, histograms.count)
            var start = 0
            while start < histograms.count {
                let end = min(histograms.count, start + SegmentLayout.histogramRowsMax)
                try addHistograms(histograms[start..<end])
                start = end
            }
        }
        if !exemplars.isEmpty { try addExemplars(exemplars) }
        chunks.endSeries()
        if chunks.seriesCount == SegmentLayout.seriesPerGroup { try endGroup() }
    }

    private func note(_ first: Int64, _ last: Int64, _ rows: Int) {
        directory.timeRange.start = min(directory.timeRange.start, first)
        directory.timeRange.end = max(directory.timeRange.end, last)
        directory.rowCount += rows
    }

    private func addChunk(_ rows: RowBuffer, _ range: Range<Int>) throws {
        let values = UnsafePointer(rows.values + range.lowerBound)
        let column = timestamps.column(rows.timestamps + range.lowerBound, count: range.count, scratch: scratch)
        let start = page.count
        ValueColumn.encode(values, count: range.count, scratch: scratch, into: &page)
        chunks.chunks.append(
            ChunkDirectory.Chunk(
                column: column, byteCount: page.count - start, rows: range.count,
                summary: ChunkSummary(values, count: range.count)))
        pageChunks += 1
        if page.count >= SegmentLayout.pageBytesTarget { try endPage() }
    }

    private func addHistograms(_ rows: ArraySlice<SeriesBatch.HistogramRow>) throws {
        guard let first = rows.first, let last = rows.last else { return }
        let start = histogramPage.count
        HistogramChunk.encode(rows, scratch: scratch, into: &histogramPage)
        chunks.histogramChunks.append(
            ChunkDirectory.HistogramChunk(
                first: first.timestamp, last: last.timestamp, rows: rows.count, byteCount: histogramPage.count - start))
        histogramPageChunks += 1
        if histogramPage.count >= SegmentLayout.pageBytesTarget { try endHistogramPage() }
    }

    private func addExemplars(_ items: [Exemplar]) throws {
        note(items[0].timestamp, items[items.count - 1].timestamp, 0)
        for item in items {
            exemplars.append(item, series: seriesCount - 1)
            if exemplars.isFull { try endExemplars() }
        }
    }

    private func endExemplars() throws {
        guard exemplars.count > 0 else { return }
        let (items, key) = (exemplars.count, exemplars.key.encode())
        var block = ByteBuffer(capacity: 1 << 15)
        exemplars.finish(scratch: scratch, into: &block)
        try write(.exemplars, block.bytes, items: items, key: key)
    }

    private func endPage() throws {
        guard pageChunks > 0 else { return }
        try write(.chunkPage, page.bytes, items: pageChunks)
        page.clear()
        pageChunks = 0
    }

    private func endHistogramPage() throws {
        guard histogramPageChunks > 0 else { return }
        try write(.histogramPage, histogramPage.bytes, items: histogramPageChunks)
        histogramPage.clear()
        histogramPageChunks = 0
    }

    private func endGroup() throws {
        guard chunks.seriesCount > 0 else { return }
        try endPage()
        try endHistogramPage()
        let series = chunks.seriesCount
        var block = ByteBuffer(capacity: 1 << 15)
        chunks.finish(scratch: scratch, into: &block)
        try write(.chunkDirectory, block.bytes, items: series)
    }

    private func write(
        _ kind: SegmentLayout.Kind, _ raw: UnsafeRawBufferPointer, items: Int, key: [UInt8] = []
    ) throws {
        if kind == .histogramPage || kind == .exemplars { directory.formatVersion = SegmentLayout.version }
        var stored = raw
        if directory.tier > 0 && raw.count >= 64 {
            compressed.clear()
            Zstd.compress(raw, into: &compressed, level: 3)
            if compressed.count * 10 <= raw.count * 9 { stored = compressed.bytes }
        }
        directory.append(
            kind, storedBytes: stored.count, rawBytes: stored.count == raw.count ? 0 : raw.count,
            checksum: CRC32C.of(stored), items: items, key: key)
        try out.append(stored)
    }

    // MARK: Finishing

    /// Writes the index. Nil, with nothing written of use, when no series was added.
    func finish(metadata: [MetricMetadata]) throws -> SegmentSummary? {
        try endGroup()
        guard seriesCount > 0 else { return nil }
        try endExemplars()
        let ranked = labels.rank()
        try timestamps.forEachBlock(scratch: scratch) { try write(.timestamps, $0.bytes, items: $1) }
        try writeSymbols(ranked.symbols)
        try writeSeries(ranked)
        try writePostings(ranked)
        try writeMetadata(metadata)
        return try writeDirectory()
    }

    private func writeSymbols(_ symbols: [UnsafeRawBufferPointer]) throws {
        var block = ByteBuffer(capacity: SegmentLayout.indexBytesTarget * 2)
        var first = 0
        while first < symbols.count {
            block.clear()
            var previous = UnsafeRawBufferPointer(start: nil, count: 0)
            var end = first
            while end < symbols.count, end - first < SegmentLayout.itemsPerBlockMax,
                block.count < SegmentLayout.indexBytesTarget
            {
                SymbolBlock.append(symbols[end], after: previous, into: &block)
                previous = symbols[end]
                end += 1
            }
            // The shortest key that tells this block's first symbol from the one before it.
            var key: [UInt8] = []
            if first > 0 {
                let (before, this) = (symbols[first - 1], symbols[first])
                key = Array(this.prefix(commonPrefix(before, this, limit: min(before.count, this.count)) + 1))
            }
            try write(.symbols, block.bytes, items: end - first, key: key)
            first = end
        }
    }

    private func writeSeries(_ ranked: LabelInterner.Ranked) throws {
        var block = ByteBuffer(capacity: 1 << 15)
        var first = 0
        while first < seriesCount {
            let end = min(seriesCount, first + SegmentLayout.seriesPerGroup)
            let tuples = (first..<end).map { ArraySlice(labels.pairs(of: $0).map { ranked.pairs[Int($0)] }) }
            block.clear()
            SeriesBlock.encode(tuples, scratch: scratch, into: &block)
            try write(.series, block.bytes, items: end - first)
            first = end
        }
    }

    private func writePostings(_ ranked: LabelInterner.Ranked) throws {
        var builder = PostingsBlock.Builder()
        var block = ByteBuffer(capacity: 1 << 15)
        func end(_ builder: inout PostingsBlock.Builder) throws {
            guard builder.count > 0 else { return }
            let (items, key) = (builder.count, builder.key)
            block.clear()
            builder.finish(scratch: scratch, into: &block)
            try write(.postings, block.bytes, items: items, key: key)
        }
        try ranked.postings.withUnsafeBufferPointer { all in
            for pair in ranked.sortedPairs.map({ Int($0) }) {
                let range = ranked.postingStarts[pair]..<ranked.postingStarts[pair + 1]
                builder.append(ranked.pairs[pair], UnsafeBufferPointer(rebasing: all[range]), scratch: scratch)
                if builder.byteCount >= SegmentLayout.indexBytesTarget
                    || builder.count == SegmentLayout.itemsPerBlockMax
                {
                    try end(&builder)
                }
            }
        }
        try end(&builder)
    }

    private func writeMetadata(_ metadata: [MetricMetadata]) throws {
        guard !metadata.isEmpty else { return }
        var block = ByteBuffer(capacity: 1 << 12)
        for item in metadata.sorted(by: { utf8Precedes($0.family, $1.family) }) {
            MetricRecord.encode(item, into: &block)
        }
        try write(.metadata, block.bytes, items: metadata.count)
    }

    private func writeDirectory() throws -> SegmentSummary {
        let offset = out.count
        var bytes = ByteBuffer(capacity: 1 << 12)
        directory.encode(into: &bytes)
        let length = bytes.count
        let checksum = CRC32C.of(bytes.bytes)
        try out.append(bytes.bytes)
        bytes.clear()
        bytes.append(littleEndian: UInt64(offset))
        bytes.append(littleEndian: UInt32(length))
        bytes.append(littleEndian: checksum)
        bytes.append(littleEndian: UInt32(directory.formatVersion))
        bytes.append(littleEndian: CRC32C.of(bytes.bytes))
        bytes.append(SegmentLayout.magic)
        try out.append(bytes.bytes)
        return SegmentSummary(
            timeRange: directory.timeRange, seriesCount: seriesCount, rowCount: directory.rowCount,
            byteCount: out.count, formatVersion: directory.formatVersion)
    }
}
