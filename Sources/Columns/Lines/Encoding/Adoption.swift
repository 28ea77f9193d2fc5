import Bedrock

/// Entries of another segment's dictionary under the numbers they have in the one being written. Holds on to that dictionary.
struct Adoption {
    let dictionary: LineDictionary
    /// By the other's entry; -1: not met yet.
    private var ids: ContiguousArray<Int32>
    private var text: [UInt8] = []

    init(_ dictionary: LineDictionary) {
        self.dictionary = dictionary
        ids = .init(repeating: -1, count: dictionary.entries.count)
    }

    /// The entry's number here, made when it is met first; -1 when the dictionary here is full.
    mutating func adopt(_ entry: Int, _ table: inout EntryTable) -> Int32 {
        if ids[entry] >= 0 { return ids[entry] }
        let source = dictionary.entries[entry]
        let id: Int
        if source.isExact {
            let pattern = Int(adopt(source.pattern, &table))
            guard pattern >= 0 else { return -1 }
            id = dictionary.values.withUnsafeBufferPointer { values -> Int in
                guard let base = values.baseAddress, source.slotCount > 0 else { return pattern }
                let own = base + source.valueStart
                let hash = EntryTable.exactHash(pattern: pattern, own, count: source.slotCount)
                let known = table.findExact(pattern: pattern, own, hash: hash)
                if known >= 0 || table.isFull { return known }
                return table.addExact(pattern: pattern, own, hash: hash)
            }
        } else {
            id = adoptPattern(source, &table)
        }
        ids[entry] = Int32(id)
        return Int32(id)
    }

    private mutating func adoptPattern(_ source: LineDictionary.Entry, _ table: inout EntryTable) -> Int {
        text.removeAll(keepingCapacity: true)
        var codes: [UInt8] = []
        var slot = 0
        for i in 0..<source.textLength {
            let byte = dictionary.texts[source.textStart + i]
            text.append(byte)
            if slot < source.slotCount, Int(dictionary.slots[source.slotStart + slot].position) == i {
                codes.append(dictionary.slots[source.slotStart + slot].code)
                text.append(codes[slot])
                slot += 1
            } else if byte == SlotCode.escape {
                text.append(SlotCode.escapedByte)
            }
        }
        return text.withUnsafeBytes { text in
            let hash = ByteHash.of(text)
            let known = table.findPattern(text, hash: hash)
            if known >= 0 || table.isFull { return known }
            return codes.withUnsafeBufferPointer { table.addPattern(text, codes: $0, hash: hash) }
        }
    }
}
