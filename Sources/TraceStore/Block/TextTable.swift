import Bedrock
import Columns
import LSM
import Model

/// Different byte strings, numbered in the order in which they came. Not thread-safe.
final class TextTable {
    let texts = LineArena(capacity: 1024)
    private var hashes: ContiguousArray<UInt64> = []
    /// Number + 1; 0 is free. A power of two of slots.
    private var slots = ContiguousArray<Int32>(repeating: 0, count: 64)

    var count: Int { texts.count }
    var memoryBytes: Int { texts.bytes.allocatedBytes + texts.count * 16 + slots.count * 4 }

    func find(_ text: UnsafeRawBufferPointer) -> Int32? {
        let number = slots[place(text, TokenFilter.hash(text))] - 1
        return number < 0 ? nil : number
    }

    /// The number of a text, given when it is new.
    func findOrAdd(_ text: UnsafeRawBufferPointer) -> Int32 {
        let hash = TokenFilter.hash(text)
        let at = place(text, hash)
        if slots[at] != 0 { return slots[at] - 1 }
        let number = Int32(truncatingIfNeeded: count)
        texts.append(text)
        hashes.append(hash)
        slots[at] = number + 1
        if count * 2 > slots.count { rebuild(slots.count * 2) }
        return number
    }

    /// Where a text stands, or the free slot that it would take.
    private func place(_ text: UnsafeRawBufferPointer, _ hash: UInt64) -> Int {
        let mask = slots.count - 1
        var at = Int(truncatingIfNeeded: hash) & mask
        while slots[at] != 0 {
            let number = Int(slots[at] - 1)
            if hashes[number] == hash, compareMemory(texts[number], text) == 0 { break }
            at = (at + 1) & mask
        }
        return at
    }

    private func rebuild(_ size: Int) {
        slots = ContiguousArray(repeating: 0, count: size)
        for (number, hash) in hashes.enumerated() {
            var at = Int(truncatingIfNeeded: hash) & (size - 1)
            while slots[at] != 0 { at = (at + 1) & (size - 1) }
            slots[at] = Int32(truncatingIfNeeded: number) + 1
        }
    }

    func clear() {
        texts.clear()
        hashes.removeAll(keepingCapacity: true)
        for at in slots.indices { slots[at] = 0 }
    }

    /// Writes all texts: count, then each with its length.
    func encode(into target: inout ByteBuffer, count: Int? = nil) {
        let count = count ?? self.count
        target.append(varint: count)
        for number in 0..<count { target.append(prefixed: texts[number]) }
    }

    /// Reads what `encode` wrote, without a table.
    static func decode(_ reader: inout ByteReader, countMax: Int) throws(DecodeError) -> LineArena {
        let texts = LineArena(capacity: 256)
        for _ in 0..<(try reader.length(limit: min(countMax, reader.remaining))) { texts.append(try reader.prefixed()) }
        return texts
    }
}
