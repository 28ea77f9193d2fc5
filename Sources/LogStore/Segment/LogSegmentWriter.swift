import Bedrock
import Columns
import LSM
import Model

/// Writes one log segment, row by row: by stream in the order of labels, then by time, ties in their order of arrival.
///
/// A block is held in memory until it is full; what stays until the end is the index. One owner; not thread-safe.
final class LogSegmentWriter {
    private let out: any ObjectWriter
    private var footer = LogFooter()
    private var labels = ByteBuffer(capacity: 4096)
    private var labelEnds: [Int] = []
    private var entries: [BlockEntry] = []
    private var fieldNumbers: [[UInt8]: Int] = [:]
    private var fields: [[UInt8]] = []

    // The block being filled.
    private var times: ContiguousArray<Int64> = []
    private let lines = LineArena()
    private let metadata = LineArena()
    private var entry = BlockEntry()
    private var metadataBytes = 0
    private var chunk = ByteBuffer(capacity: 64 << 10)

    init(_ out: any ObjectWriter, tier: Int) throws {
        self.out = out
        footer.tier = tier
        try LogLayout.magic.withUnsafeBytes { try out.append($0) }
    }

    var rowCount: Int { footer.rowCount + times.count }

    /// Begins the stream that follows the ones before in order; rows appended next are its own. A stream must get a row.
    func beginStream(_ stream: UnsafeRawBufferPointer) {
        labels.append(prefixed: stream)
        labelEnds.append(labels.count)
        entry.runs.append(
            BlockEntry.Run(
                stream: Int32(labelEnds.count - 1), firstRow: Int32(times.count), rowCount: 0, firstTime: .max,
                lastTime: .min, lineBytes: 0))
    }

    /// Adds a row of the stream begun last, not before the row added last.
    func append(time: Int64, line: UnsafeRawBufferPointer, metadata row: UnsafeRawBufferPointer) throws {
        if times.count >= LogStoreLimits.blockRowsMax
            || lines.bytes.count + line.count > LogStoreLimits.blockLineBytesMax && !times.isEmpty
            || metadataBytes + row.count > LogStoreLimits.blockMetadataBytesMax && !times.isEmpty
        {
            try endBlock()
            entry.runs.append(
                BlockEntry.Run(
                    stream: Int32(labelEnds.count - 1), firstRow: 0, rowCount: 0, firstTime: .max, lastTime: .min,
                    lineBytes: 0))
        }
        times.append(time)
        lines.append(line)
        metadata.append(row)
        metadataBytes += row.count
        let last = entry.runs.count - 1
        entry.runs[last].rowCount += 1
        entry.runs[last].firstTime = min(entry.runs[last].firstTime, time)
        entry.runs[last].lastTime = max(entry.runs[last].lastTime, time)
        entry.runs[last].lineBytes += line.count
    }

    // MARK: Blocks

    private func endBlock() throws {
        // A stream that was begun just before a cut has no row here.
        if let last = entry.runs.last, last.rowCount == 0 { entry.runs.removeLast() }
        guard !times.isEmpty else { return }
        entry.offset = out.count
        entry.rowCount = times.count
        for run in entry.runs {
            entry.firstTime = min(entry.firstTime, run.firstTime)
            entry.lastTime = max(entry.lastTime, run.lastTime)
            footer.lineBytes += run.lineBytes
        }
        times.withUnsafeBufferPointer { ColumnCoding.encodeTimes($0, into: &chunk) }
        try endChunk(BlockEntry.timeColumn)
        ColumnCoding.encodeTexts(lines, into: &chunk)
        try endChunk(BlockEntry.lineColumn)
        if metadataBytes > 0 { try writeFields() }
        footer.firstTime = min(footer.firstTime, entry.firstTime)
        footer.lastTime = max(footer.lastTime, entry.lastTime)
        footer.rowCount += entry.rowCount
        entries.append(entry)
        entry = BlockEntry()
        times.removeAll(keepingCapacity: true)
        lines.clear()
        metadata.clear()
        metadataBytes = 0
    }

    private func endChunk(_ column: Int) throws {
        entry.chunks.append(
            BlockEntry.Chunk(
                column: column, offset: out.count, byteCount: chunk.count, checksum: CRC32C.of(chunk.bytes)))
        try out.append(chunk.bytes)
        chunk.clear()
    }

    /// One column per field that any row of the block has; rows without it have an empty text, which no field has.
    private func writeFields() throws {
        var columns: [Int: LineArena] = [:]
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        for row in 0..<metadata.count {
            var cursor = LabelCursor(metadata[row])
            while cursor.next() {
                let number = fieldNumber(cursor.name)
                let column = columns[number] ?? LineArena(capacity: 4096)
                columns[number] = column
                while column.count < row { column.append(none) }
                column.append(cursor.value)
            }
        }
        for (number, column) in columns.sorted(by: { $0.key < $1.key }) {
            while column.count < metadata.count { column.append(none) }
            ColumnCoding.encodeTexts(column, into: &chunk)
            try endChunk(BlockEntry.firstFieldColumn + number)
        }
    }

    private func fieldNumber(_ name: UnsafeRawBufferPointer) -> Int {
        let name = Array(name)
        if let known = fieldNumbers[name] { return known }
        fieldNumbers[name] = fields.count
        fields.append(name)
        return fields.count - 1
    }

    // MARK: The end

    /// Ends the segment. Nil: there was no row, and nothing is to be kept.
    func finish() throws -> SegmentSummary? {
        try endBlock()
        guard footer.rowCount > 0 else { return nil }
        footer.streamCount = labelEnds.count
        footer.blockCount = entries.count
        try writeStreams()
        var section = ByteBuffer(capacity: 4096)
        if !fields.isEmpty {
            for name in fields { name.withUnsafeBytes { section.append(prefixed: $0) } }
            try write(.fields, section.bytes, items: fields.count)
        }
        for start in stride(from: 0, to: entries.count, by: LogLayout.blocksPerSection) {
            section.clear()
            let group = entries[start..<min(entries.count, start + LogLayout.blocksPerSection)]
            for entry in group { entry.encode(into: &section) }
            try write(.blocks, section.bytes, items: group.count)
        }
        try footer.write(to: out)
        return footer.summary(byteCount: out.count)
    }

    private func writeStreams() throws {
        for start in stride(from: 0, to: labelEnds.count, by: LogLayout.streamsPerSection) {
            let end = min(labelEnds.count, start + LogLayout.streamsPerSection)
            let from = start == 0 ? 0 : labelEnds[start - 1]
            try write(
                .streams, UnsafeRawBufferPointer(rebasing: labels.bytes[from..<labelEnds[end - 1]]), items: end - start)
        }
    }

    private func write(_ kind: LogLayout.Section, _ raw: UnsafeRawBufferPointer, items: Int) throws {
        var packed = ByteBuffer(capacity: raw.count / 2 + 64)
        Zstd.compress(raw, into: &packed, level: LogLayout.indexCompressionLevel)
        let isPacked = packed.count < raw.count
        let stored = isPacked ? packed.bytes : raw
        footer.sections.append(
            LogFooter.Section(
                kind: kind, offset: out.count, storedBytes: stored.count, rawBytes: isPacked ? raw.count : 0,
                checksum: CRC32C.of(stored), firstItem: 0, itemCount: items))
        try out.append(stored)
    }
}
