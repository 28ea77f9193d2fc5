import Bedrock
import Glibc
import Synchronization

/// A hash table from bytes to pointers, read by any thread while one, under its owner's lock, adds. Nothing is ever removed or moved.
struct KeyTable: @unchecked Sendable {
    private struct Header {
        var capacity: Int
        var used: Int
    }

    /// What a slot points to; the key's bytes stand behind it.
    private struct Entry {
        let hash: UInt64
        let count: Int
        let value: UnsafeMutableRawPointer
    }

    private typealias Slot = Atomic<UnsafeMutableRawPointer?>

    let raw: UnsafeMutableRawPointer

    private var header: UnsafeMutablePointer<Header> { raw.assumingMemoryBound(to: Header.self) }
    private var slots: UnsafeMutablePointer<Slot> {
        (raw + MemoryLayout<Header>.stride).assumingMemoryBound(to: Slot.self)
    }

    var capacity: Int { header.pointee.capacity }

    init(_ raw: UnsafeMutableRawPointer) { self.raw = raw }

    /// An empty table, or one with the entries of `other`, which it shares. `capacity` is a power of two.
    init(capacity: Int, copying other: KeyTable? = nil) {
        raw = .allocate(
            byteCount: MemoryLayout<Header>.stride + capacity * MemoryLayout<Slot>.stride, alignment: 16)
        header.initialize(to: Header(capacity: capacity, used: 0))
        for i in 0..<capacity { (slots + i).initialize(to: Slot(nil)) }
        guard let other else { return }
        for i in 0..<other.capacity {
            if let entry = other.slots[i].load(ordering: .relaxed) { _ = place(entry) }
        }
    }

    /// Frees the table, not its entries.
    func free() { raw.deallocate() }

    func find(_ key: UnsafeRawBufferPointer, _ hash: UInt64) -> UnsafeMutableRawPointer? {
        let mask = capacity - 1
        var at = Int(truncatingIfNeeded: hash) & mask
        while let raw = slots[at].load(ordering: .acquiring) {
            let entry = raw.assumingMemoryBound(to: Entry.self).pointee
            if entry.hash == hash, entry.count == key.count {
                guard let wanted = key.baseAddress else { return entry.value }
                if memcmp(raw + MemoryLayout<Entry>.stride, wanted, entry.count) == 0 { return entry.value }
            }
            at = (at + 1) & mask
        }
        return nil
    }

    /// A quick hash of short keys; whoever finds an entry compares the bytes.
    static func hash(_ key: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0x9e37_79b9_7f4a_7c15 ^ UInt64(key.count)
        var at = 0
        while at + 8 <= key.count {
            hash = mixed(hash ^ key.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            at += 8
        }
        var tail: UInt64 = 0
        while at < key.count {
            tail = tail << 8 | UInt64(key[at])
            at += 1
        }
        return mixed(hash ^ tail)
    }

    @inline(__always)
    private static func mixed(_ word: UInt64) -> UInt64 {
        let product = word.multipliedFullWidth(by: 0xa076_1d64_78bd_642f)
        return product.high ^ product.low
    }

    /// False when the table is full enough to be replaced by a larger one.
    func insert(_ key: UnsafeRawBufferPointer, _ hash: UInt64, _ value: UnsafeMutableRawPointer) -> Bool {
        guard header.pointee.used * 2 < capacity else { return false }
        let entry = UnsafeMutableRawPointer.allocate(
            byteCount: MemoryLayout<Entry>.stride + key.count, alignment: 16)
        entry.initializeMemory(as: Entry.self, repeating: Entry(hash: hash, count: key.count, value: value), count: 1)
        if let start = key.baseAddress {
            (entry + MemoryLayout<Entry>.stride).copyMemory(from: start, byteCount: key.count)
        }
        return place(entry)
    }

    /// Frees all entries; for the largest table of an owner, which holds them all.
    func freeEntries() {
        for i in 0..<capacity { slots[i].load(ordering: .relaxed)?.deallocate() }
    }

    private func place(_ entry: UnsafeMutableRawPointer) -> Bool {
        let mask = capacity - 1
        var at = Int(truncatingIfNeeded: entry.assumingMemoryBound(to: Entry.self).pointee.hash) & mask
        while slots[at].load(ordering: .relaxed) != nil { at = (at + 1) & mask }
        slots[at].store(entry, ordering: .releasing)
        header.pointee.used += 1
        return true
    }
}
