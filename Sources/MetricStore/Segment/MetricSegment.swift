import Bedrock
import LSM
import Model
import Synchronization

/// An open metric segment. Thread-safe: everything it hands out is immutable.
///
/// Opening reads the footer; everything else is read, checked and decoded when it is asked for, and kept in the shared cache. A block that
/// fails its checksum throws `SegmentDamage`, and so does one that passes it and doesn't decode; callers go on without it.
public final class MetricSegment: SegmentReader, @unchecked Sendable {
    public let summary: SegmentSummary
    let object: any ObjectReader
    let directory: SegmentDirectory
    let exemplarKeys: [ExemplarBlock.Key]
    private let cache: BlockCache
    private let id: UInt64
    /// Blocks whose checksum was right when they were read first.
    private let checked: UnsafeMutablePointer<Atomic<Bool>>

    init(_ object: any ObjectReader, cache: BlockCache) throws {
        self.object = object
        self.cache = cache
        id = cache.makeSegmentId()
        directory = try SegmentFooter.read(object)
        exemplarKeys = try Self.exemplarKeys(directory, object)
        summary = SegmentSummary(
            timeRange: directory.timeRange, seriesCount: directory.itemCount(.series), rowCount: directory.rowCount,
            byteCount: object.size, formatVersion: directory.formatVersion)
        checked = .allocate(capacity: max(1, directory.blocks.count))
        for i in directory.blocks.indices { (checked + i).initialize(to: Atomic(false)) }
    }

    deinit {
        cache.remove(id)
        checked.deallocate()
    }

    var seriesCount: Int { directory.itemCount(.series) }

    // MARK: Blocks

    /// The bytes of a block, checked and decompressed.
    func bytes(_ position: Int) throws -> BlockBytes {
        let block = directory.blocks[position]
        let stored = try object.bytes(block.offset..<block.offset + block.storedBytes)
        if !checked[position].load(ordering: .relaxed) {
            let sum = CRC32C.of(stored.bytes)
            guard sum == block.checksum else { throw damage(position, "checksum \(sum) instead of \(block.checksum)") }
            checked[position].store(true, ordering: .relaxed)
        }
        guard block.rawBytes > 0 else { return BlockBytes(stored) }
        var raw = ByteBuffer(capacity: block.rawBytes + 1)
        do {
            try Zstd.decompress(stored.bytes, into: &raw, limit: block.rawBytes)
        } catch {
            throw damage(position, "\(error)")
        }
        guard raw.count == block.rawBytes else {
            throw damage(position, "\(raw.count) bytes instead of \(block.rawBytes)")
        }
        return BlockBytes(raw)
    }

    /// A decoded block, from the cache when it is there.
    private func decoded<Block: AnyObject & Sendable>(
        _ position: Int, _ decode: (UnsafeRawBufferPointer, Range<Int>) throws(DecodeError) -> Block,
        _ size: (Block) -> Int
    ) throws -> Block {
        if let known = cache.get(id, .block(position)) as? Block { return known }
        let raw = try bytes(position)
        let block: Block
        do throws(DecodeError) {
            block = try decode(raw.bytes, directory.blocks[position].items)
        } catch {
            throw damage(position, "\(error)")
        }
        cache.put(id, .block(position), block, bytes: size(block))
        return block
    }

    func symbols(_ position: Int) throws -> SymbolBlock {
        try decoded(
            position, { (bytes, items) throws(DecodeError) in try SymbolBlock(bytes, items: items) }, \.byteCount)
    }

    func seriesBlock(_ position: Int) throws -> SeriesBlock {
        let symbols = directory.itemCount(.symbols)
        return try decoded(
            position,
            { (bytes, items) throws(DecodeError) in try SeriesBlock(bytes, items: items, symbolCount: symbols) },
            \.byteCount)
    }

    func postings(_ position: Int) throws -> PostingsBlock {
        let (symbols, series) = (directory.itemCount(.symbols), seriesCount)
        return try decoded(
            position,
            { (bytes, items) throws(DecodeError) in
                try PostingsBlock(bytes, items: items, symbolCount: symbols, seriesCount: series)
            }, \.byteCount)
    }

    func timestamps(_ position: Int) throws -> TimestampBlock {
        try decoded(
            position, { (bytes, items) throws(DecodeError) in try TimestampBlock(bytes, items: items) }, \.byteCount)
    }

    func exemplarBlock(_ position: Int) throws -> ExemplarBlock {
        let series = seriesCount
        return try decoded(
            position,
            { (bytes, items) throws(DecodeError) in try ExemplarBlock(bytes, items: items, seriesCount: series) },
            \.byteCount)
    }

    func chunkDirectory(_ position: Int) throws -> ChunkDirectory {
        let directory = directory
        return try decoded(
            position,
            { (bytes, items) throws(DecodeError) in try ChunkDirectory(bytes, items: items, directory: directory) },
            \.byteCount)
    }

    /// A page of chunks: as it lies in the object, or decompressed and then cached.
    func page(_ position: Int) throws -> BlockBytes {
        if directory.blocks[position].rawBytes == 0 { return try bytes(position) }
        if let known = cache.get(id, .block(position)) as? BlockBytes { return known }
        let raw = try bytes(position)
        cache.put(id, .block(position), raw, bytes: raw.bytes.count + 64)
        return raw
    }

    /// What `make` found for a matcher in this segment, from the cache when it is there.
    func cachedPostings(_ matcher: Matcher, _ make: () throws -> OrdinalSet) throws -> OrdinalSet {
        if let known = cache.get(id, .matched([matcher])) as? OrdinalSet { return known }
        let set = try make()
        cache.put(id, .matched([matcher]), set, bytes: set.byteCount)
        return set
    }

    /// The position of the block that holds an item, which the caller knows to exist.
    func position(_ kind: SegmentLayout.Kind, holding item: Int) throws -> Int {
        guard let position = directory.position(kind, holding: item) else {
            throw SegmentDamage(
                object: object.name, block: "directory", offset: 0, lost: "what \(kind.name) \(item) held",
                reason: "there is no \(kind.name) for item \(item)")
        }
        return position
    }

    // MARK: Labels

    /// Appends the canonical label bytes of a series.
    func appendLabels(_ series: Int, to target: inout ByteBuffer) throws {
        let block = try seriesBlock(try position(.series, holding: series))
        for pair in block.pairs(series) {
            try appendSymbol(Int(pair.name), to: &target)
            try appendSymbol(Int(pair.value), to: &target)
        }
    }

    private func appendSymbol(_ id: Int, to target: inout ByteBuffer) throws {
        let block = try symbols(try position(.symbols, holding: id))
        block.withSymbol(id) { target.append(prefixed: $0) }
    }

    func labels(_ series: Int) throws -> Labels {
        var bytes = ByteBuffer(capacity: 256)
        try appendLabels(series, to: &bytes)
        return Labels(canonical: bytes.bytes)
    }

    func metadata() throws -> [MetricMetadata] {
        var families: [MetricMetadata] = []
        for number in 0..<directory.blockCount(.metadata) {
            let position = directory.position(.metadata, number)
            let raw = try bytes(position)
            var reader = ByteReader(raw.bytes)
            do throws(DecodeError) {
                while !reader.isAtEnd { families.append(try MetricRecord.decodeMetadata(&reader)) }
            } catch {
                throw damage(position, "\(error)")
            }
        }
        return families
    }
}
