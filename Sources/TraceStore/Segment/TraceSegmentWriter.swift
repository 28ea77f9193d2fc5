import Bedrock
import Columns
import LSM
import Model

/// Writes one trace segment: traces by the start of their first span, then id. A block is held in memory until it is full. One owner; not
/// thread-safe.
final class TraceSegmentWriter {
    private let out: any ObjectWriter
    private var footer = TraceFooter()
    let block = SpanBlockBuilder()
    private var entries: [BlockEntry] = []
    private var fingerprints: ContiguousArray<UInt32> = []
    private var currentTrace: TraceID?
    /// What each column has taken so far, by its number.
    private(set) var columnBytes: [Int: Int] = [:]

    init(_ out: any ObjectWriter, tier: Int) throws {
        self.out = out
        footer.tier = tier
        try TraceLayout.magic.withUnsafeBytes { try out.append($0) }
    }

    var memoryBytes: Int { block.memoryBytes + entries.count * 1024 + fingerprints.capacity * 4 }

    // MARK: Spans

    func beginTrace(_ id: TraceID) throws {
        if block.isFull { try endBlock() }
        block.beginTrace(id)
        currentTrace = id
    }

    /// Adds a span of the trace begun last, not before the span added last; resource and scope are numbers in `block`'s tables.
    func append(_ span: SpanBytes, resource: Int32, scope: Int32) throws {
        if block.isOverfull, let currentTrace {
            block.endTrace()
            try endBlock()
            block.beginTrace(currentTrace)
        }
        block.append(span, resource: resource, scope: scope)
    }

    func endTrace() {
        block.endTrace()
        currentTrace = nil
    }

    /// Adds whole traces of another segment's block, from the first of `traces` on, as many as fit this block.
    /// - Returns: how many; 0 where the first must go span by span, as it has columns that a block can't take.
    func append(_ transfer: BlockTransfer, traces: Range<Int>) throws -> Int {
        if block.isFull { try endBlock() }
        let starts = try transfer.source.traceStarts()
        let first = traces.lowerBound
        var last = first + 1
        let room = TraceStoreLimits.blockRowsMin - block.rowCount
        while last < traces.upperBound, Int(starts[last] - starts[first]) < room { last += 1 }
        if try block.append(transfer, traces: first..<last) { return last - first }
        guard !block.isEmpty else { return 0 }
        try endBlock()
        return try block.append(transfer, traces: first..<last) ? last - first : 0
    }

    // MARK: Blocks

    private func endBlock() throws {
        guard !block.isEmpty else { return }
        for id in block.traceIDs { fingerprints.append(TraceHash.fingerprint(id)) }
        let offset = out.count
        var chunks: [BlockEntry.Chunk] = []
        var entry = try block.endBlock { column, bytes in
            chunks.append(
                BlockEntry.Chunk(
                    column: column, offset: out.count, byteCount: bytes.count, checksum: CRC32C.of(bytes)))
            columnBytes[column, default: 0] += bytes.count
            try out.append(bytes)
        }
        entry.offset = offset
        entry.chunks = chunks
        footer.firstStart = min(footer.firstStart, entry.firstStart)
        footer.lastStart = max(footer.lastStart, entry.lastStart)
        footer.rowCount += entry.rowCount
        footer.traceCount += entry.traceCount
        entries.append(entry)
    }

    // MARK: End

    /// Ends the segment. Nil: there was no row, and nothing is to be kept.
    func finish() throws -> SegmentSummary? {
        try endBlock()
        guard footer.rowCount > 0 else { return nil }
        footer.blockCount = entries.count
        let pages = try IDPage.write(fingerprints, to: out)
        var packed: [(TraceLayout.Section, [UInt8])] = []
        var section = ByteBuffer(capacity: 4096)
        func pack(_ kind: TraceLayout.Section) {
            packed.append((kind, Self.pack(section.bytes, level: TraceLayout.compressionLevel(tier: footer.tier))))
            section.clear()
        }
        block.names.encode(into: &section)
        pack(.names)
        block.resources.encode(into: &section)
        pack(.resources)
        block.scopes.encode(into: &section)
        pack(.scopes)
        section.append(varint: block.trie.columns.count)
        for column in block.trie.columns {
            section.append(column.role.rawValue)
            section.append(column.type.rawValue)
            section.append(column.wasLocal ? UInt8(1) : UInt8(0))
            column.key.withUnsafeBytes { section.append(prefixed: $0) }
            column.values.encode(into: &section, count: column.listedCount)
        }
        pack(.columns)
        section.append(block.noted.isCut ? UInt8(1) : UInt8(0))
        block.noted.texts.encode(into: &section)
        pack(.keys)
        for entry in entries { entry.encode(into: &section) }
        pack(.blocks)
        section.append(pages)
        pack(.idPages)
        for copy in [UInt8(0), TraceLayout.copyBit] {
            for (kind, bytes) in packed {
                try bytes.withUnsafeBytes {
                    footer.directory.add(kind: kind.rawValue | copy, offset: out.count, bytes: $0)
                    try out.append($0)
                }
            }
        }
        try footer.write(to: out)
        return footer.summary(byteCount: out.count)
    }

    /// The length of the bytes, then a zstd frame of them, or themselves where that is not smaller.
    private static func pack(_ raw: UnsafeRawBufferPointer, level: Int32) -> [UInt8] {
        var packed = ByteBuffer(capacity: raw.count / 2 + 64)
        packed.append(varint: raw.count)
        let head = packed.count
        Zstd.compress(raw, into: &packed, level: level)
        if packed.count - head >= raw.count {
            packed.truncate(to: head)
            packed.append(raw)
        }
        return packed.array()
    }
}
