import Bedrock
import Model

/// Reads the entries of a dictionary.
struct EntryDecoder {
    var texts: ContiguousArray<UInt8> = []
    var entries: ContiguousArray<LineDictionary.Entry> = []
    var slots: ContiguousArray<LineDictionary.Slot> = []
    var values: ContiguousArray<UInt64> = []
    var patterns: ContiguousArray<Int32> = []
    /// The dictionary's version knows words.
    var mayHaveWords = false

    mutating func read(_ reader: inout ByteReader) throws {
        let arena = LineArena(capacity: 64 << 10)
        try TextArena.decode(&reader, countMax: LineLimits.entriesMax, into: arena)
        let exactCount = try reader.length(limit: LineLimits.entriesMax)
        let count = arena.count + exactCount
        guard count <= LineLimits.entriesMax else { throw ColumnError("\(count) entries in a line dictionary") }
        var bitmap = ByteBuffer()
        try TextArena.decodeBytes(&reader, into: &bitmap)
        guard bitmap.count == (count + 7) / 8 else { throw ColumnError("\(bitmap.count) bytes for \(count) entries") }
        let ofExact = try IntegerColumn.decodeIndexes(&reader, count: exactCount, limit: max(arena.count, 1))
        entries.reserveCapacity(count)
        texts.reserveCapacity(arena.bytes.count + 64)
        var nextPattern = 0
        var nextExact = 0
        for id in 0..<count {
            if bitmap.bytes[id >> 3] >> UInt8(id & 7) & 1 == 0 {
                guard nextPattern < arena.count else { throw ColumnError("too few patterns") }
                try addPattern(arena[nextPattern], id: id)
                nextPattern += 1
            } else {
                // The pattern of an exact line comes before it.
                guard nextExact < exactCount, Int(ofExact[nextExact]) < patterns.count else {
                    throw ColumnError("an exact line without its pattern")
                }
                try addExact(Int(patterns[Int(ofExact[nextExact])]))
                nextExact += 1
            }
        }
        // A whole word can be loaded at the end.
        texts.append(contentsOf: repeatElement(0, count: 16))
        try readValues(&reader)
    }

    private mutating func addPattern(_ text: UnsafeRawBufferPointer, id: Int) throws(ColumnError) {
        var entry = LineDictionary.Entry(
            textStart: texts.count, textLength: 0, slotStart: slots.count, slotCount: 0, valueStart: -1, pattern: id,
            lineLength: 0, lineLengthMax: 0)
        var at = 0
        var isFixed = true
        while at < text.count {
            guard text[at] == SlotCode.escape else {
                texts.append(text[at])
                at += 1
                continue
            }
            guard at + 1 < text.count else { throw ColumnError("a pattern ends in an escape") }
            let code = text[at + 1]
            at += 2
            if code != SlotCode.escapedByte {
                guard SlotCode.kind(code) != nil, mayHaveWords || code != SlotCode.word else {
                    throw ColumnError("unknown slot \(code)")
                }
                slots.append(
                    LineDictionary.Slot(position: Int32(truncatingIfNeeded: texts.count - entry.textStart), code: code))
                entry.slotCount += 1
                entry.lineLengthMax += SlotCode.lengthMax(code) - 1
                if code == SlotCode.word { entry.wordCount += 1 }
                isFixed = isFixed && SlotCode.fixedLength(code) != nil
            }
            texts.append(SlotCode.escape)
        }
        guard entry.slotCount <= LineLimits.slotsMax else { throw ColumnError("\(entry.slotCount) slots in a pattern") }
        entry.textLength = texts.count - entry.textStart
        entry.lineLengthMax += entry.textLength
        entry.lineLength = isFixed ? entry.lineLengthMax : -1
        entries.append(entry)
        patterns.append(Int32(truncatingIfNeeded: id))
    }

    private mutating func addExact(_ pattern: Int) throws(ColumnError) {
        var entry = entries[pattern]
        guard entry.wordCount == 0 else { throw ColumnError("an exact line of a pattern with words") }
        entry.valueStart = values.count
        entry.pattern = pattern
        entries.append(entry)
        values.append(contentsOf: repeatElement(0, count: entry.slotCount))
    }

    /// Values stand by class; entries take theirs in order.
    private mutating func readValues(_ reader: inout ByteReader) throws {
        var counts = [Int](repeating: 0, count: 256)
        for entry in entries where entry.isExact {
            for slot in 0..<entry.slotCount { counts[Int(slots[entry.slotStart + slot].code)] += 1 }
        }
        guard values.count <= LineLimits.valuesMax else { throw ColumnError("\(values.count) values of exact lines") }
        var classes: [[UInt64]] = .init(repeating: [], count: 256)
        for _ in 0..<(try reader.length(limit: 256)) {
            let code = Int(try reader.u8())
            guard counts[code] > 0, classes[code].isEmpty else { throw ColumnError("values of class \(code)") }
            var column = [UInt64](repeating: 0, count: counts[code])
            try column.withUnsafeMutableBufferPointer {
                guard let base = $0.baseAddress else { return }
                try PackedValues.decode(&reader, count: $0.count, into: base)
            }
            classes[code] = column
        }
        var next = [Int](repeating: 0, count: 256)
        for id in entries.indices where entries[id].isExact {
            var length = entries[id].textLength
            for slot in 0..<entries[id].slotCount {
                let code = slots[entries[id].slotStart + slot].code
                guard next[Int(code)] < classes[Int(code)].count else { throw ColumnError("too few values") }
                let value = classes[Int(code)][next[Int(code)]]
                values[entries[id].valueStart + slot] = value
                next[Int(code)] += 1
                length += (SlotCode.fixedLength(code) ?? SlotCode.decimalLength(value)) - 1
            }
            entries[id].lineLength = length
        }
    }
}
