import Bedrock
import Columns
import Model

/// One column of a block, decoded: a value for each that the layouts tell of. Immutable.
final class StoredColumn {
    let number: Int
    let info: TraceIndex.Column
    /// Numbers, bits of doubles, or which of `texts` a value has.
    let numbers: ContiguousArray<Int64>
    /// The segment's list, or the block's own texts.
    let texts: LineArena
    /// Whether `numbers` are those of the segment's list.
    let isListed: Bool
    let count: Int

    /// - Parameters:
    ///   - bytes: nil for a column whose values take none.
    ///   - groups: of the row of each value.
    init(
        number: Int, info: TraceIndex.Column, bytes: UnsafeRawBufferPointer?, groups: ContiguousArray<UInt8>,
        groupCount: Int
    ) throws {
        self.number = number
        self.info = info
        count = groups.count
        guard let bytes else {
            guard info.type == .empty || count == 0 else { throw DecodeError("the column's chunk is missing", at: 0) }
            numbers = []
            texts = info.values
            isListed = false
            return
        }
        var reader = ByteReader(bytes)
        switch info.type {
        case .empty: throw DecodeError("a chunk for values without bytes", at: 0)
        case .bool, .int:
            numbers = try GroupedIntegers.decode(&reader, groups: groups, groupCount: groupCount)
            texts = info.values
            isListed = false
        case .double:
            switch try reader.u8() {
            case 0:
                numbers = ContiguousArray(
                    try GroupedIntegers.decode(&reader, groups: groups, groupCount: groupCount).map {
                        Int64(bitPattern: Double($0).bitPattern)
                    })
            case 1:
                var bits: ContiguousArray<Int64> = []
                bits.reserveCapacity(count)
                for _ in 0..<count { bits.append(try reader.littleEndian()) }
                numbers = bits
            case let form: throw DecodeError("unknown form \(form) of doubles", at: 0)
            }
            texts = info.values
            isListed = false
        case .string, .bytes, .array, .map:
            switch try reader.u8() {
            case 0:
                let decoded = try GroupedIntegers.decode(&reader, groups: groups, groupCount: groupCount)
                for number in decoded where number < 0 || number >= Int64(info.values.count) {
                    throw DecodeError("text \(number) of \(info.values.count)", at: 0)
                }
                numbers = decoded
                texts = info.values
                isListed = true
            case 1:
                let column = try TextColumn(UnsafeRawBufferPointer(rebasing: bytes[1...]), rowCount: count)
                for index in column.indexes where index < 0 { throw DecodeError("an absent text", at: 0) }
                numbers = ContiguousArray(column.indexes.map(Int64.init))
                texts = column.texts
                isListed = false
                return
            case let form: throw DecodeError("unknown form \(form) of texts", at: 0)
            }
        }
        guard reader.isAtEnd else { throw DecodeError("bytes behind the column", at: reader.offset) }
    }

    @inline(__always) func text(_ value: Int) -> UnsafeRawBufferPointer { texts[Int(numbers[value])] }

    /// Appends a value in the form of attributes.
    func append(_ value: Int, to target: inout ByteBuffer) {
        switch info.type {
        case .empty: target.appendEmptyAttribute()
        case .bool: target.append(attributeBool: numbers[value] != 0)
        case .int: target.append(attributeInt: numbers[value])
        case .double: target.append(attributeDouble: Double(bitPattern: UInt64(bitPattern: numbers[value])))
        case .string, .bytes, .array, .map:
            target.append(info.type.rawValue)
            target.append(prefixed: text(value))
        }
    }
}
