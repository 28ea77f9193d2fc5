import Bedrock

/// A run of label pairs with the ordinals of the series that have them. Pairs are sorted by name, then value.
///
/// ```
/// ┌──────────────────────────────────────────────────────────────────┬─ per pair ─────────────────────────────┐
/// │ integer columns: name ids, value ids, series counts, byte lengths│ one series: varint ordinal             │
/// │                                                                  │ else tag u8, 0: integer column,        │
/// │                                                                  │ 1: roaring bitmap, portable form       │
/// └──────────────────────────────────────────────────────────────────┴────────────────────────────────────────┘
/// ```
final class PostingsBlock: Sendable {
    let firstPair: Int
    /// Symbol ids.
    let names: [UInt32]
    let values: [UInt32]
    /// Series that have each pair.
    let counts: [UInt32]
    private let ends: [Int]
    private let payload: [UInt8]
    private let seriesCount: Int

    var byteCount: Int { names.count * 20 + payload.count + 64 }
    var count: Int { names.count }

    // MARK: Writing

    /// Gathers pairs into a block.
    struct Builder: ~Copyable {
        private var names: [UInt32] = []
        private var values: [UInt32] = []
        private var counts: [Int] = []
        private var lengths: [Int] = []
        private var payload = ByteBuffer(capacity: 1 << 15)

        init() {}

        var count: Int { names.count }
        var byteCount: Int { payload.count + names.count * 4 }
        /// What the directory keeps to search by: the first pair.
        var key: [UInt8] { names.isEmpty ? [] : PostingsBlock.key(names[0], values[0]) }

        mutating func append(_ pair: SeriesBlock.Pair, _ ordinals: UnsafeBufferPointer<UInt32>, scratch: ColumnScratch)
        {
            names.append(pair.name)
            values.append(pair.value)
            counts.append(ordinals.count)
            let start = payload.count
            if ordinals.count == 1 {
                payload.append(varint: UInt64(ordinals[0]))
            } else {
                payload.append(0 as UInt8)
                IntegerColumn.encode(ordinals, scratch: scratch, into: &payload)
                if payload.count - start > 32 {
                    var bitmap = ByteBuffer()
                    OrdinalSet(ordinals).encode(into: &bitmap)
                    if bitmap.count + 1 < payload.count - start {
                        payload.truncate(to: start)
                        payload.append(1 as UInt8)
                        payload.append(bitmap.bytes)
                    }
                }
            }
            lengths.append(payload.count - start)
        }

        mutating func finish(scratch: ColumnScratch, into target: inout ByteBuffer) {
            IntegerColumn.encode(names, scratch: scratch, into: &target)
            IntegerColumn.encode(values, scratch: scratch, into: &target)
            IntegerColumn.encode(counts, scratch: scratch, into: &target)
            IntegerColumn.encode(lengths, scratch: scratch, into: &target)
            target.append(payload.bytes)
            names.removeAll(keepingCapacity: true)
            values.removeAll(keepingCapacity: true)
            counts.removeAll(keepingCapacity: true)
            lengths.removeAll(keepingCapacity: true)
            payload.clear()
        }
    }

    static func key(_ name: UInt32, _ value: UInt32) -> [UInt8] {
        var key = ByteBuffer(capacity: 16)
        key.append(littleEndian: name.bigEndian)
        key.append(littleEndian: value.bigEndian)
        return key.array()
    }

    // MARK: Reading

    init(
        _ block: UnsafeRawBufferPointer, items: Range<Int>, symbolCount: Int, seriesCount: Int
    ) throws(DecodeError) {
        firstPair = items.lowerBound
        self.seriesCount = seriesCount
        let count = items.count
        guard count <= SegmentLayout.itemsPerBlockMax else { throw DecodeError("\(count) pairs in a block", at: 0) }
        var reader = ByteReader(block)
        names = try IntegerColumn.decodeIndexes(&reader, count: count, limit: symbolCount)
        values = try IntegerColumn.decodeIndexes(&reader, count: count, limit: symbolCount)
        counts = try IntegerColumn.decodeIndexes(&reader, count: count, limit: seriesCount + 1)
        let lengths = try IntegerColumn.decodeIndexes(&reader, count: count, limit: block.count + 1)
        var ends: [Int] = []
        var end = 0
        for length in lengths {
            end += Int(length)
            ends.append(end)
        }
        guard end == reader.remaining else { throw DecodeError("postings don't fill their block", at: reader.offset) }
        self.ends = ends
        payload = Array(try reader.take(reader.remaining))
    }

    /// Adds the series of the pair at position `at` of this block to `set`.
    func add(_ at: Int, to set: OrdinalSet) throws(DecodeError) {
        let start = at == 0 ? 0 : ends[at - 1]
        var failure: DecodeError?
        payload.withUnsafeBytes { all in
            do throws(DecodeError) {
                try add(UnsafeRawBufferPointer(rebasing: all[start..<ends[at]]), count: Int(counts[at]), to: set)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    private func add(_ bytes: UnsafeRawBufferPointer, count: Int, to set: OrdinalSet) throws(DecodeError) {
        var reader = ByteReader(bytes)
        var ordinals: [UInt32]
        if count == 1 {
            ordinals = [UInt32(try reader.length(limit: max(0, seriesCount - 1)))]
        } else if try reader.u8() == 1 {
            let bitmap = try OrdinalSet(UnsafeRawBufferPointer(rebasing: bytes[1...]), limit: seriesCount)
            return set.formUnion(bitmap)
        } else {
            ordinals = try IntegerColumn.decodeIndexes(&reader, count: count, limit: seriesCount)
        }
        ordinals.withUnsafeBufferPointer { set.add($0) }
    }
}
