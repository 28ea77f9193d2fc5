import Bedrock
import Model

/// Numbers distinct label sets 0, 1, 2 … in order of appearance: how series find their group or partner, once per query.
///
/// Open addressing over 128-bit hashes; bytes are compared on a hit. Not thread-safe.
public struct LabelTable {
    public private(set) var sets: [Labels] = []
    private var hashes: [Hash128] = []
    /// Index into `sets` plus one, 0 for a free slot; a power of two long.
    private var slots: [Int32]
    /// Apart from the seed of stored hashes.
    private static let seed: UInt64 = 0x5eed_1abe_1000_0001

    public init(capacity: Int = 16) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = [Int32](repeating: 0, count: size)
    }

    public var count: Int { sets.count }

    /// The number of `labels`, given now if it is new.
    public mutating func number(of labels: Labels) -> Int {
        labels.storage.withUnsafeBytes { number(ofCanonical: $0) }
    }

    /// Likewise, for canonical bytes that are only copied if they are new.
    public mutating func number(ofCanonical bytes: UnsafeRawBufferPointer) -> Int {
        let hash = Hash128(of: bytes, seed: Self.seed)
        let slot = slot(of: hash, bytes)
        if slots[slot] != 0 { return Int(slots[slot]) - 1 }
        sets.append(Labels(canonical: bytes))
        hashes.append(hash)
        slots[slot] = Int32(sets.count)
        if sets.count * 2 > slots.count { grow() }
        return sets.count - 1
    }

    /// The number of `labels` if it has one.
    public func existing(_ labels: Labels) -> Int? {
        labels.storage.withUnsafeBytes { bytes in
            let slot = slots[slot(of: Hash128(of: bytes, seed: Self.seed), bytes)]
            return slot == 0 ? nil : Int(slot) - 1
        }
    }

    private func slot(of hash: Hash128, _ bytes: UnsafeRawBufferPointer) -> Int {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash.low) & mask
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            if hashes[index] == hash && sets[index].storage.withUnsafeBytes({ compareBytes($0, bytes) == 0 }) {
                return slot
            }
            slot = (slot + 1) & mask
        }
        return slot
    }

    private mutating func grow() {
        slots = [Int32](repeating: 0, count: slots.count * 2)
        let mask = slots.count - 1
        for index in hashes.indices {
            var slot = Int(truncatingIfNeeded: hashes[index].low) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = Int32(index + 1)
        }
    }
}
