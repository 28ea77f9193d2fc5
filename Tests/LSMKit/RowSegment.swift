import Bedrock
import LSM
import Model

/// A segment of the test format: blocks of sorted rows, each `length, crc32c, rows`; a footer with the blocks' places and the summary; the
/// footer's length, checksum and a magic number.
public final class RowSegment: SegmentReader {
    static let magic: UInt32 = 0x524F_5753
    static let rowsPerBlock = 16

    public let summary: SegmentSummary
    private let object: any ObjectReader
    private let blocks: [Range<Int>]

    public init(_ object: any ObjectReader) throws {
        func damage(_ reason: String) -> SegmentDamage {
            SegmentDamage(
                object: object.name, block: "footer", offset: max(0, object.size - 12), lost: "all rows", reason: reason
            )
        }
        guard object.size >= 12 else { throw damage("too short") }
        let tail = try object.bytes(object.size - 12..<object.size).bytes
        let length = Int(UInt32(littleEndian: tail.loadUnaligned(fromByteOffset: 0, as: UInt32.self)))
        let checksum = UInt32(littleEndian: tail.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        guard UInt32(littleEndian: tail.loadUnaligned(fromByteOffset: 8, as: UInt32.self)) == Self.magic else {
            throw damage("no magic number")
        }
        guard length <= object.size - 12 else { throw damage("length is wrong") }
        let footer = try object.bytes(object.size - 12 - length..<object.size - 12).bytes
        guard CRC32C.of(footer) == checksum else { throw damage("checksum is wrong") }
        var reader = ByteReader(footer)
        let count = try reader.length(limit: footer.count)
        var start = 0
        var blocks: [Range<Int>] = []
        for _ in 0..<count {
            let size = try reader.length(limit: object.size - start)
            blocks.append(start..<start + size)
            start += size
        }
        self.blocks = blocks
        self.object = object
        let first = try reader.signedVarint()
        let last = try reader.signedVarint()
        let series = try reader.length(limit: .max)
        let rows = try reader.length(limit: .max)
        summary = SegmentSummary(
            timeRange: TimeRange(first, last), seriesCount: series, rowCount: rows, byteCount: object.size,
            formatVersion: 1)
    }

    /// By key, then time; equal ones in arrival order. Damaged blocks are left out and told.
    public func rows(damage: (SegmentDamage) -> Void) throws -> [Row] {
        var rows: [Row] = []
        for (index, range) in blocks.enumerated() {
            let bytes = try object.bytes(range).bytes
            let checksum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt32.self))
            let body = UnsafeRawBufferPointer(rebasing: bytes[4...])
            guard CRC32C.of(body) == checksum else {
                damage(
                    SegmentDamage(
                        object: object.name, block: "block \(index)", offset: range.lowerBound,
                        lost: "up to \(Self.rowsPerBlock) rows",
                        reason: "checksum is wrong"))
                continue
            }
            rows += try RowCoding.read(body)
        }
        return rows
    }

    public func verify(_ report: (SegmentDamage) -> Void) throws { _ = try rows(damage: report) }

    /// Writes sorted rows. Nil: there were none.
    static func write(_ rows: [Row], into writer: any ObjectWriter) throws -> SegmentSummary? {
        guard let first = rows.map(\.time).min(), let last = rows.map(\.time).max() else { return nil }
        var footer = ByteBuffer()
        let starts = Array(stride(from: 0, to: rows.count, by: rowsPerBlock))
        footer.append(varint: starts.count)
        for start in starts {
            var body = ByteBuffer()
            RowCoding.append(rows[start..<min(start + rowsPerBlock, rows.count)], to: &body)
            var block = ByteBuffer()
            block.append(littleEndian: CRC32C.of(body.bytes))
            block.append(body.bytes)
            try writer.append(block.bytes)
            footer.append(varint: block.count)
        }
        let series = Set(rows.map(\.key)).count
        footer.append(signedVarint: first)
        footer.append(signedVarint: last)
        footer.append(varint: series)
        footer.append(varint: rows.count)
        let checksum = CRC32C.of(footer.bytes)
        let length = footer.count
        footer.append(littleEndian: UInt32(length))
        footer.append(littleEndian: checksum)
        footer.append(littleEndian: magic)
        try writer.append(footer.bytes)
        return SegmentSummary(
            timeRange: TimeRange(first, last), seriesCount: series, rowCount: rows.count, byteCount: writer.count,
            formatVersion: 1)
    }
}
