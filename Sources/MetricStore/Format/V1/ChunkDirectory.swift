import Bedrock

/// Which chunks the series of a group have, where they stand, and their summaries.
///
/// ```
/// ┌──────────────────┬──────────────────────────┬─ of all chunks ────────────────┬────────────────────────┐
/// │ first chunk,     │ per series: chunks,      │ timestamp column ids, byte     │ per histogram chunk:   │
/// │ first histogram  │ histogram chunks         │ lengths, row counts (integer   │ rows, first, last time,│
/// │ chunk (varints)  │ (integer columns)        │ columns), summary columns      │ byte length            │
/// └──────────────────┴──────────────────────────┴────────────────────────────────┴────────────────────────┘
/// ```
/// Chunks of a group are numbered through the whole segment, in the order of its series, then of time; pages end with their group.
final class ChunkDirectory: Sendable {
    struct Chunk: Sendable {
        /// Timestamp column.
        var column: UInt32
        var byteCount: Int
        var rows: Int
        var summary: ChunkSummary?
        /// Where a reader finds the value column: position of its page in the directory, and offset in the page.
        var page = 0
        var offset = 0
    }

    struct HistogramChunk: Sendable {
        var first: Int64
        var last: Int64
        var rows: Int
        var byteCount: Int
        var page = 0
        var offset = 0
    }

    let firstSeries: Int
    let firstChunk: Int
    let firstHistogramChunk: Int
    let chunks: [Chunk]
    let histogramChunks: [HistogramChunk]
    private let chunkEnds: [Int]
    private let histogramEnds: [Int]

    var byteCount: Int { chunks.count * 104 + histogramChunks.count * 48 + chunkEnds.count * 16 + 128 }
    var count: Int { chunkEnds.count }

    // MARK: Writing

    /// Gathers the chunks of a group.
    struct Builder {
        var firstChunk = 0
        var firstHistogramChunk = 0
        var chunks: [Chunk] = []
        var histogramChunks: [HistogramChunk] = []
        private var chunkCounts: [Int] = []
        private var histogramCounts: [Int] = []
        private var chunksBefore = 0
        private var histogramsBefore = 0

        var seriesCount: Int { chunkCounts.count }

        /// What was appended since the last series belongs to this one.
        mutating func endSeries() {
            chunkCounts.append(chunks.count - chunksBefore)
            histogramCounts.append(histogramChunks.count - histogramsBefore)
            chunksBefore = chunks.count
            histogramsBefore = histogramChunks.count
        }

        /// Appends the block and starts the next group.
        mutating func finish(scratch: ColumnScratch, into target: inout ByteBuffer) {
            target.append(varint: firstChunk)
            target.append(varint: firstHistogramChunk)
            IntegerColumn.encode(chunkCounts, scratch: scratch, into: &target)
            IntegerColumn.encode(histogramCounts, scratch: scratch, into: &target)
            IntegerColumn.encode(chunks.map(\.column), scratch: scratch, into: &target)
            IntegerColumn.encode(chunks.map(\.byteCount), scratch: scratch, into: &target)
            IntegerColumn.encode(chunks.map(\.rows), scratch: scratch, into: &target)
            SummaryColumns.encode(chunks.map(\.summary), scratch: scratch, into: &target)
            IntegerColumn.encode(histogramChunks.map(\.rows), scratch: scratch, into: &target)
            IntegerColumn.encode(histogramChunks.map(\.first), scratch: scratch, into: &target)
            IntegerColumn.encode(histogramChunks.map(\.last), scratch: scratch, into: &target)
            IntegerColumn.encode(histogramChunks.map(\.byteCount), scratch: scratch, into: &target)
            let next = (firstChunk + chunks.count, firstHistogramChunk + histogramChunks.count)
            self = Builder()
            (firstChunk, firstHistogramChunk) = next
        }
    }

    // MARK: Reading

    /// More chunks than a writer gives a group; bounds what a reader allocates.
    private static let chunksMax = 1 << 23

    init(_ block: UnsafeRawBufferPointer, items: Range<Int>, directory: SegmentDirectory) throws(DecodeError) {
        firstSeries = items.lowerBound
        let count = items.count
        guard count <= SegmentLayout.itemsPerBlockMax else { throw DecodeError("\(count) series in a block", at: 0) }
        var reader = ByteReader(block)
        let chunkTotal = directory.itemCount(.chunkPage)
        let histogramTotal = directory.itemCount(.histogramPage)
        firstChunk = try reader.length(limit: chunkTotal)
        firstHistogramChunk = try reader.length(limit: histogramTotal)
        chunkEnds = try Self.ends(&reader, count, limit: chunkTotal - firstChunk)
        histogramEnds = try Self.ends(&reader, count, limit: histogramTotal - firstHistogramChunk)
        let chunkCount = chunkEnds.last ?? 0
        guard chunkCount <= Self.chunksMax else {
            throw DecodeError("\(chunkCount) chunks in a group", at: reader.offset)
        }
        let pageBytes = SegmentLayout.blockBytesMax
        let columns = try IntegerColumn.decodeIndexes(
            &reader, count: chunkCount, limit: directory.itemCount(.timestamps))
        let lengths = try IntegerColumn.decodeIndexes(&reader, count: chunkCount, limit: pageBytes)
        let rows = try IntegerColumn.decodeIndexes(&reader, count: chunkCount, limit: TimestampColumn.rowsMax + 1)
            .map { Int($0) }
        let summaries = try SummaryColumns.decode(&reader, counts: rows)
        let places = try Self.places(.chunkPage, from: firstChunk, lengths: lengths, directory)
        chunks = (0..<chunkCount).map {
            Chunk(
                column: columns[$0], byteCount: Int(lengths[$0]), rows: rows[$0], summary: summaries[$0],
                page: places[$0].page, offset: places[$0].offset)
        }
        let histogramCount = histogramEnds.last ?? 0
        let histogramRows = try IntegerColumn.decodeIndexes(
            &reader, count: histogramCount, limit: SegmentLayout.histogramRowsMax + 1)
        let firsts = try IntegerColumn.decodeArray(&reader, count: histogramCount)
        let lasts = try IntegerColumn.decodeArray(&reader, count: histogramCount)
        let histogramLengths = try IntegerColumn.decodeIndexes(&reader, count: histogramCount, limit: pageBytes)
        guard reader.isAtEnd else { throw DecodeError("bytes behind the last chunk", at: reader.offset) }
        let histogramPlaces = try Self.places(
            .histogramPage, from: firstHistogramChunk, lengths: histogramLengths, directory)
        histogramChunks = (0..<histogramCount).map {
            HistogramChunk(
                first: firsts[$0], last: lasts[$0], rows: Int(histogramRows[$0]), byteCount: Int(histogramLengths[$0]),
                page: histogramPlaces[$0].page, offset: histogramPlaces[$0].offset)
        }
    }

    /// Lays consecutive chunks, the first of which starts a page, out over the pages of a kind.
    private static func places(
        _ kind: SegmentLayout.Kind, from first: Int, lengths: [UInt32], _ directory: SegmentDirectory
    ) throws(DecodeError) -> [(page: Int, offset: Int)] {
        var places: [(page: Int, offset: Int)] = []
        var items = first..<first
        var page = 0
        var offset = 0
        for (i, length) in lengths.enumerated() {
            if first + i >= items.upperBound {
                guard let next = directory.position(kind, holding: first + i),
                    directory.blocks[next].firstItem == first + i
                else { throw DecodeError("chunk \(first + i) doesn't start a page", at: 0) }
                (page, offset, items) = (next, 0, directory.blocks[next].items)
            }
            places.append((page, offset))
            offset += Int(length)
        }
        return places
    }

    /// Running totals of a column of counts.
    private static func ends(_ reader: inout ByteReader, _ count: Int, limit: Int) throws(DecodeError) -> [Int] {
        var total = 0
        var ends: [Int] = []
        for number in try IntegerColumn.decodeIndexes(&reader, count: count, limit: limit + 1) {
            total += Int(number)
            guard total <= limit else { throw DecodeError("more chunks than the segment has", at: reader.offset) }
            ends.append(total)
        }
        return ends
    }

    /// Positions in `chunks` of the chunks of a series of this group.
    func chunks(of series: Int) -> Range<Int> { Self.range(chunkEnds, series - firstSeries) }

    func histogramChunks(of series: Int) -> Range<Int> { Self.range(histogramEnds, series - firstSeries) }

    private static func range(_ ends: [Int], _ at: Int) -> Range<Int> { (at == 0 ? 0 : ends[at - 1])..<ends[at] }
}
