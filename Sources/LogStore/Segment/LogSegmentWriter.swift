import Bedrock
import Columns
import LSM
import Model

/// Writes one log segment: by stream in the order of labels, then by time, ties in their order of arrival.
///
/// A block is held in memory until it is full; what stays until the end is the index and the line dictionary. One owner; not thread-safe.
final class LogSegmentWriter {
    private let out: any ObjectWriter
    private var index = LogIndexWriter()

    // The block being filled.
    private var times: ContiguousArray<Int64> = []
    private let lines = LineEncoder()
    private var fields: [TextColumnWriter] = []
    private var metadataBytes = 0
    private var entry = BlockEntry()
    private let scratch = ColumnScratch()
    private var chunk = ByteBuffer(capacity: 64 << 10)

    init(_ out: any ObjectWriter, tier: Int) throws {
        self.out = out
        index.footer.tier = tier
        try LogLayout.magic.withUnsafeBytes { try out.append($0) }
    }

    /// Bytes held.
    var memoryBytes: Int {
        lines.memoryBytes + times.capacity * 8 + fields.reduce(0) { $0 + $1.memoryBytes } + chunk.allocatedBytes
            + index.memoryBytes
    }

    /// What each kind of column has taken so far.
    private(set) var columnBytes: [Int: Int] = [:]

    /// Begins the stream that follows the ones before in order; rows appended next are its own. A stream must get a row.
    func beginStream(_ labels: UnsafeRawBufferPointer) {
        index.append(labels)
        beginRun()
    }

    private func beginRun() {
        entry.runs.append(
            BlockEntry.Run(
                stream: Int32(truncatingIfNeeded: index.streamCount - 1),
                firstRow: Int32(truncatingIfNeeded: times.count), rowCount: 0, firstTime: .max, lastTime: .min,
                lineBytes: 0))
    }

    /// Whether a row of these sizes belongs to the next block.
    private func isFull(line: Int, metadata: Int) -> Bool {
        !times.isEmpty
            && (times.count >= LogStoreLimits.blockRowsMax
                || lines.pendingLineBytes + line > LogStoreLimits.blockLineBytesMax
                || metadataBytes + metadata > LogStoreLimits.blockMetadataBytesMax)
    }

    private func note(_ time: Int64, line: Int) {
        times.append(time)
        let last = entry.runs.count - 1
        entry.runs[last].rowCount += 1
        entry.runs[last].firstTime = min(entry.runs[last].firstTime, time)
        entry.runs[last].lastTime = max(entry.runs[last].lastTime, time)
        entry.runs[last].lineBytes += line
    }

    /// Adds a row of the stream begun last, not before the row added last.
    func append(time: Int64, line: UnsafeRawBufferPointer, metadata: UnsafeRawBufferPointer) throws {
        if isFull(line: line.count, metadata: metadata.count) {
            try endBlock()
            beginRun()
        }
        lines.append(line)
        var cursor = LabelCursor(metadata)
        while cursor.next() { append(cursor.value, to: index.fieldNumber(cursor.name)) }
        metadataBytes += metadata.count
        note(time, line: line.count)
    }

    /// Adds rows of a block of another segment, ascending in time, without making texts of their lines.
    func append(
        _ block: SegmentBlock, rows: UnsafeBufferPointer<Int32>, times rowTimes: UnsafeBufferPointer<Int64>,
        lengths: [Int32], fields rowFields: [(name: [UInt8], column: TextColumn)]
    ) throws {
        let numbers = rowFields.map { field in field.name.withUnsafeBytes { index.fieldNumber($0) } }
        var start = 0
        while start < rows.count {
            var end = start
            var bytes = 0
            // As many as the block takes; at least one, once it is empty.
            while end < rows.count {
                let line = Int(lengths[Int(rows[end])])
                let isFirst = times.isEmpty && end == start
                if !isFirst,
                    times.count + end - start >= LogStoreLimits.blockRowsMax
                        || lines.pendingLineBytes + bytes + line > LogStoreLimits.blockLineBytesMax
                        || metadataBytes > LogStoreLimits.blockMetadataBytesMax
                {
                    break
                }
                bytes += line
                end += 1
            }
            if end == start {
                try endBlock()
                beginRun()
                continue
            }
            let part = UnsafeBufferPointer(rebasing: rows[start..<end])
            try lines.append(block: block.lines(), rows: part)
            for row in part {
                for (field, number) in zip(rowFields, numbers) {
                    guard let text = field.column.text(Int(row)) else { continue }
                    append(text, to: number)
                    metadataBytes += text.count + field.name.count
                }
                note(rowTimes[Int(row)], line: Int(lengths[Int(row)]))
            }
            start = end
        }
    }

    private func append(_ value: UnsafeRawBufferPointer, to field: Int) {
        while fields.count <= field { fields.append(TextColumnWriter()) }
        // Rows since the last that had the field lack it.
        let missing = times.count - fields[field].rowCount
        if missing > 0 { fields[field].appendAbsent(missing) }
        fields[field].append(value)
    }

    // MARK: Blocks

    private func endBlock() throws {
        // A stream that was begun just before a cut has no row here.
        if let last = entry.runs.last, last.rowCount == 0 { entry.runs.removeLast() }
        guard !times.isEmpty else { return }
        entry.offset = out.count
        entry.rowCount = times.count
        times.withUnsafeBufferPointer {
            if let base = $0.baseAddress { TimeColumn.encode(base, count: $0.count, scratch: scratch, into: &chunk) }
        }
        try endChunk(BlockEntry.timeColumn)
        lines.encodePending(into: &chunk)
        try endChunk(BlockEntry.lineColumn)
        for (number, field) in fields.enumerated() where field.rowCount > 0 {
            if field.rowCount < times.count { field.appendAbsent(times.count - field.rowCount) }
            field.encode(into: &chunk)
            try endChunk(BlockEntry.firstFieldColumn + number)
        }
        index.append(entry)
        entry = BlockEntry()
        times.removeAll(keepingCapacity: true)
        metadataBytes = 0
    }

    private func endChunk(_ column: Int) throws {
        entry.chunks.append(
            BlockEntry.Chunk(
                column: column, offset: out.count, byteCount: chunk.count, checksum: CRC32C.of(chunk.bytes)))
        columnBytes[column, default: 0] += chunk.count
        try out.append(chunk.bytes)
        chunk.clear()
    }

    /// Ends the segment. Nil: there was no row, and nothing is to be kept.
    func finish() throws -> SegmentSummary? {
        try endBlock()
        guard index.footer.rowCount > 0 else { return nil }
        var dictionary = ByteBuffer(capacity: 4096)
        lines.finishDictionary(into: &dictionary)
        return try index.finish(lines: dictionary.bytes, out)
    }
}
