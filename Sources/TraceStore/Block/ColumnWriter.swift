import Bedrock
import Columns
import Model

/// Gathers one column of a segment: values of the block being filled, and what the segment lists of its texts. Not thread-safe.
///
/// A chunk, whose number of values the layouts tell:
/// ```
/// texts ┌──────┬─────────────────────────────────────────┐   ints, bools ┌─────────────────┐
///       │ 0 u8 │ GroupedIntegers: numbers in the         │               │ GroupedIntegers │
///       │      │ segment's list of the column's texts    │   doubles     ├──────┬──────────┴──────────────────┐
///       ├──────┼─────────────────────────────────────────┤               │ 0 u8 │ GroupedIntegers, all whole  │
///       │ 1 u8 │ TextColumn                              │               │ 1 u8 │ u64 bits each               │
///       └──────┴─────────────────────────────────────────┘               └──────┴─────────────────────────────┘
/// ```
final class ColumnWriter {
    let role: ColumnRole
    let type: AttributeType
    let key: [UInt8]

    /// Texts the segment lists.
    let values = TextTable()
    /// Whether blocks have their texts themselves from here on: there are too many different ones.
    private(set) var isLocal: Bool
    /// Whether a block has.
    private(set) var wasLocal = false
    private var listedBefore = 0

    // Of the block being filled.
    /// Numbers, bits of doubles, or numbers of `values`.
    private var numbers: ContiguousArray<Int64> = []
    private let texts = LineArena(capacity: 256)
    private var rows: ContiguousArray<Int32> = []
    /// The block that it has values in; for whoever counts columns.
    var block = -1

    init(role: ColumnRole, type: AttributeType, key: [UInt8]) {
        self.role = role
        self.type = type
        self.key = key
        // Never alike.
        isLocal = type != .string && type.isText
    }

    var memoryBytes: Int {
        values.memoryBytes + texts.bytes.allocatedBytes + numbers.capacity * 8 + rows.capacity * 4
    }

    @inline(__always) func append(number: Int64, row: Int32) {
        numbers.append(number)
        rows.append(row)
    }

    @inline(__always) func append(text: UnsafeRawBufferPointer, row: Int32) {
        rows.append(row)
        if isLocal { texts.append(text) } else { numbers.append(Int64(values.findOrAdd(text))) }
    }

    /// A text that `values` has at `number`; only while not `isLocal`.
    @inline(__always) func append(known number: Int32, row: Int32) {
        rows.append(row)
        numbers.append(Int64(number))
    }

    /// Takes an attribute's value.
    func append(_ value: AttributeBytes, row: Int32) {
        switch value.type {
        case .empty: rows.append(row)
        case .bool: append(number: value.bool ? 1 : 0, row: row)
        case .int: append(number: value.int, row: row)
        case .double: append(number: Int64(bitPattern: value.double.bitPattern), row: row)
        case .string, .bytes, .array, .map: append(text: value.payload, row: row)
        }
    }

    /// Appends the block's chunk and starts anew. Hashes of texts that only the block has go to `filter`, with `number`.
    func encode(
        groups: RowGroups, number: Int, filter: inout TokenFilter.Builder, scratch: ColumnScratch,
        texts writer: TextColumnWriter, into target: inout ByteBuffer
    ) {
        defer {
            numbers.removeAll(keepingCapacity: true)
            texts.clear()
            rows.removeAll(keepingCapacity: true)
        }
        func own() -> ContiguousArray<UInt8> { ContiguousArray(rows.map { groups.groups[Int($0)] }) }
        switch type {
        case .empty: return
        case .bool, .int:
            GroupedIntegers.encode(
                numbers, groups: own(), groupCount: groups.count, scratch: scratch, into: &target)
        case .double: encodeDoubles(own(), groups.count, scratch, into: &target)
        case .string, .bytes, .array, .map:
            if !isLocal { judgeDictionary() }
            if !isLocal {
                target.append(UInt8(0))
                GroupedIntegers.encode(
                    numbers, groups: own(), groupCount: groups.count, scratch: scratch, into: &target)
                return
            }
            target.append(UInt8(1))
            wasLocal = true
            for index in 0..<texts.count {
                writer.append(texts[index])
                if type == .string { filter.insert(Self.filterHash(texts[index], column: number)) }
            }
            writer.encode(into: &target)
        }
    }

    /// What stands for a text of a column in a block's filter.
    static func filterHash(_ text: UnsafeRawBufferPointer, column: Int) -> UInt64 {
        TokenFilter.hash(text) ^ (UInt64(column) &* 0x9E37_79B9_7F4A_7C15)
    }

    /// Goes over to texts in blocks when this block brought too many new ones.
    private func judgeDictionary() {
        let new = values.count - listedBefore
        let isTooMuch =
            new > 64 && new * 4 > numbers.count || values.count > TraceStoreLimits.dictionaryEntriesMax
            || values.texts.bytes.count > TraceStoreLimits.dictionaryBytesMax
        guard isTooMuch else {
            listedBefore = values.count
            return
        }
        for number in numbers { texts.append(values.texts[Int(number)]) }
        isLocal = true
    }

    /// How many of `values` blocks refer to; what the last block brought before it went over doesn't count.
    var listedCount: Int { listedBefore }

    private func encodeDoubles(
        _ own: ContiguousArray<UInt8>, _ groupCount: Int, _ scratch: ColumnScratch, into target: inout ByteBuffer
    ) {
        var whole: ContiguousArray<Int64> = []
        whole.reserveCapacity(numbers.count)
        for number in numbers {
            let value = Double(bitPattern: UInt64(bitPattern: number))
            guard value.magnitude < 0x1p53, let exact = Int64(exactly: value), number != Int64(bitPattern: 1 << 63)
            else { break }
            whole.append(exact)
        }
        if whole.count == numbers.count {
            target.append(UInt8(0))
            GroupedIntegers.encode(whole, groups: own, groupCount: groupCount, scratch: scratch, into: &target)
        } else {
            target.append(UInt8(1))
            for number in numbers { target.append(littleEndian: number) }
        }
    }
}
