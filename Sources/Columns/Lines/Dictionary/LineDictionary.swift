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
        /// Slots that are words; `lineLengthMax` is without them.
        var wordCount = 0
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
    /// Those of them that have words.
    let wordPatterns: ContiguousArray<Int32>
    /// By ordinal in `patterns`.
    let patternRows: ContiguousArray<Int>
    /// Blocks that have a pattern, as a range of `blocks`; nil where they are many.
    let patternBlocks: ContiguousArray<Range<Int>?>
    let blocks: ContiguousArray<Int32>
    /// Filters have UUIDs as one word.
    let foldsUUIDs: Bool
    /// Blocks of the segment.
    public let blockCount: Int
    /// Blocks with lines that no entry stands for, or with values of word slots, and a filter over the words of those.
    let textBlocks: [(block: Int, hasLines: Bool, filter: TokenFilter)]

    public init(_ bytes: UnsafeRawBufferPointer) throws(ColumnError) {
        do {
            var reader = ByteReader(bytes)
            let version = try reader.u8()
            guard version == LineDictionaryWriter.version || version == LineDictionaryWriter.wordsVersion else {
                throw ColumnError("a line dictionary of an unknown version: use a newer program")
            }
            var decoder = EntryDecoder()
            foldsUUIDs = version == LineDictionaryWriter.wordsVersion
            decoder.mayHaveWords = version == LineDictionaryWriter.wordsVersion
            try decoder.read(&reader)
            texts = decoder.texts
            entries = decoder.entries
            slots = decoder.slots
            values = decoder.values
            patterns = decoder.patterns
            wordPatterns = ContiguousArray(decoder.patterns.filter { decoder.entries[Int($0)].wordCount > 0 })
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
            textBlocks = try Self.readTextBlocks(
                &reader, blockCount: blockCount, isMarked: version == LineDictionaryWriter.wordsVersion)
        } catch let error as ColumnError {
            throw error
        } catch {
            throw ColumnError("line dictionary: \(error)")
        }
    }

    private static func readTextBlocks(
        _ reader: inout ByteReader, blockCount: Int, isMarked: Bool
    ) throws -> [(block: Int, hasLines: Bool, filter: TokenFilter)] {
        let count = try reader.length(limit: blockCount)
        var sizes: [(block: Int, hasLines: Bool, bytes: Int)] = []
        for _ in 0..<count {
            let number = try reader.length(limit: blockCount * 2 + 1)
            let block = isMarked ? number >> 1 : number
            sizes.append((block, !isMarked || number & 1 != 0, try reader.length(limit: reader.remaining)))
        }
        return try sizes.map { ($0.block, $0.hasLines, try TokenFilter(try reader.take($0.bytes))) }
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

    /// Whether some of a pattern's variable parts are words.
    public func hasWords(inPattern id: Int) -> Bool { entries[Int(patterns[id])].wordCount > 0 }

    /// Whether a byte parts words, so that no variable word has it.
    public static func isDelimiter(_ byte: UInt8) -> Bool { LineTokens.isDelimiter(byte) }

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

    /// Writes the line of a pattern that has words, whose values number `words`. Room for `lineLengthMax`, the words and 24 bytes is there.
    func render(
        _ entry: Entry, to target: UnsafeMutablePointer<UInt8>, _ texts: UnsafePointer<UInt8>,
        _ slots: UnsafePointer<Slot>, words: TextView, _ value: (Int) -> UInt64
    ) -> Int {
        let text = texts + entry.textStart
        var from = 0
        var used = 0
        for i in 0..<entry.slotCount {
            let slot = slots[entry.slotStart + i]
            used += (target + used).copy(UnsafeRawBufferPointer(start: text + from, count: Int(slot.position) - from))
            used +=
                slot.code == SlotCode.word
                ? (target + used).copy(words[Int(value(i))]) : SlotCode.write(value(i), slot.code, to: target + used)
            from = Int(slot.position) + 1
        }
        used += (target + used).copy(UnsafeRawBufferPointer(start: text + from, count: entry.textLength - from))
        return used
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
