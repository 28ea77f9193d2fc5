import Bedrock
import Model

/// Names of labels as numbers, one table per pipeline. Not thread-safe.
///
/// Names that stages and callers mention are pinned: their numbers never change. The others come from data, and are forgotten between
/// rows once they take too much room, so that lines with random keys can't fill the memory.
final class LabelNames {
    private struct Entry {
        var bytes: UnsafeRawBufferPointer
        var hash: UInt64
        /// Number of this name with `_extracted` behind it; -1 before it was asked for.
        var extracted: Int32
    }

    @exclusivity(unchecked) private var entries: ContiguousArray<Entry> = []
    /// Numbers by hash, -1 where free; the size is a power of two.
    @exclusivity(unchecked) private var table: ContiguousArray<Int32>
    @exclusivity(unchecked) private var storage = ScratchArena()
    private let pinnedStorage = ScratchArena()
    @exclusivity(unchecked) private var storedBytes = 0
    @exclusivity(unchecked) private(set) var pinnedCount = 0
    /// Changes whenever names were forgotten: numbers from before are void then, but those of pinned names.
    @exclusivity(unchecked) private(set) var epoch = 0
    @exclusivity(unchecked) private var room = ByteBuffer(capacity: 128)

    /// Names from data that are kept from row to row, and their bytes.
    static let countMax = 8192
    static let bytesMax = 1 << 20

    init() { table = ContiguousArray(repeating: -1, count: 256) }

    var count: Int { entries.count }

    @inline(__always)
    func name(_ id: Int32) -> UnsafeRawBufferPointer { entries[Int(id)].bytes }

    /// The number of `name`, a new one when it isn't known.
    func id(_ name: UnsafeRawBufferPointer) -> Int32 {
        let hash = hashBytes(name)
        if let known = find(name, hash) { return known }
        return insert(name, hash, into: storage)
    }

    /// The number of `name`, which stays for good. To be called between rows.
    func pin(_ name: String) -> Int32 {
        forgetUnpinned()
        var text = name
        return text.withUTF8 { utf8 in
            let bytes = UnsafeRawBufferPointer(utf8)
            let hash = hashBytes(bytes)
            if let known = find(bytes, hash) { return known }
            let id = insert(bytes, hash, into: pinnedStorage)
            pinnedCount = entries.count
            return id
        }
    }

    /// The number of `<name>_extracted`.
    func extracted(_ id: Int32) -> Int32 {
        let known = entries[Int(id)].extracted
        if known >= 0 { return known }
        room.clear()
        room.append(name(id))
        room.append(utf8: "_extracted" as StaticString)
        let made = self.id(room.bytes)
        entries[Int(id)].extracted = made
        return made
    }

    /// Bytes of memory held.
    var memoryBytes: Int {
        storage.allocatedBytes + pinnedStorage.allocatedBytes + entries.count * MemoryLayout<Entry>.stride
            + table.count * MemoryLayout<Int32>.stride
    }

    /// Whether the table has outgrown its bounds.
    var isFull: Bool { entries.count - pinnedCount > Self.countMax || storedBytes > Self.bytesMax }

    /// Forgets all names but the pinned ones. Numbers of others must not be in use.
    func forgetUnpinned() {
        epoch &+= 1
        guard entries.count > pinnedCount else { return }
        entries.removeSubrange(pinnedCount...)
        for i in entries.indices { entries[i].extracted = -1 }
        storage = ScratchArena()
        storedBytes = 0
        rebuild(tableCount: 256)
    }

    @inline(__always)
    private func find(_ name: UnsafeRawBufferPointer, _ hash: UInt64) -> Int32? {
        let mask = table.count - 1
        var at = Int(truncatingIfNeeded: hash) & mask
        while table[at] >= 0 {
            let entry = entries[Int(table[at])]
            if entry.hash == hash, equalBytes(entry.bytes, name) { return table[at] }
            at = (at + 1) & mask
        }
        return nil
    }

    private func insert(_ name: UnsafeRawBufferPointer, _ hash: UInt64, into storage: ScratchArena) -> Int32 {
        let id = Int32(truncatingIfNeeded: entries.count)
        entries.append(Entry(bytes: storage.copy(name), hash: hash, extracted: -1))
        storedBytes += name.count
        if entries.count * 2 > table.count {
            rebuild(tableCount: table.count * 2)
        } else {
            place(id)
        }
        return id
    }

    private func rebuild(tableCount: Int) {
        var size = tableCount
        while size < entries.count * 2 { size *= 2 }
        table = ContiguousArray(repeating: -1, count: size)
        for id in entries.indices { place(Int32(truncatingIfNeeded: id)) }
    }

    private func place(_ id: Int32) {
        let mask = table.count - 1
        var at = Int(truncatingIfNeeded: entries[Int(id)].hash) & mask
        while table[at] >= 0 { at = (at + 1) & mask }
        table[at] = id
    }
}

/// Equal bytes, empty ones included.
@inline(__always)
func equalBytes(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    guard a.count == b.count else { return false }
    var i = 0
    while i + 8 <= a.count {
        if a.loadUnaligned(fromByteOffset: i, as: UInt64.self) != b.loadUnaligned(fromByteOffset: i, as: UInt64.self) {
            return false
        }
        i += 8
    }
    while i < a.count {
        if a[i] != b[i] { return false }
        i += 1
    }
    return true
}

/// A quick hash for tables in memory; no promise from one build to the next.
@inline(__always)
func hashBytes(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
    var hash = seed ^ 0x9E37_79B9_7F4A_7C15 ^ UInt64(truncatingIfNeeded: bytes.count)
    var i = 0
    while i + 8 <= bytes.count {
        hash = mixHash(hash ^ bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self))
        i += 8
    }
    var rest: UInt64 = 0
    while i < bytes.count {
        rest = rest << 8 | UInt64(bytes[i])
        i += 1
    }
    return mixHash(hash ^ rest)
}

@inline(__always)
private func mixHash(_ value: UInt64) -> UInt64 {
    let (high, low) = value.multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
    return high ^ low ^ (value >> 32)
}
