import Synchronization

/// An open-addressing hash table from 64-bit hashes to ids; who uses it compares the keys themselves on a hit.
///
/// One thread inserts, others look up at any time without locks: slots are atomic, and a table that grew is kept, because readers may
/// still be in it, until the whole is released (all old ones together are as large as the current one).
package final class IdentityTable: @unchecked Sendable {
    /// A slot holds the hash's upper half and id + 1; 0 is free.
    @usableFromInline typealias Slots = UnsafeMutablePointer<Atomic<UInt64>>

    @usableFromInline struct Header {
        @usableFromInline var slots: Slots
        @usableFromInline var mask: Int
    }

    @usableFromInline let current: Atomic<UInt>
    private var header: UnsafeMutablePointer<Header>
    private var retired: [UnsafeMutablePointer<Header>] = []
    private var used = 0

    package init(capacity: Int = 64) {
        header = Self.make(capacity: capacity)
        current = Atomic(UInt(bitPattern: header))
    }

    deinit {
        for old in retired + [header] {
            old.pointee.slots.deallocate()
            old.deallocate()
        }
    }

    /// Bytes of the current table; for the writer.
    package var byteCount: Int { (header.pointee.mask + 1) * 8 }

    /// The id stored under `hash` for which `matches` holds. Thread-safe.
    @inlinable @inline(__always) package func find(_ hash: UInt64, _ matches: (Int) -> Bool) -> Int? {
        let address = current.load(ordering: .acquiring)
        guard let table = UnsafePointer<Header>(bitPattern: address) else { return nil }
        let mask = table.pointee.mask
        let slots = table.pointee.slots
        var at = Int(truncatingIfNeeded: hash) & mask
        while true {
            let slot = slots[at].load(ordering: .acquiring)
            if slot == 0 { return nil }
            if slot >> 32 == hash >> 32 {
                let id = Int(slot & 0xFFFF_FFFF) - 1
                if matches(id) { return id }
            }
            at = (at + 1) & mask
        }
    }

    /// Adds an id that `find` doesn't find. `hashOf` gives the hash of any id inserted before.
    package func insert(_ hash: UInt64, _ id: Int, hashOf: (Int) -> UInt64) {
        precondition(id >= 0 && id < Int(UInt32.max), "id \(id) is out of range")
        if (used + 1) * 3 > (header.pointee.mask + 1) * 2 { grow(hashOf) }
        Self.place(hash, id, header)
        used += 1
    }

    private func grow(_ hashOf: (Int) -> UInt64) {
        let larger = Self.make(capacity: (header.pointee.mask + 1) * 2)
        for i in 0...header.pointee.mask {
            let slot = header.pointee.slots[i].load(ordering: .relaxed)
            guard slot != 0 else { continue }
            let id = Int(slot & 0xFFFF_FFFF) - 1
            Self.place(hashOf(id), id, larger)
        }
        retired.append(header)
        header = larger
        current.store(UInt(bitPattern: larger), ordering: .releasing)
    }

    private static func place(_ hash: UInt64, _ id: Int, _ header: UnsafeMutablePointer<Header>) {
        let mask = header.pointee.mask
        var at = Int(truncatingIfNeeded: hash) & mask
        while header.pointee.slots[at].load(ordering: .relaxed) != 0 { at = (at + 1) & mask }
        header.pointee.slots[at].store((hash & 0xFFFF_FFFF_0000_0000) | UInt64(id + 1), ordering: .releasing)
    }

    private static func make(capacity: Int) -> UnsafeMutablePointer<Header> {
        var size = 16
        while size < capacity { size *= 2 }
        let slots = Slots.allocate(capacity: size)
        for i in 0..<size { (slots + i).initialize(to: Atomic(0)) }
        let header = UnsafeMutablePointer<Header>.allocate(capacity: 1)
        header.initialize(to: Header(slots: slots, mask: size - 1))
        return header
    }
}
