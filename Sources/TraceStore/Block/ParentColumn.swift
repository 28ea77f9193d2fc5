import Bedrock

/// Parents of spans by where they stand: 0 a root; 1 a parent that isn't in the trace's rows, whose id stands behind; else 2 and the zigzag
/// distance up to it, less one for the span itself.
/// ```
/// ┌──────────────────┬───────────────────────────┐
/// │ GroupedIntegers  │ ids of unknown parents,   │
/// │                  │ u64 each, in rows' order  │
/// └──────────────────┴───────────────────────────┘
/// ```
struct ParentColumn {
    static let root: Int64 = 0
    static let unknown: Int64 = 1

    /// One a row.
    var codes: ContiguousArray<Int64> = []
    /// Of the rows with an unknown parent, in order.
    var unknownIDs: ContiguousArray<UInt64> = []

    static func code(row: Int, parent: Int) -> Int64 { 2 + Int64(bitPattern: ZigZag.encode(Int64(row - parent))) }

    /// Adds the rows of a trace that begins at row `first` and whose span ids are `spanIDs`.
    mutating func append(parents: ArraySlice<UInt64>, spanIDs: ArraySlice<UInt64>) {
        let count = spanIDs.count
        let table =
            count > 24
            ? Dictionary(zip(spanIDs, 0..<count), uniquingKeysWith: { first, _ in first }) : nil
        for row in 0..<count {
            let parent = parents[parents.startIndex + row]
            if parent == 0 {
                codes.append(Self.root)
                continue
            }
            var found: Int?
            if let table {
                found = table[parent]
            } else {
                for at in 0..<count where spanIDs[spanIDs.startIndex + at] == parent {
                    found = at
                    break
                }
            }
            if let found, found != row {
                codes.append(Self.code(row: row, parent: found))
            } else {
                codes.append(Self.unknown)
                unknownIDs.append(parent)
            }
        }
    }

    func encode(groups: RowGroups, scratch: ColumnScratch, into target: inout ByteBuffer) {
        GroupedIntegers.encode(codes, groups: groups.groups, groupCount: groups.count, scratch: scratch, into: &target)
        for id in unknownIDs { target.append(littleEndian: id) }
    }

    init() {}

    init(_ reader: inout ByteReader, groups: RowGroups) throws(DecodeError) {
        codes = try GroupedIntegers.decode(&reader, groups: groups.groups, groupCount: groups.count)
        for code in codes where code == Self.unknown { unknownIDs.append(try reader.littleEndian()) }
    }

    /// Rows of the parents: -1 a root, -2 one that isn't there.
    /// - Throws: when a parent lies outside of its trace.
    func rows(traceStarts: ContiguousArray<Int32>) throws(DecodeError) -> ContiguousArray<Int32> {
        var rows = ContiguousArray<Int32>(repeating: -1, count: codes.count)
        for trace in 0..<max(traceStarts.count - 1, 0) {
            let range = Int(traceStarts[trace])..<Int(traceStarts[trace + 1])
            for row in range {
                let code = codes[row]
                if code == Self.root { continue }
                if code == Self.unknown {
                    rows[row] = -2
                    continue
                }
                let distance = ZigZag.decode(UInt64(bitPattern: code &- 2))
                let (parent, overflow) = Int64(row).subtractingReportingOverflow(distance)
                guard !overflow, parent >= Int64(range.lowerBound), parent < Int64(range.upperBound) else {
                    throw DecodeError("the parent of row \(row) is at a distance of \(distance)", at: 0)
                }
                rows[row] = Int32(truncatingIfNeeded: parent)
            }
        }
        return rows
    }
}
