import Bedrock

/// The dictionary of a segment while it is written: patterns, and exact lines (a pattern with the values of its slots), under one numbering.
///
/// Not thread-safe.
struct EntryTable: ~Copyable {
    struct Entry {
        /// Of the pattern's text; both 0 for exact lines.
        var textStart = 0
        var textLength = 0
        /// Into `codes`; of an exact line, those of its pattern.
        var slotStart: Int
        var slotCount: Int
        /// Into `values`; -1: a pattern.
        var valueStart: Int
        /// The pattern; of a pattern, itself.
        var pattern: Int
        /// Some of its slots are words: their texts stand in blocks, so that no exact line is made of it.
        var hasWords = false
    }

    private(set) var texts = ByteBuffer(capacity: 64 << 10)
    private(set) var entries: ContiguousArray<Entry> = []
    private(set) var codes: ContiguousArray<UInt8> = []
    private(set) var values: ContiguousArray<UInt64> = []
    /// A pattern has words.
    private(set) var hasWords = false
    /// Open addressing: upper half of the hash, and the entry plus one; 0 is empty.
    private var table: ContiguousArray<UInt64> = .init(repeating: 0, count: 1024)

    var count: Int { entries.count }
    var memoryBytes: Int {
        texts.allocatedBytes + entries.capacity * MemoryLayout<Entry>.stride + codes.capacity + values.capacity * 8
            + table.count * 8
    }

    /// Whether one more entry may come.
    var isFull: Bool { entries.count >= LineLimits.entriesMax || texts.count >= LineLimits.dictionaryBytesMax }

    mutating func clear() {
        texts.clear()
        entries.removeAll(keepingCapacity: true)
        codes.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        for i in table.indices { table[i] = 0 }
    }

    func text(_ id: Int) -> UnsafeRawBufferPointer {
        let entry = entries[id]
        return UnsafeRawBufferPointer(
            rebasing: texts.bytes[entry.textStart..<entry.textStart + entry.textLength])
    }

    /// The pattern with this text, or -1.
    func findPattern(_ text: UnsafeRawBufferPointer, hash: UInt64) -> Int {
        var at = Int(truncatingIfNeeded: hash) & (table.count - 1)
        while true {
            let slot = table[at]
            if slot == 0 { return -1 }
            if slot >> 32 == hash >> 32 {
                let id = Int(slot & 0xFFFF_FFFF) - 1
                let entry = entries[id]
                if entry.valueStart < 0, entry.textLength == text.count, equals(entry, text) { return id }
            }
            at = (at + 1) & (table.count - 1)
        }
    }

    @inline(__always) private func equals(_ entry: Entry, _ text: UnsafeRawBufferPointer) -> Bool {
        ByteHash.equal(texts.bytes, at: entry.textStart, text)
    }

    /// The exact line of `pattern` with these values, or -1.
    func findExact(pattern: Int, _ wanted: UnsafePointer<UInt64>, hash: UInt64) -> Int {
        var at = Int(truncatingIfNeeded: hash) & (table.count - 1)
        while true {
            let slot = table[at]
            if slot == 0 { return -1 }
            if slot >> 32 == hash >> 32 {
                let id = Int(slot & 0xFFFF_FFFF) - 1
                let entry = entries[id]
                if entry.valueStart >= 0, entry.pattern == pattern {
                    var i = 0
                    while i < entry.slotCount, values[entry.valueStart + i] == wanted[i] { i += 1 }
                    if i == entry.slotCount { return id }
                }
            }
            at = (at + 1) & (table.count - 1)
        }
    }

    /// Adds a pattern that is not there yet.
    mutating func addPattern(
        _ text: UnsafeRawBufferPointer, codes newCodes: UnsafeBufferPointer<UInt8>, hash: UInt64
    ) -> Int {
        let id = entries.count
        entries.append(
            Entry(
                textStart: texts.count, textLength: text.count, slotStart: codes.count, slotCount: newCodes.count,
                valueStart: -1, pattern: id, hasWords: newCodes.contains(SlotCode.word)))
        hasWords = hasWords || entries[id].hasWords
        texts.append(text)
        codes.append(contentsOf: newCodes)
        link(id, hash)
        return id
    }

    /// Adds an exact line that is not there yet.
    mutating func addExact(pattern: Int, _ newValues: UnsafePointer<UInt64>, hash: UInt64) -> Int {
        let id = entries.count
        let of = entries[pattern]
        entries.append(
            Entry(slotStart: of.slotStart, slotCount: of.slotCount, valueStart: values.count, pattern: pattern))
        for i in 0..<of.slotCount { values.append(newValues[i]) }
        link(id, hash)
        return id
    }

    /// The hash of an exact line.
    @inline(__always)
    static func exactHash(pattern: Int, _ values: UnsafePointer<UInt64>, count: Int) -> UInt64 {
        var state = UInt64(truncatingIfNeeded: pattern) &* 0x9E37_79B9_7F4A_7C15 ^ 0x5851_F42D_4C95_7F2D
        for i in 0..<count { state = ByteHash.mix(state, values[i]) }
        return ByteHash.finish(state)
    }

    private mutating func link(_ id: Int, _ hash: UInt64) {
        if entries.count * 2 > table.count { grow() }
        insert(id, hash)
    }

    private mutating func insert(_ id: Int, _ hash: UInt64) {
        var at = Int(truncatingIfNeeded: hash) & (table.count - 1)
        while table[at] != 0 { at = (at + 1) & (table.count - 1) }
        table[at] = hash & 0xFFFF_FFFF_0000_0000 | UInt64(id + 1)
    }

    private mutating func grow() {
        table = .init(repeating: 0, count: table.count * 2)
        for id in 0..<entries.count - 1 {
            let entry = entries[id]
            if entry.valueStart < 0 {
                insert(id, ByteHash.of(text(id)))
            } else {
                let hash = values.withUnsafeBufferPointer { all -> UInt64 in
                    guard let base = all.baseAddress else { return 0 }
                    return Self.exactHash(
                        pattern: entry.pattern, base + entry.valueStart, count: entry.slotCount)
                }
                insert(id, hash)
            }
        }
    }
}
