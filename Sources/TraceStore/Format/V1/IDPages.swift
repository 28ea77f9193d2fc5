import Bedrock
import LSM
import Model

/// The id index of a segment: fingerprints of all trace ids, ascending, with the traces' numbers, in pages read by range. It is the segment's
/// filter, too: a page says no to all but one in 4 billion divided by the segment's traces of the ids that aren't there.
///
/// ```
/// page      ┌────────────────────────────────────┬────────────────────────┐   at most 1 024 entries
///           │ IntegerColumn: fingerprints, u32   │ IntegerColumn: numbers │
///           └────────────────────────────────────┴────────────────────────┘
/// directory ┌───────┬─ per page ──────────────────────────────────────────────────────────┐
///           │ pages │ entries varint, bytes varint, CRC-32C u32, first fingerprint u32    │   pages stand one behind the other
///           └───────┴─────────────────────────────────────────────────────────────────────┘
/// ```
struct IDPage: Sendable {
    var offset: Int
    var byteCount: Int
    var entryCount: Int
    var checksum: UInt32
    var first: UInt32

    static func decode(_ reader: inout ByteReader, traceCount: Int, end: Int) throws(DecodeError) -> [IDPage] {
        var pages: [IDPage] = []
        let count = try reader.length(limit: reader.remaining / 10)
        var offset = try reader.length(limit: end)
        var entries = 0
        var last: UInt32 = 0
        for _ in 0..<count {
            let own = try reader.length(limit: TraceStoreLimits.idPageEntries)
            let bytes = try reader.length(limit: end - offset)
            let checksum = try reader.littleEndian(UInt32.self)
            let first = try reader.littleEndian(UInt32.self)
            guard own > 0, first >= last else { throw DecodeError("id pages out of order", at: reader.offset) }
            pages.append(IDPage(offset: offset, byteCount: bytes, entryCount: own, checksum: checksum, first: first))
            offset += bytes
            entries += own
            last = first
        }
        guard entries == traceCount else { throw DecodeError("\(entries) ids of \(traceCount) traces", at: 0) }
        return pages
    }

    /// Writes all pages to `out` and gives the directory.
    /// - Parameter fingerprints: of each trace, in order of their numbers.
    static func write(_ fingerprints: ContiguousArray<UInt32>, to out: any ObjectWriter) throws -> [UInt8] {
        var sorted = ContiguousArray(fingerprints.indices.map { UInt64(fingerprints[$0]) << 32 | UInt64($0) })
        sorted.sort()
        var directory = ByteBuffer(capacity: 1024)
        let size = TraceStoreLimits.idPageEntries
        directory.append(varint: (sorted.count + size - 1) / size)
        directory.append(varint: out.count)
        let scratch = ColumnScratch()
        var page = ByteBuffer(capacity: 8192)
        for from in stride(from: 0, to: sorted.count, by: size) {
            let own = sorted[from..<min(from + size, sorted.count)]
            page.clear()
            IntegerColumn.encode(own.map { $0 >> 32 }, scratch: scratch, into: &page)
            IntegerColumn.encode(own.map { $0 & 0xFFFF_FFFF }, scratch: scratch, into: &page)
            directory.append(varint: own.count)
            directory.append(varint: page.count)
            directory.append(littleEndian: CRC32C.of(page.bytes))
            directory.append(littleEndian: UInt32(truncatingIfNeeded: own[from] >> 32))
            try out.append(page.bytes)
        }
        return directory.array()
    }
}

/// A page, decoded. Immutable.
final class IDPageEntries: Sendable {
    let fingerprints: [UInt32]
    let traces: [UInt32]

    init(_ bytes: UnsafeRawBufferPointer, count: Int, traceCount: Int) throws(DecodeError) {
        var reader = ByteReader(bytes)
        fingerprints = try IntegerColumn.decodeIndexes(&reader, count: count, limit: 1 << 32)
        traces = try IntegerColumn.decodeIndexes(&reader, count: count, limit: traceCount)
        guard reader.isAtEnd else { throw DecodeError("bytes behind an id page", at: reader.offset) }
        for at in fingerprints.indices.dropFirst() where fingerprints[at] < fingerprints[at - 1] {
            throw DecodeError("fingerprints out of order", at: 0)
        }
    }

    /// Calls `body` with the number of each trace that has the fingerprint.
    func forEach(_ fingerprint: UInt32, _ body: (Int) throws -> Void) rethrows {
        var low = 0
        var high = fingerprints.count
        while low < high {
            let middle = (low + high) / 2
            if fingerprints[middle] < fingerprint { low = middle + 1 } else { high = middle }
        }
        while low < fingerprints.count, fingerprints[low] == fingerprint {
            try body(Int(traces[low]))
            low += 1
        }
    }
}
