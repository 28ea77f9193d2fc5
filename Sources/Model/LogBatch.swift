import Bedrock

/// Log entries of many streams on their way in, in columns: what every log receiver decodes into and every store takes.
///
/// Everything of variable length stands in one arena: the streams' labels and the entries' structured metadata as canonical label bytes,
/// the lines as the bytes that came, valid UTF-8 or not. `clear` keeps the memory, so receivers reuse batches from a pool.
/// A batch has one owner at a time: handing it on hands over the right to touch it. Not thread-safe.
public final class LogBatch: @unchecked Sendable {
    /// One stream's part of the batch. A stream may occur in several entries.
    public struct Stream: Sendable {
        public var labelOffset: Int
        public var labelLength: Int
        /// First of `rows`.
        public var firstRow: Int
        public var rowCount: Int
    }

    /// One log entry.
    public struct Row: Sendable {
        /// Nanoseconds since the Unix epoch.
        public var timestamp: Int64
        public var lineOffset: Int
        public var lineLength: Int
        /// Structured metadata as canonical label bytes (see `Labels`); length 0: none.
        public var metadataOffset: Int
        public var metadataLength: Int

        @inlinable init(
            timestamp: Int64, lineOffset: Int, lineLength: Int, metadataOffset: Int, metadataLength: Int
        ) {
            self.timestamp = timestamp
            self.lineOffset = lineOffset
            self.lineLength = lineLength
            self.metadataOffset = metadataOffset
            self.metadataLength = metadataLength
        }
    }

    /// Everything, behind a pointer of its own; see `MetricBatch`.
    @usableFromInline struct State: ~Copyable {
        @usableFromInline var streams: ContiguousArray<Stream> = []
        @usableFromInline var rows: ContiguousArray<Row> = []
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

    @inlinable public var streams: ContiguousArray<Stream> { _read { yield state.pointee.streams } }
    @inlinable public var rows: ContiguousArray<Row> { _read { yield state.pointee.rows } }
    @inlinable public var rowCount: Int { state.pointee.rows.count }
    public var isEmpty: Bool { rows.isEmpty }
    /// Rough size in memory, for budgets.
    public var byteCount: Int {
        state.pointee.arena.count + streams.count * MemoryLayout<Stream>.stride + rows.count * MemoryLayout<Row>.stride
    }

    public func clear() {
        state.pointee.streams.removeAll(keepingCapacity: true)
        state.pointee.rows.removeAll(keepingCapacity: true)
        state.pointee.arena.clear()
    }

    /// Starts a stream; `labels` are canonical bytes, copied. Entries appended next belong to it.
    public func beginStream(canonical labels: UnsafeRawBufferPointer) {
        state.pointee.streams.append(
            Stream(
                labelOffset: state.pointee.arena.count, labelLength: labels.count, firstRow: state.pointee.rows.count,
                rowCount: 0))
        state.pointee.arena.append(labels)
    }

    public func beginStream(_ labels: Labels) { labels.storage.withUnsafeBytes { beginStream(canonical: $0) } }

    /// Adds an entry to the stream begun last; `line` and `metadata` (canonical label bytes) are copied.
    public func append(
        timestamp: Int64, line: UnsafeRawBufferPointer,
        metadata: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) {
        let last = state.pointee.streams.count - 1
        precondition(last >= 0, "append before beginStream")
        let lineOffset = state.pointee.arena.count
        state.pointee.arena.append(line)
        let metadataOffset = state.pointee.arena.count
        if metadata.count > 0 { state.pointee.arena.append(metadata) }
        state.pointee.rows.append(
            Row(
                timestamp: timestamp, lineOffset: lineOffset, lineLength: line.count, metadataOffset: metadataOffset,
                metadataLength: metadata.count))
        state.pointee.streams[last].rowCount += 1
    }

    /// Adds an entry whose line `fill` writes into room for `lineBytesMax` bytes at the end of the arena, and returns how many it wrote; for
    /// decoders that unescape. Nil: there is no entry after all.
    /// - Returns: whether the entry was added.
    @inlinable public func append(
        timestamp: Int64, lineBytesMax: Int, fill: (UnsafeMutableRawBufferPointer) -> Int?
    ) -> Bool {
        let last = state.pointee.streams.count - 1
        precondition(last >= 0, "append before beginStream")
        let lineOffset = state.pointee.arena.count
        var isFilled = false
        state.pointee.arena.append(capacity: lineBytesMax) { room in
            guard let written = fill(room) else { return 0 }
            isFilled = true
            return written
        }
        guard isFilled else { return false }
        let end = state.pointee.arena.count
        state.pointee.rows.append(
            Row(
                timestamp: timestamp, lineOffset: lineOffset, lineLength: end - lineOffset, metadataOffset: end,
                metadataLength: 0))
        state.pointee.streams[last].rowCount += 1
        return true
    }

    /// Gives the entry added last its structured metadata (canonical label bytes, copied), in place of what it had.
    public func setLastMetadata(_ metadata: UnsafeRawBufferPointer) {
        let last = state.pointee.rows.count - 1
        precondition(last >= 0, "metadata before an entry")
        state.pointee.rows[last].metadataOffset = state.pointee.arena.count
        state.pointee.rows[last].metadataLength = metadata.count
        state.pointee.arena.append(metadata)
    }

    /// Drops the stream begun last, if it has no entry.
    public func dropLastStreamIfEmpty() {
        guard let last = state.pointee.streams.last, last.rowCount == 0 else { return }
        state.pointee.arena.truncate(to: last.labelOffset)
        state.pointee.streams.removeLast()
    }

    /// Adds the rows of stream entry `index` of another batch that `isWanted`, copied. Without any, nothing is added.
    public func appendStream(_ index: Int, of other: LogBatch, where isWanted: (Row) -> Bool) {
        other.withLabels(index) { beginStream(canonical: $0) }
        let stream = other.streams[index]
        other.withArena { arena in
            for row in other.rows[stream.firstRow..<stream.firstRow + stream.rowCount] where isWanted(row) {
                append(
                    timestamp: row.timestamp,
                    line: UnsafeRawBufferPointer(rebasing: arena[row.lineOffset..<row.lineOffset + row.lineLength]),
                    metadata: UnsafeRawBufferPointer(
                        rebasing: arena[row.metadataOffset..<row.metadataOffset + row.metadataLength]))
            }
        }
        dropLastStreamIfEmpty()
    }

    /// Puts entries that came in any order of streams under their streams; entries of one stream keep their order.
    /// - Parameter streamOfRow: for each entry, which of `streams` it belongs to.
    public func group(by streamOfRow: UnsafeBufferPointer<Int32>) {
        precondition(streamOfRow.count == rowCount, "\(streamOfRow.count) streams of \(rowCount) entries")
        for index in streams.indices { state.pointee.streams[index].rowCount = 0 }
        for stream in streamOfRow { state.pointee.streams[Int(stream)].rowCount += 1 }
        var next = 0
        for index in streams.indices {
            state.pointee.streams[index].firstRow = next
            next += streams[index].rowCount
        }
        var places = streams.map(\.firstRow)
        let unordered = rows
        for (row, stream) in streamOfRow.enumerated() {
            state.pointee.rows[places[Int(stream)]] = unordered[row]
            places[Int(stream)] += 1
        }
    }

    /// As above, from text; for cold paths.
    public func append(timestamp: Int64, line: String, metadata: Labels = .empty) {
        var line = line
        line.withUTF8 { text in
            metadata.storage.withUnsafeBytes {
                append(timestamp: timestamp, line: UnsafeRawBufferPointer(text), metadata: $0)
            }
        }
    }

    /// Calls `body` with the arena that all offsets point into, valid only within the call.
    @inlinable public func withArena<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(state.pointee.arena.bytes)
    }

    /// Calls `body` with the canonical label bytes of stream entry `index`, valid only within the call.
    @inlinable public func withLabels<R>(_ index: Int, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        let stream = state.pointee.streams[index]
        let all = state.pointee.arena.bytes
        return try body(
            UnsafeRawBufferPointer(rebasing: all[stream.labelOffset..<stream.labelOffset + stream.labelLength]))
    }

    /// A copy of the label set of stream entry `index`; for cold paths.
    public func labels(_ index: Int) -> Labels { withLabels(index) { Labels(canonical: $0) } }

    /// A copy of the line of row `index`; for cold paths.
    public func line(_ index: Int) -> [UInt8] {
        let row = state.pointee.rows[index]
        return withArena { Array($0[row.lineOffset..<row.lineOffset + row.lineLength]) }
    }

    /// A copy of the structured metadata of row `index`; for cold paths.
    public func metadata(_ index: Int) -> Labels {
        let row = state.pointee.rows[index]
        return withArena {
            Labels(
                canonical: UnsafeRawBufferPointer(
                    rebasing: $0[row.metadataOffset..<row.metadataOffset + row.metadataLength]))
        }
    }
}
