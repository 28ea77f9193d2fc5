import Bedrock
import Model

/// What the blocks of a segment share: the patterns of lines, exact lines that repeat, and where they occur. Immutable and thread-safe.
public final class LineDictionary: Sendable {
    struct Entry {
        /// Of the fixed text, each slot one byte `SlotCode.escape`.
        var textStart: Int
        var textLength: Int
        /// Into `slots`.
        var slotStart: Int
        var slotCount: Int
        /// Into `values`; -1: a pattern.
        var valueStart: Int
        /// The pattern; of a pattern, itself.
        var pattern: Int
        /// Bytes of a line: all of them the same, or -1 where that differs.
        var lineLength: Int
        /// Bytes of the longest line.
        var lineLengthMax: Int
        var isExact: Bool { valueStart >= 0 }
        /// Values that a row brings.
        var rowValueCount: Int { valueStart >= 0 ? 0 : slotCount }
    }

    struct Slot {
        /// In the pattern's fixed text.
        var position: Int32
        var code: UInt8
    }

    let texts: ContiguousArray<UInt8>
    let entries: ContiguousArray<Entry>
    let slots: ContiguousArray<Slot>
    let values: ContiguousArray<UInt64>
    /// Entries that are patterns, ascending.
    let patterns: ContiguousArray<Int32>
    /// By ordinal in `patterns`.
    let patternRows: ContiguousArray<Int>
    /// Blocks that have a pattern, as a range of `blocks`; nil where they are many.
    let patternBlocks: ContiguousArray<Range<Int>?>
    let blocks: ContiguousArray<Int32>
    /// Blocks of the segment.
    public let blockCount: Int
    /// Blocks with lines that no entry stands for, with a filter over their words.
    let textBlocks: [(block: Int, filter: TokenFilter)]

    public init(_ bytes: UnsafeRawBufferPointer) throws(ColumnError) {
        do {
            var reader = ByteReader(bytes)
            guard try reader.u8() == LineDictionaryWriter.version else {
                throw ColumnError("a line dictionary of an unknown version: use a newer program")
            }
            var decoder = EntryDecoder()
            try decoder.read(&reader)
            texts = decoder.texts
            entries = decoder.entries
            slots = decoder.slots
            values = decoder.values
            patterns = decoder.patterns
            blockCount = try reader.length(limit: LineLimits.blocksMax)
            let rows = try IntegerColumn.decodeIndexes(&reader, count: patterns.count, limit: Int(Int32.max))
            patternRows = ContiguousArray(rows.map { Int($0) })
            let counts = try IntegerColumn.decodeIndexes(
                &reader, count: patterns.count, limit: LineLimits.blockListMax + 2)
            var ranges: ContiguousArray<Range<Int>?> = []
            var at = 0
            for count in counts {
                let listed = Int(count)
                ranges.append(listed <= LineLimits.blockListMax ? at..<at + listed : nil)
                if listed <= LineLimits.blockListMax { at += listed }
            }
            patternBlocks = ranges
            let lists = try IntegerColumn.decodeIndexes(&reader, count: at, limit: max(blockCount, 1))
            blocks = ContiguousArray(lists.map { Int32(truncatingIfNeeded: $0) })
            textBlocks = try Self.readTextBlocks(&reader, blockCount: blockCount)
        } catch let error as ColumnError {
            throw error
        } catch {
            throw ColumnError("line dictionary: \(error)")
        }
    }

    private static func readTextBlocks(
        _ reader: inout ByteReader, blockCount: Int
    ) throws -> [(block: Int, filter: TokenFilter)] {
        let count = try reader.length(limit: blockCount)
        var sizes: [(block: Int, bytes: Int)] = []
        for _ in 0..<count {
            let block = try reader.length(limit: blockCount)
            sizes.append((block, try reader.length(limit: reader.remaining)))
        }
        return try sizes.map { ($0.block, try TokenFilter(try reader.take($0.bytes))) }
    }

    /// Memory, for budgets.
    public var byteCount: Int {
        texts.count + entries.count * MemoryLayout<Entry>.stride + slots.count * MemoryLayout<Slot>.stride
            + values.count * 8 + patterns.count * 40 + blocks.count * 4
            + textBlocks.reduce(0) { $0 + $1.filter.byteCount }
    }

    /// Patterns; their ids are below.
    public var patternCount: Int { patterns.count }

    /// Rows of the segment that have pattern `id`.
    public func rowCount(ofPattern id: Int) -> Int { patternRows[id] }

    /// The fixed text of a pattern, variable parts as `<_>`; for cold paths.
    public func patternText(_ id: Int) -> String {
        let entry = entries[Int(patterns[id])]
        var bytes: [UInt8] = []
        var slot = 0
        for i in 0..<entry.textLength {
            if slot < entry.slotCount, Int(slots[entry.slotStart + slot].position) == i {
                bytes += [60, 95, 62]
                slot += 1
            } else {
                bytes.append(texts[entry.textStart + i])
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The ordinal of the pattern of entry `id`.
    func patternOrdinal(_ id: Int) -> Int {
        let wanted = Int32(truncatingIfNeeded: entries[id].pattern)
        var low = 0
        var high = patterns.count
        while low < high {
            let middle = (low + high) / 2
            if patterns[middle] < wanted { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Writes the line of entry `id` with these values, of which an exact line needs none. `target` has room for `lineLengthMax` + 24 bytes.
    @inline(__always)
    func render(
        _ entry: Entry, to target: UnsafeMutablePointer<UInt8>, _ texts: UnsafePointer<UInt8>,
        _ slots: UnsafePointer<Slot>, _ value: (Int) -> UInt64
    ) -> Int {
        let text = texts + entry.textStart
        var from = 0
        var used = 0
        for i in 0..<entry.slotCount {
            let slot = slots[entry.slotStart + i]
            let length = Int(slot.position) - from
            UnsafeMutableRawPointer(target + used).copyMemory(from: text + from, byteCount: length)
            used += length
            used += SlotCode.write(value(i), slot.code, to: target + used)
            from = Int(slot.position) + 1
        }
        let length = entry.textLength - from
        UnsafeMutableRawPointer(target + used).copyMemory(from: text + from, byteCount: length)
        return used + length
    }
}
