import Bedrock
import Columns
import LSM
import Model
import Synchronization

/// An open log segment. Thread-safe: everything it hands out is immutable.
///
/// Opening reads the footer; the index is read when first asked for and kept in the shared cache, so that pruning needs no object read;
/// column chunks are read by range. A section or chunk that fails its checksum throws `SegmentDamage`, and so does one that passes it and
/// doesn't decode; callers go on without it.
public final class LogSegment: SegmentReader, @unchecked Sendable {
    public let summary: SegmentSummary
    let object: any ObjectReader
    let footer: LogFooter
    let cache: BlockCache
    let id: UInt64
    private let state = Mutex(State())

    private struct State {
        /// Offsets of chunks whose checksum was right when they were read first.
        var checked: Set<Int> = []
        /// Whatever the cache forgets, there is one of each as long as anybody holds it.
        weak var index: LogIndex?
        weak var lines: LineDictionary?
    }

    enum CachePart {
        static let index = 0
        static let lines = 1
    }

    init(_ object: any ObjectReader, cache: BlockCache) throws {
        self.object = object
        self.cache = cache
        footer = try LogFooter.read(object)
        id = cache.makeSegmentId()
        summary = footer.summary(byteCount: object.size)
    }

    deinit { cache.remove(id) }

    /// Streams, blocks and fields.
    func index() throws -> LogIndex {
        if let known = cache.get(id, .block(CachePart.index)) as? LogIndex { return known }
        if let held = state.withLock({ $0.index }) { return held }
        let made = try readIndex()
        let index = state.withLock { state in
            let index = state.index ?? made
            state.index = index
            return index
        }
        cache.put(id, .block(CachePart.index), index, bytes: index.byteCount)
        return index
    }

    // MARK: Bytes

    /// The bytes of an index section, or of its copy, checked and decompressed. Damage that the copy makes good is told to `damage`.
    func bytes(of section: LogFooter.Section, damage: (SegmentDamage) -> Void = { _ in }) throws -> BlockBytes {
        do { return try bytes(of: section, at: section.offset) } catch let error as SegmentDamage {
            guard section.copyOffset > 0, let copy = try? bytes(of: section, at: section.copyOffset) else {
                throw error
            }
            var made = error
            made.lost = "nothing: there is a copy"
            damage(made)
            return copy
        }
    }

    /// The bytes of one of its copies.
    func bytes(of section: LogFooter.Section, at offset: Int) throws -> BlockBytes {
        let stored = try object.bytes(offset..<offset + section.storedBytes)
        let sum = CRC32C.of(stored.bytes)
        guard sum == section.checksum else { throw damage(section, "checksum \(sum) instead of \(section.checksum)") }
        guard section.rawBytes > 0 else { return BlockBytes(stored) }
        var raw = ByteBuffer(capacity: section.rawBytes + 1)
        do {
            try Zstd.decompress(stored.bytes, into: &raw, limit: section.rawBytes)
        } catch {
            throw damage(section, "\(error)")
        }
        guard raw.count == section.rawBytes else {
            throw damage(section, "\(raw.count) bytes instead of \(section.rawBytes)")
        }
        return BlockBytes(raw)
    }

    /// What the lines of all blocks refer to.
    func lineDictionary() throws -> LineDictionary {
        if let known = cache.get(id, .block(CachePart.lines)) as? LineDictionary { return known }
        if let held = state.withLock({ $0.lines }) { return held }
        guard let section = footer.sections.first(where: { $0.kind == .lines }) else {
            throw SegmentDamage(
                object: object.name, block: "footer", offset: 0, lost: "all lines",
                reason: "there is no line dictionary")
        }
        let bytes = try bytes(of: section)
        do {
            let made = try withExtendedLifetime(bytes) { try LineDictionary(bytes.bytes) }
            let dictionary = state.withLock { state in
                let dictionary = state.lines ?? made
                state.lines = dictionary
                return dictionary
            }
            cache.put(id, .block(CachePart.lines), dictionary, bytes: dictionary.byteCount)
            return dictionary
        } catch {
            throw damage(section, "\(error)")
        }
    }

    /// The bytes of a column chunk, checked when they are read first.
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

    /// Reads and checks a chunk unless that was done before.
    func check(_ chunk: BlockEntry.Chunk, block: Int, _ entry: BlockEntry) throws {
        if state.withLock({ $0.checked.contains(chunk.offset) }) { return }
        _ = try bytes(of: chunk, block: block, entry)
    }
}

extension LogFooter {
    /// What the catalog keeps.
    func summary(byteCount: Int) -> SegmentSummary {
        SegmentSummary(
            timeRange: NanosecondTime.milliseconds(firstTime, through: lastTime), seriesCount: streamCount,
            rowCount: rowCount, byteCount: byteCount, formatVersion: LogLayout.version)
    }
}
