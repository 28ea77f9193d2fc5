import Bedrock
import LSM
import Model
import Synchronization

/// Label sets of one tenant in one shard, with their postings. Ids count up from 0 in order of arrival.
///
/// One thread inserts; any number of readers look at it meanwhile without locks. It outlives the memtable that made it: the next one goes
/// on with the same index, so that a flush doesn't make every series new again.
final class SeriesIndex: @unchecked Sendable {
    /// A series; immutable once visible.
    struct Series {
        let labels: UnsafeRawBufferPointer
        let hash: UInt64
    }

    /// A label name, with the pairs that have it.
    struct Name: ~Copyable {
        let bytes: UnsafeRawBufferPointer
        let hash: UInt64
        var pairs = IdList()
    }

    /// A label pair, with the series that have it.
    struct Pair: ~Copyable {
        let name: UInt32
        let value: UnsafeRawBufferPointer
        let hash: UInt64
        var series = IdList()
    }

    let series = PagedArray<Series>()
    let names = PagedArray<Name>()
    let pairs = PagedArray<Pair>()
    private let seriesTable = IdentityTable()
    private let nameTable = IdentityTable()
    private let pairTable = IdentityTable()
    private let arena = SlabArena()

    /// Bytes of everything; for the writer.
    var byteCount: Int {
        arena.byteCount + series.byteCount + names.byteCount + pairs.byteCount + seriesTable.byteCount
            + nameTable.byteCount + pairTable.byteCount
    }

    /// The series with these canonical bytes. Thread-safe.
    func find(_ labels: UnsafeRawBufferPointer, hash: Hash128) -> Int? {
        seriesTable.find(hash.low) { Self.equal(series.pointer($0).pointee.labels, labels) }
    }

    /// Adds a series that `find` doesn't find; `labels` must be canonical, and are copied.
    func insert(_ labels: UnsafeRawBufferPointer, hash: Hash128) -> Int {
        let kept = arena.copy(labels)
        let id = series.append(Series(labels: kept, hash: hash.low))
        seriesTable.insert(hash.low, id) { series.pointer($0).pointee.hash }
        var cursor = LabelCursor(kept)
        while cursor.next() {
            let name = nameId(cursor.name)
            let pair = pairId(name, cursor.value)
            pairs.pointer(pair).pointee.series.append(UInt32(id), arena: arena)
        }
        return id
    }

    /// The id of a label name. Thread-safe.
    func findName(_ name: UnsafeRawBufferPointer) -> Int? {
        nameTable.find(Hash128(of: name).low) { Self.equal(names.pointer($0).pointee.bytes, name) }
    }

    /// The id of a label pair. Thread-safe.
    func findPair(name: Int, value: UnsafeRawBufferPointer) -> Int? {
        findPair(UInt32(name), value, Self.pairHash(UInt32(name), value))
    }

    private func findPair(_ name: UInt32, _ value: UnsafeRawBufferPointer, _ hash: UInt64) -> Int? {
        pairTable.find(hash) {
            let pair = pairs.pointer($0)
            return pair.pointee.name == name && Self.equal(pair.pointee.value, value)
        }
    }

    /// `bytes` must lie in the arena.
    private func nameId(_ bytes: UnsafeRawBufferPointer) -> Int {
        let hash = Hash128(of: bytes).low
        if let id = nameTable.find(hash, { Self.equal(names.pointer($0).pointee.bytes, bytes) }) { return id }
        let id = names.append(Name(bytes: bytes, hash: hash))
        nameTable.insert(hash, id) { names.pointer($0).pointee.hash }
        return id
    }

    /// `value` must lie in the arena.
    private func pairId(_ name: Int, _ value: UnsafeRawBufferPointer) -> Int {
        let hash = Self.pairHash(UInt32(name), value)
        if let id = findPair(UInt32(name), value, hash) { return id }
        let id = pairs.append(Pair(name: UInt32(name), value: value, hash: hash))
        pairTable.insert(hash, id) { pairs.pointer($0).pointee.hash }
        names.pointer(name).pointee.pairs.append(UInt32(id), arena: arena)
        return id
    }

    private static func pairHash(_ name: UInt32, _ value: UnsafeRawBufferPointer) -> UInt64 {
        Hash128(of: value, seed: UInt64(name) &+ 0x9e37_79b9).low
    }

    @inline(__always)
    private static func equal(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
        a.count == b.count && commonPrefix(a, b, limit: a.count) == a.count
    }
}
