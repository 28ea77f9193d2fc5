import Bedrock
import LSM
import Model

/// The footer of a segment: what is in it and where. The only part that is read when a segment is opened.
///
/// ```
/// ┌────────────┬──────────────────────────────────────────────────┬─ per block ───────────────────────────────┐
/// │ tier       │ first and last time (svarint), rows, block count │ kind u8, stored bytes, raw bytes (0: not  │
/// │ varint     │                                                  │ compressed), CRC-32C u32, items, key      │
/// └────────────┴──────────────────────────────────────────────────┴───────────────────────────────────────────┘
/// ```
/// Blocks stand one behind the other from the magic on, in the order of the directory.
struct SegmentDirectory: Sendable {
    struct Block: Sendable {
        var kind: SegmentLayout.Kind
        /// Number among the blocks of its kind.
        var number: Int
        var offset: Int
        var storedBytes: Int
        /// Bytes after decompression; 0 when the block is stored as it is.
        var rawBytes: Int
        var checksum: UInt32
        /// Items of its kind in earlier blocks, and in this one.
        var firstItem: Int
        var itemCount: Int
        /// Where to look for something: no item before this block is at or above it, and none in it is below (symbols, postings).
        var key: [UInt8]

        var items: Range<Int> { firstItem..<firstItem + itemCount }
    }

    var tier: Int
    var timeRange: TimeRange
    var rowCount: Int
    /// Version 1 had no exemplars, and another form of histogram chunks.
    var formatVersion = 1
    private(set) var blocks: [Block] = []
    /// Positions in `blocks`, by kind.
    private var byKind: [[Int]] = Array(repeating: [], count: 16)
    private var itemCounts: [Int] = Array(repeating: 0, count: 16)
    private var end = SegmentLayout.magic.count

    init(tier: Int, timeRange: TimeRange = TimeRange(.max, .min), rowCount: Int = 0) {
        self.tier = tier
        self.timeRange = timeRange
        self.rowCount = rowCount
    }

    /// Adds the block that follows the last one.
    mutating func append(
        _ kind: SegmentLayout.Kind, storedBytes: Int, rawBytes: Int, checksum: UInt32, items: Int, key: [UInt8]
    ) {
        let slot = Int(kind.rawValue)
        blocks.append(
            Block(
                kind: kind, number: byKind[slot].count, offset: end, storedBytes: storedBytes, rawBytes: rawBytes,
                checksum: checksum, firstItem: itemCounts[slot], itemCount: items, key: key))
        byKind[slot].append(blocks.count - 1)
        itemCounts[slot] += items
        end += storedBytes
    }

    /// Items of a kind in the whole segment.
    func itemCount(_ kind: SegmentLayout.Kind) -> Int { itemCounts[Int(kind.rawValue)] }

    func blockCount(_ kind: SegmentLayout.Kind) -> Int { byKind[Int(kind.rawValue)].count }

    /// Position in `blocks` of block `number` of a kind.
    func position(_ kind: SegmentLayout.Kind, _ number: Int) -> Int { byKind[Int(kind.rawValue)][number] }

    /// Position in `blocks` of the block that holds item `item` of a kind; nil when there is no such item.
    func position(_ kind: SegmentLayout.Kind, holding item: Int) -> Int? {
        let list = byKind[Int(kind.rawValue)]
        var low = 0
        var high = list.count
        while low < high {
            let middle = (low + high) >> 1
            if blocks[list[middle]].items.upperBound <= item { low = middle + 1 } else { high = middle }
        }
        return low < list.count && blocks[list[low]].items.contains(item) ? list[low] : nil
    }

    /// Position in `blocks` of the last block of a kind whose key is not after `target`, by the order given; nil when all are after it.
    func position(_ kind: SegmentLayout.Kind, keyed isAfter: ([UInt8]) -> Bool) -> Int? {
        let list = byKind[Int(kind.rawValue)]
        var low = 0
        var high = list.count
        while low < high {
            let middle = (low + high) >> 1
            if isAfter(blocks[list[middle]].key) { high = middle } else { low = middle + 1 }
        }
        return low > 0 ? list[low - 1] : nil
    }

    // MARK: Bytes

    func encode(into target: inout ByteBuffer) {
        target.append(varint: tier)
        target.append(signedVarint: timeRange.start)
        target.append(signedVarint: timeRange.end)
        target.append(varint: rowCount)
        target.append(varint: blocks.count)
        for block in blocks {
            target.append(block.kind.rawValue)
            target.append(varint: block.storedBytes)
            target.append(varint: block.rawBytes)
            target.append(littleEndian: block.checksum)
            target.append(varint: block.itemCount)
            block.key.withUnsafeBytes { target.append(prefixed: $0) }
        }
    }

    /// - Parameter end: where the last block must end: the offset of the directory.
    init(_ bytes: UnsafeRawBufferPointer, end expectedEnd: Int) throws(DecodeError) {
        var reader = ByteReader(bytes)
        let tier = try reader.length(limit: 64)
        let start = try reader.signedVarint()
        let stop = try reader.signedVarint()
        self.init(
            tier: tier, timeRange: TimeRange(start, stop), rowCount: try reader.length(limit: 1 << 48))
        // A block takes nine bytes at least.
        for _ in 0..<(try reader.length(limit: reader.remaining / 9)) {
            let code = try reader.u8()
            guard let kind = SegmentLayout.Kind(rawValue: code) else {
                throw DecodeError("unknown block kind \(code)", at: reader.offset - 1)
            }
            let stored = try reader.length(limit: expectedEnd)
            let raw = try reader.length(limit: SegmentLayout.blockBytesMax)
            let checksum = try reader.littleEndian(UInt32.self)
            let items = try reader.length(limit: 1 << 40)
            append(
                kind, storedBytes: stored, rawBytes: raw, checksum: checksum, items: items,
                key: Array(try reader.prefixed()))
            guard end <= expectedEnd else { throw DecodeError("blocks reach beyond the directory", at: reader.offset) }
        }
        guard end == expectedEnd, reader.isAtEnd else {
            throw DecodeError("blocks don't fill the object", at: reader.offset)
        }
    }
}
