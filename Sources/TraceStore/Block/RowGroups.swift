import Bedrock

/// The rows of a block by the name of their spans: numbers of spans with one name are alike, and pack well together.
///
/// Writer and reader work it out from the name column in the same way, so nothing of it is stored. Part of the format.
struct RowGroups {
    /// A name with fewer rows in the block has no group of its own.
    static let rowsMin = 32
    static let groupsMax = 256

    /// Of each row; group 0 has the rows of rare names.
    let groups: ContiguousArray<UInt8>
    let count: Int

    /// - Parameter names: numbers below `nameCount`, one a row.
    init(names: ContiguousArray<Int32>, nameCount: Int) {
        var rows = ContiguousArray<Int32>(repeating: 0, count: nameCount)
        for name in names { rows[Int(name)] += 1 }
        var group = ContiguousArray<UInt8>(repeating: 0, count: nameCount)
        var used = 1
        for name in 0..<nameCount where Int(rows[name]) >= Self.rowsMin && used < Self.groupsMax {
            group[name] = UInt8(used)
            used += 1
        }
        count = used
        groups = ContiguousArray(unsafeUninitializedCapacity: names.count) { out, filled in
            for row in names.indices { out[row] = group[Int(names[row])] }
            filled = names.count
        }
    }
}

/// Whole numbers, each group of rows packed by itself.
/// ```
/// ┌──────┬───────────────────────────────┐
/// │ 0 u8 │ value (svarint) of all        │
/// ├──────┼───────────────────────────────┤
/// │ 1 u8 │ IntegerColumn a group with    │
/// │      │ any, in the order of groups   │
/// ├──────┼───────────────────────────────┤
/// │ 2 u8 │ IntegerColumn, in rows' order │
/// └──────┴───────────────────────────────┘
/// ```
enum GroupedIntegers {
    /// Appends `values`; `groups` has the group of each.
    static func encode(
        _ values: ContiguousArray<Int64>, groups: ContiguousArray<UInt8>, groupCount: Int, scratch: ColumnScratch,
        into target: inout ByteBuffer
    ) {
        precondition(groups.count == values.count, "\(groups.count) groups for \(values.count) values")
        guard let first = values.first else { return }
        if values.allSatisfy({ $0 == first }) {
            target.append(UInt8(0))
            target.append(signedVarint: first)
            return
        }
        scratch.reserve(values.count)
        if groupCount == 1 {
            target.append(UInt8(2))
            values.withUnsafeBufferPointer { source in
                for i in 0..<source.count { scratch.integers[i] = source[i] }
            }
            IntegerColumn.encode(scratch.integers, count: values.count, scratch: scratch, into: &target)
            return
        }
        target.append(UInt8(1))
        var ends = starts(groups, groupCount)
        let sorted = scratch.integers
        for i in values.indices {
            let group = Int(groups[i])
            sorted[Int(ends[group])] = values[i]
            ends[group] += 1
        }
        var from = 0
        for group in 0..<groupCount where Int(ends[group]) > from {
            let count = Int(ends[group]) - from
            IntegerColumn.encode(sorted + from, count: count, scratch: scratch, into: &target)
            from += count
        }
    }

    /// Reads one value for each of `groups`.
    static func decode(
        _ reader: inout ByteReader, groups: ContiguousArray<UInt8>, groupCount: Int
    ) throws(DecodeError) -> ContiguousArray<Int64> {
        let count = groups.count
        guard count > 0 else { return [] }
        switch try reader.u8() {
        case 0: return ContiguousArray(repeating: try reader.signedVarint(), count: count)
        case 2: return ContiguousArray(try IntegerColumn.decodeArray(&reader, count: count))
        case 1: break
        case let tag: throw DecodeError("unknown form \(tag) of grouped integers", at: reader.offset - 1)
        }
        var next = starts(groups, groupCount)
        let sorted = UnsafeMutablePointer<Int64>.allocate(capacity: count)
        sorted.initialize(repeating: 0, count: count)
        defer { sorted.deallocate() }
        for group in 0..<groupCount {
            let from = Int(next[group])
            let end = group + 1 < groupCount ? Int(next[group + 1]) : count
            if end > from { try IntegerColumn.decode(&reader, count: end - from, into: sorted + from) }
        }
        return ContiguousArray(unsafeUninitializedCapacity: count) { out, filled in
            next.withUnsafeMutableBufferPointer { next in
                groups.withUnsafeBufferPointer { groups in
                    for i in 0..<count {
                        let group = Int(groups[i])
                        out[i] = sorted[Int(next[group])]
                        next[group] &+= 1
                    }
                }
            }
            filled = count
        }
    }

    /// Where each group's values begin when they stand by group.
    private static func starts(_ groups: ContiguousArray<UInt8>, _ groupCount: Int) -> ContiguousArray<Int32> {
        var counts = ContiguousArray<Int32>(repeating: 0, count: groupCount)
        for group in groups { counts[Int(group)] += 1 }
        var sum: Int32 = 0
        for group in 0..<groupCount {
            let count = counts[group]
            counts[group] = sum
            sum += count
        }
        return counts
    }
}
