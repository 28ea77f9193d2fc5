import Bedrock
import Columns
import LSM
import Model
import Synchronization

/// An open trace segment. Thread-safe: everything it hands out is immutable.
///
/// Opening reads the footer; the index is read when first asked for and kept in the shared cache; pages of the id index and column chunks are
/// read by range. What fails its checksum throws `SegmentDamage`, and so does what passes it and doesn't decode; callers go on without it.
public final class TraceSegment: SegmentReader, @unchecked Sendable {
    public let summary: SegmentSummary
    let object: any ObjectReader
    let footer: TraceFooter
    let cache: BlockCache
    let id: UInt64
    private let state = Mutex(State())

    private struct State {
        /// Offsets of chunks whose checksum was right when they were read first.
        var checked: Set<Int> = []
        /// Whatever the cache forgets, there is one as long as anybody holds it.
        weak var index: TraceIndex?
    }

    init(_ object: any ObjectReader, cache: BlockCache) throws {
        self.object = object
        self.cache = cache
        footer = try TraceFooter.read(object)
        id = cache.makeSegmentId()
        summary = footer.summary(byteCount: object.size)
    }

    deinit { cache.remove(id) }

    func index() throws -> TraceIndex {
        if let known = cache.get(id, .block(0)) as? TraceIndex { return known }
        if let held = state.withLock({ $0.index }) { return held }
        let made = try readIndex { _ in }
        let index = state.withLock { state in
            let index = state.index ?? made
            state.index = index
            return index
        }
        cache.put(id, .block(0), index, bytes: index.byteCount)
        return index
    }

    // MARK: Index

    /// Decodes the index. Damage that a copy makes good is told to `damage`.
    func readIndex(_ damage: (SegmentDamage) -> Void) throws -> TraceIndex {
        func texts(_ kind: TraceLayout.Section) throws -> LineArena {
            try decode(kind, damage) { try TextTable.decode(&$0, countMax: Int(Int32.max)) }
        }
        let names = try texts(.names)
        let resources = try decode(.resources, damage) { reader in
            let texts = try TextTable.decode(&reader, countMax: Int(Int32.max))
            for number in 0..<texts.count { _ = try ResourceBytes(texts[number]) }
            return texts
        }
        let scopes = try decode(.scopes, damage) { reader in
            let texts = try TextTable.decode(&reader, countMax: Int(Int32.max))
            for number in 0..<texts.count { _ = try ScopeBytes(texts[number]) }
            return texts
        }
        let columns = try decode(.columns, damage) { try Self.columns(&$0) }
        let (keys, isCut) = try decode(.keys, damage) { reader in
            let isCut = try reader.u8() != 0
            return (try TextTable.decode(&reader, countMax: TraceStoreLimits.notedKeysMax), isCut)
        }
        let bounds = BlockEntry.Bounds(
            names: names.count, resources: resources.count, scopes: scopes.count, columns: columns.count,
            end: footer.section(.names)?.offset ?? 0)
        let blocks = try decode(.blocks, damage) { reader in
            var blocks: [BlockEntry] = []
            for _ in 0..<footer.blockCount { blocks.append(try BlockEntry(&reader, bounds)) }
            let (rows, traces) = (blocks.reduce(0) { $0 + $1.rowCount }, blocks.reduce(0) { $0 + $1.traceCount })
            guard rows == footer.rowCount, traces == footer.traceCount else {
                throw DecodeError("\(rows) rows, \(traces) traces in blocks", at: 0)
            }
            return blocks
        }
        let pages = try decode(.idPages, damage) {
            try IDPage.decode(&$0, traceCount: footer.traceCount, end: footer.section(.names)?.offset ?? 0)
        }
        return TraceIndex(
            names: names, resources: resources, scopes: scopes, columns: columns, keys: keys, isKeysCut: isCut,
            blocks: blocks, idPages: pages)
    }

    private static func columns(_ reader: inout ByteReader) throws -> [TraceIndex.Column] {
        var columns: [TraceIndex.Column] = []
        for _ in 0..<(try reader.length(limit: reader.remaining / 5)) {
            guard let role = ColumnRole(rawValue: try reader.u8()),
                let type = AttributeType(rawValue: try reader.u8())
            else { throw DecodeError("unknown kind of column", at: reader.offset) }
            let isLocal = try reader.u8() != 0
            let key = Array(try reader.prefixed())
            let values = try TextTable.decode(&reader, countMax: Int(Int32.max))
            guard role == .attribute || type == role.type else {
                throw DecodeError("a column of role \(role) and type \(type)", at: reader.offset)
            }
            columns.append(
                TraceIndex.Column(role: role, type: type, key: key, values: values, isLocal: isLocal))
        }
        return columns
    }

    /// Decodes a section, or its copy where it is damaged.
    private func decode<R>(
        _ kind: TraceLayout.Section, _ report: (SegmentDamage) -> Void, _ body: (inout ByteReader) throws -> R
    ) throws -> R {
        do { return try decode(kind, copy: false, body) } catch let error as SegmentDamage {
            guard let good = try? decode(kind, copy: true, body) else { throw error }
            var made = error
            made.lost = "nothing: there is a copy"
            report(made)
            return good
        }
    }

    /// - Throws: `SegmentDamage`, and what reading the object throws.
    func decode<R>(
        _ kind: TraceLayout.Section, copy: Bool, _ body: (inout ByteReader) throws -> R
    ) throws -> R {
        guard let section = footer.section(kind, copy: copy) else {
            throw SegmentDamage(
                object: object.name, block: kind.name, offset: 0, lost: "the whole segment", reason: "is missing")
        }
        let stored = try object.bytes(section.offset..<section.offset + section.length)
        do {
            try section.verify(stored.bytes)
            var head = ByteReader(stored.bytes)
            let rawCount = try head.length(limit: TraceStoreLimits.sectionBytesMax)
            let rest = UnsafeRawBufferPointer(rebasing: stored.bytes[head.offset...])
            var raw = ByteBuffer(capacity: rawCount + 1)
            if rest.count == rawCount {
                raw.append(rest)
            } else {
                try Zstd.decompress(rest, into: &raw, limit: rawCount)
            }
            guard raw.count == rawCount else { throw DecodeError("\(raw.count) bytes, not \(rawCount)", at: 0) }
            var reader = ByteReader(raw.bytes)
            let result = try body(&reader)
            guard reader.isAtEnd else { throw DecodeError("bytes behind the end", at: reader.offset) }
            return result
        } catch {
            throw SegmentDamage(
                object: object.name, block: kind.name + (copy ? ", copy" : ""), offset: section.offset,
                lost: "the whole segment, \(Self.span(footer.firstStart, footer.lastStart))", reason: "\(error)")
        }
    }

    // MARK: Ids

    /// Calls `body` with the block and position of each trace that may have this id.
    func forEachCandidate(_ id: TraceID, _ index: TraceIndex, _ body: (_ block: Int, _ trace: Int) throws -> Void)
        throws
    {
        let fingerprint = TraceHash.fingerprint(id)
        var low = 0
        var high = index.idPages.count
        // The first page that may have it: equal ones may begin on the page before.
        while low < high {
            let middle = (low + high) / 2
            if index.idPages[middle].first < fingerprint { low = middle + 1 } else { high = middle }
        }
        for number in max(low - 1, 0)..<index.idPages.count {
            if index.idPages[number].first > fingerprint { break }
            try page(number, index).forEach(fingerprint) { trace in
                let place = index.place(trace)
                try body(place.block, place.trace)
            }
        }
    }

    func page(_ number: Int, _ index: TraceIndex) throws -> IDPageEntries {
        try index.page(number) {
            let page = index.idPages[number]
            let stored = try object.bytes(page.offset..<page.offset + page.byteCount)
            do {
                let sum = CRC32C.of(stored.bytes)
                guard sum == page.checksum else { throw DecodeError("checksum \(sum), not \(page.checksum)", at: 0) }
                return try IDPageEntries(stored.bytes, count: page.entryCount, traceCount: footer.traceCount)
            } catch {
                throw SegmentDamage(
                    object: object.name, block: "id page \(number)", offset: page.offset,
                    lost: "\(page.entryCount) of \(footer.traceCount) traces, by id only", reason: "\(error)")
            }
        }
    }

    // MARK: Chunks

    /// The bytes of a chunk, checked when they are read first.
    func bytes(of chunk: BlockEntry.Chunk, block: Int, _ entry: BlockEntry) throws -> BlockBytes {
        let stored = try object.bytes(chunk.offset..<chunk.offset + chunk.byteCount)
        if !state.withLock({ $0.checked.contains(chunk.offset) }) {
            let sum = CRC32C.of(stored.bytes)
            guard sum == chunk.checksum else {
                throw damage(chunk, block: block, entry, "checksum \(sum) instead of \(chunk.checksum)")
            }
            state.withLock { _ = $0.checked.insert(chunk.offset) }
        }
        return BlockBytes(stored)
    }

    /// A damage report for a chunk, with what is lost by it.
    func damage(_ chunk: BlockEntry.Chunk, block: Int, _ entry: BlockEntry, _ reason: String) -> SegmentDamage {
        SegmentDamage(
            object: object.name, block: "block \(block), \(BlockColumn.name(chunk.column))", offset: chunk.offset,
            lost:
                "\(entry.rowCount) spans of \(entry.traceCount) traces, \(Self.span(entry.firstStart, entry.lastStart))",
            reason: reason)
    }

    static func span(_ first: Int64, _ last: Int64) -> String {
        let range = NanosecondTime.milliseconds(first, through: last)
        return "\(UTCTime(milliseconds: range.start).iso8601) to \(UTCTime(milliseconds: range.end).iso8601)"
    }
}
