import Bedrock
import Model

/// A run of distinct timestamp columns, with what a reader wants to know before it decodes one.
///
/// Integer columns: byte lengths, first times, last times; then the `TimestampColumn`s.
final class TimestampBlock: Sendable {
    struct Column: Sendable {
        var first: Int64
        var last: Int64
        var rows: Int
        fileprivate var bytes: Range<Int>
    }

    let firstColumn: Int
    private let columns: [Column]
    private let payload: [UInt8]

    var byteCount: Int { payload.count + columns.count * 48 + 64 }
    var count: Int { columns.count }

    static func encode(
        lengths: [Int], firsts: [Int64], lasts: [Int64], payload: UnsafeRawBufferPointer, scratch: ColumnScratch,
        into target: inout ByteBuffer
    ) {
        IntegerColumn.encode(lengths, scratch: scratch, into: &target)
        IntegerColumn.encode(firsts, scratch: scratch, into: &target)
        IntegerColumn.encode(lasts, scratch: scratch, into: &target)
        target.append(payload)
    }

    init(_ block: UnsafeRawBufferPointer, items: Range<Int>) throws(DecodeError) {
        firstColumn = items.lowerBound
        let count = items.count
        guard count <= SegmentLayout.itemsPerBlockMax else { throw DecodeError("\(count) columns in a block", at: 0) }
        var reader = ByteReader(block)
        let lengths = try IntegerColumn.decodeIndexes(&reader, count: count, limit: block.count + 1)
        let firsts = try IntegerColumn.decodeArray(&reader, count: count)
        let lasts = try IntegerColumn.decodeArray(&reader, count: count)
        payload = Array(try reader.take(reader.remaining))
        var columns: [Column] = []
        var offset = 0
        for i in 0..<count {
            let end = offset + Int(lengths[i])
            guard end <= payload.count else { throw DecodeError("timestamp column beyond its block", at: 0) }
            var rows = 0
            var failure: DecodeError?
            payload.withUnsafeBytes { all in
                var column = ByteReader(UnsafeRawBufferPointer(rebasing: all[offset..<end]))
                do throws(DecodeError) {
                    rows = try TimestampColumn.count(&column)
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
            columns.append(Column(first: firsts[i], last: lasts[i], rows: rows, bytes: offset..<end))
            offset = end
        }
        guard offset == payload.count else { throw DecodeError("bytes behind the last timestamp column", at: 0) }
        self.columns = columns
    }

    func column(_ id: Int) -> Column { columns[id - firstColumn] }

    /// Decodes a column of this block into room for its rows.
    func decode(_ id: Int, into target: UnsafeMutablePointer<Int64>) throws(DecodeError) {
        let column = columns[id - firstColumn]
        var failure: DecodeError?
        payload.withUnsafeBytes { all in
            var reader = ByteReader(UnsafeRawBufferPointer(rebasing: all[column.bytes]))
            do throws(DecodeError) {
                let rows = try TimestampColumn.count(&reader)
                try TimestampColumn.decode(&reader, count: rows, into: target)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}
