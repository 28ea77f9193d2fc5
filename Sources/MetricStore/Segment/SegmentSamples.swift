import Bedrock
import LSM
import Model

/// Decoded timestamp columns of the segments one reader goes through: neighbours in a segment mostly share them.
///
/// Not thread-safe; bounded by forgetting everything when it is full.
final class TimestampMemo {
    private struct Key: Hashable {
        var segment: ObjectIdentifier
        var column: UInt32
    }

    private static let rowsMax = 1 << 18
    private var columns: [Key: UnsafeMutableBufferPointer<Int64>] = [:]
    private var rows = 0

    deinit { clear() }

    /// The timestamps of a column, valid until the next call.
    func column(_ id: UInt32, of segment: MetricSegment) throws -> UnsafeMutableBufferPointer<Int64> {
        let key = Key(segment: ObjectIdentifier(segment), column: id)
        if let known = columns[key] { return known }
        let position = try segment.position(.timestamps, holding: Int(id))
        let block = try segment.timestamps(position)
        let count = block.column(Int(id)).rows
        if rows + count > Self.rowsMax { clear() }
        let buffer = UnsafeMutableBufferPointer<Int64>.allocate(capacity: count)
        if let base = buffer.baseAddress {
            do throws(DecodeError) {
                try block.decode(Int(id), into: base)
            } catch {
                buffer.deallocate()
                throw segment.damage(position, "column \(id): \(error)")
            }
        }
        columns[key] = buffer
        rows += count
        return buffer
    }

    private func clear() {
        for buffer in columns.values { buffer.deallocate() }
        columns.removeAll()
        rows = 0
    }
}

extension MetricSegment {
    /// Where a series' chunks begin: its place in its group.
    private func group(_ series: Int) throws -> ChunkDirectory {
        try chunkDirectory(try position(.chunkDirectory, holding: series))
    }

    /// Whether a series has a chunk that overlaps the range.
    func mayHaveRows(_ series: Int, in range: TimeRange) throws -> Bool {
        if range.start <= summary.timeRange.start && range.end >= summary.timeRange.end { return true }
        let group = try group(series)
        for at in group.chunks(of: series) {
            let column = try timestampColumn(group.chunks[at].column)
            if column.first <= range.end && column.last >= range.start { return true }
        }
        for at in group.histogramChunks(of: series) {
            let chunk = group.histogramChunks[at]
            if chunk.first <= range.end && chunk.last >= range.start { return true }
        }
        return false
    }

    func timestampColumn(_ id: UInt32) throws -> TimestampBlock.Column {
        try timestamps(try position(.timestamps, holding: Int(id))).column(Int(id))
    }

    /// Appends the rows of a series inside the range, ascending. A damaged chunk is left out and told to `damage`.
    func appendRows(
        _ series: Int, in range: TimeRange, memo: TimestampMemo, to buffer: RowBuffer,
        damage report: (SegmentDamage) -> Void
    ) throws {
        let group: ChunkDirectory
        do {
            group = try self.group(series)
        } catch let error as SegmentDamage {
            return report(error)
        }
        for at in group.chunks(of: series) {
            do {
                try appendChunk(at, of: group, in: range, memo: memo, to: buffer)
            } catch let error as SegmentDamage {
                report(error)
            }
        }
    }

    private func appendChunk(
        _ at: Int, of group: ChunkDirectory, in range: TimeRange, memo: TimestampMemo, to buffer: RowBuffer
    ) throws {
        let chunk = group.chunks[at]
        let column = try timestampColumn(chunk.column)
        guard column.first <= range.end, column.last >= range.start else { return }
        let times = try memo.column(chunk.column, of: self)
        guard times.count == chunk.rows, chunk.rows > 0, let base = times.baseAddress else {
            throw damage(
                chunk.page, "chunk \(group.firstChunk + at) has \(chunk.rows) rows and \(times.count) timestamps")
        }
        buffer.reserve(chunk.rows)
        let values = buffer.values + buffer.count
        try decode(chunk, into: values)
        let first = lowerBound(base, count: chunk.rows, range.start)
        let end = upperBound(base, count: chunk.rows, range.end)
        guard first < end else { return }
        if first > 0 { values.update(from: values + first, count: end - first) }
        (buffer.timestamps + buffer.count).update(from: base + first, count: end - first)
        buffer.commit(end - first)
    }

    /// Decodes the values of a chunk into room for its rows.
    private func decode(_ chunk: ChunkDirectory.Chunk, into target: UnsafeMutablePointer<Double>) throws {
        let page = try page(chunk.page)
        let bytes = chunk.offset..<chunk.offset + chunk.byteCount
        guard bytes.upperBound <= page.bytes.count else { throw damage(chunk.page, "a chunk reaches beyond its page") }
        do throws(DecodeError) {
            try ValueColumn.decode(UnsafeRawBufferPointer(rebasing: page.bytes[bytes]), count: chunk.rows, into: target)
        } catch {
            throw damage(chunk.page, "chunk at \(bytes.lowerBound): \(error)")
        }
    }

    /// The native histograms of a series inside the range, ascending. Damaged chunks are left out and told to `damage`.
    func histograms(
        _ series: Int, in range: TimeRange, damage report: (SegmentDamage) -> Void
    ) throws -> [SeriesBatch.HistogramRow] {
        // Most segments have none at all.
        guard directory.blockCount(.histogramPage) > 0 else { return [] }
        var rows: [SeriesBatch.HistogramRow] = []
        do {
            let group = try self.group(series)
            for at in group.histogramChunks(of: series) {
                let chunk = group.histogramChunks[at]
                guard chunk.first <= range.end, chunk.last >= range.start else { continue }
                do {
                    rows += try histogramChunk(at, of: group, in: range)
                } catch let error as SegmentDamage {
                    report(error)
                }
            }
        } catch let error as SegmentDamage {
            report(error)
        }
        return rows
    }

    private func histogramChunk(
        _ at: Int, of group: ChunkDirectory, in range: TimeRange
    ) throws -> [SeriesBatch.HistogramRow] {
        let chunk = group.histogramChunks[at]
        let page = try page(chunk.page)
        guard chunk.offset + chunk.byteCount <= page.bytes.count else {
            throw damage(chunk.page, "a histogram chunk reaches beyond its page")
        }
        do throws(DecodeError) {
            let (rows, count) = try HistogramChunk.decode(
                UnsafeRawBufferPointer(rebasing: page.bytes[chunk.offset..<chunk.offset + chunk.byteCount]), in: range)
            guard count == chunk.rows else { throw DecodeError("\(count) rows instead of \(chunk.rows)", at: 0) }
            return rows
        } catch {
            throw damage(chunk.page, "histogram chunk at \(chunk.offset): \(error)")
        }
    }
}
