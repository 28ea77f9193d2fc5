import Bedrock
import Model

/// Writes the dictionary of a segment.
///
/// ```
/// ┌──────┬────────────────┬──────────┬───────────────────────────┬─────────────────────────────────┐
/// │ 1, 2 │ pattern texts: │ exact    │ exact bitmap over entries │ patterns of exact lines, column │
/// │      │ TextArena      │ count    │ (packed bytes)            │                                 │
/// ├──────┴────────────────┴──────────┴───────────────────────────┴─────────────────────────────────┤
/// │ values of exact lines: class count varint, per class code u8, PackedValues                     │
/// ├───────────────┬────────────────────────────────────────────────┬──────────────────────────────┤
/// │ blocks varint │ columns over patterns: rows, number of blocks  │ lists of blocks, as a column │
/// ├───────────────┴───────────────┬────────────────────────────────┴──────────────────────────────┤
/// │ blocks with texts: count, per │ their filters, one behind the other                           │
/// │ block number and filter bytes │                                                               │
/// └───────────────────────────────┴───────────────────────────────────────────────────────────────┘
/// ```
enum LineDictionaryWriter {
    static let version: UInt8 = 1
    /// As 1, with patterns that have words, or blocks with texts; written only where there are any. Numbers of blocks with texts stand doubled, one
    /// more where some are lines, not only words; their filters have a UUID as one word (`TokenFilter.Builder.addFoldingUUIDs`).
    static let wordsVersion: UInt8 = 2

    static func encode(
        _ table: borrowing EntryTable, _ statistics: borrowing EntryStatistics, scratch: ColumnScratch,
        into target: inout ByteBuffer
    ) {
        let isNew = table.hasWords || !statistics.textBlocks.isEmpty
        target.append(isNew ? wordsVersion : version)
        encodeEntries(table, scratch: scratch, into: &target)
        encodeStatistics(table, statistics, scratch: scratch, into: &target)
    }

    private static func encodeEntries(
        _ table: borrowing EntryTable, scratch: ColumnScratch, into target: inout ByteBuffer
    ) {
        let texts = LineArena(capacity: max(table.texts.count, 16))
        var ordinals = [Int](repeating: 0, count: table.count)
        var bitmap = [UInt8](repeating: 0, count: (table.count + 7) / 8)
        var patternsOfExact: [Int] = []
        for id in 0..<table.count {
            let entry = table.entries[id]
            if entry.valueStart < 0 {
                ordinals[id] = texts.count
                texts.append(table.text(id))
            } else {
                bitmap[id >> 3] |= 1 << UInt8(id & 7)
                patternsOfExact.append(ordinals[entry.pattern])
            }
        }
        TextArena.encode(texts, level: 12, scratch: scratch, into: &target)
        target.append(varint: patternsOfExact.count)
        bitmap.withUnsafeBytes { TextArena.encodeBytes($0, level: 3, into: &target) }
        IntegerColumn.encode(patternsOfExact, scratch: scratch, into: &target)
        var classes: [[UInt64]] = .init(repeating: [], count: SlotCode.end)
        for entry in table.entries where entry.valueStart >= 0 {
            for slot in 0..<entry.slotCount {
                classes[Int(table.codes[entry.slotStart + slot])].append(table.values[entry.valueStart + slot])
            }
        }
        target.append(varint: classes.reduce(0) { $0 + ($1.isEmpty ? 0 : 1) })
        for (code, values) in classes.enumerated() where !values.isEmpty {
            target.append(UInt8(code))
            values.withUnsafeBufferPointer { PackedValues.encode($0, scratch: scratch, into: &target) }
        }
    }

    private static func encodeStatistics(
        _ table: borrowing EntryTable, _ statistics: borrowing EntryStatistics, scratch: ColumnScratch,
        into target: inout ByteBuffer
    ) {
        var rows: [Int] = []
        var blockCounts: [Int] = []
        var lists: [Int] = []
        for id in 0..<table.count where table.entries[id].valueStart < 0 {
            // A pattern that came after the last block has no statistics.
            let pattern = id < statistics.patterns.count ? statistics.patterns[id] : EntryStatistics.Pattern()
            rows.append(pattern.rows)
            blockCounts.append(pattern.blockCount)
            guard pattern.blockCount <= LineLimits.blockListMax else { continue }
            for i in 0..<pattern.blockCount { lists.append(Int(pattern.blocks[i])) }
        }
        target.append(varint: statistics.blockCount)
        IntegerColumn.encode(rows, scratch: scratch, into: &target)
        IntegerColumn.encode(blockCounts, scratch: scratch, into: &target)
        IntegerColumn.encode(lists, scratch: scratch, into: &target)
        target.append(varint: statistics.textBlocks.count)
        for (block, hasLines, filter) in statistics.textBlocks {
            target.append(varint: block << 1 | (hasLines ? 1 : 0))
            target.append(varint: filter.count)
        }
        target.append(statistics.filters.bytes)
    }
}
