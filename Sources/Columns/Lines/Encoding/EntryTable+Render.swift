import Bedrock
import Model

extension EntryTable {
    /// Appends the line of entry `id`; a pattern's values are those of `rows` from `from` on.
    func render(_ id: Int, _ rows: borrowing PendingRows, from: Int, into target: LineArena) {
        let entry = entries[id]
        let pattern = text(entry.pattern)
        let isExact = entry.valueStart >= 0
        var slot = 0
        var bytesMax = pattern.count + entry.slotCount * 24
        if entry.hasWords {
            for i in 0..<entry.slotCount where codes[entry.slotStart + i] == SlotCode.word {
                bytesMax += rows.words[Int(rows.values[from + i])].count
            }
        }
        target.append(bytesMax: bytesMax) { room in
            guard let out = room.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return 0 }
            var at = 0
            var used = 0
            while at < pattern.count {
                guard pattern[at] == SlotCode.escape else {
                    out[used] = pattern[at]
                    used += 1
                    at += 1
                    continue
                }
                let code = pattern[at + 1]
                at += 2
                if code == SlotCode.escapedByte {
                    out[used] = SlotCode.escape
                    used += 1
                    continue
                }
                let value = isExact ? values[entry.valueStart + slot] : rows.values[from + slot]
                used +=
                    code == SlotCode.word
                    ? (out + used).copy(rows.words[Int(value)]) : SlotCode.write(value, code, to: out + used)
                slot += 1
            }
            return used
        }
    }
}

extension UnsafeMutablePointer<UInt8> {
    /// Copies `text`, for which there is room; returns how many bytes that took.
    @inline(__always) func copy(_ text: UnsafeRawBufferPointer) -> Int {
        if let base = text.baseAddress { UnsafeMutableRawPointer(self).copyMemory(from: base, byteCount: text.count) }
        return text.count
    }
}
