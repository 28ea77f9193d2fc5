import Bedrock

/// Label sets of a group of series, as columns of symbol ids: which set of names each has, then per set and name the values.
///
/// ```
/// ┌─────────────┬─ per shape ─────────────────────┬──────────────────────┬─ per shape and name ─────────────┐
/// │ shape count │ label count, name ids (varints) │ shape of each series │ value ids of the series that     │
/// │ varint      │                                 │ integer column       │ have the shape: integer column   │
/// └─────────────┴─────────────────────────────────┴──────────────────────┴──────────────────────────────────┘
/// ```
final class SeriesBlock: Sendable {
    struct Pair: Hashable, Sendable {
        var name: UInt32
        var value: UInt32
    }

    let firstSeries: Int
    private let pairs: [Pair]
    private let ends: [UInt32]

    var byteCount: Int { pairs.count * 8 + ends.count * 4 + 64 }
    var count: Int { ends.count }

    static func encode(_ series: [ArraySlice<Pair>], scratch: ColumnScratch, into target: inout ByteBuffer) {
        var shapes: [[UInt32]] = []
        var shapeIds: [[UInt32]: Int] = [:]
        var members: [[Int]] = []
        let shapeOf = series.indices.map { i -> Int in
            let names = series[i].map(\.name)
            if let known = shapeIds[names] {
                members[known].append(i)
                return known
            }
            shapeIds[names] = shapes.count
            shapes.append(names)
            members.append([i])
            return shapes.count - 1
        }
        target.append(varint: shapes.count)
        for names in shapes {
            target.append(varint: names.count)
            for name in names { target.append(varint: UInt64(name)) }
        }
        IntegerColumn.encode(shapeOf, scratch: scratch, into: &target)
        for (shape, names) in shapes.enumerated() {
            for position in names.indices {
                let values = members[shape].map { series[$0][series[$0].startIndex + position].value }
                IntegerColumn.encode(values, scratch: scratch, into: &target)
            }
        }
    }

    init(_ block: UnsafeRawBufferPointer, items: Range<Int>, symbolCount: Int) throws(DecodeError) {
        firstSeries = items.lowerBound
        let count = items.count
        guard count <= SegmentLayout.itemsPerBlockMax else { throw DecodeError("\(count) series in a block", at: 0) }
        var reader = ByteReader(block)
        var shapes: [[UInt32]] = []
        for _ in 0..<(try reader.length(limit: count)) {
            var names: [UInt32] = []
            for _ in 0..<(try reader.length(limit: reader.remaining)) {
                names.append(UInt32(try reader.length(limit: max(0, symbolCount - 1))))
            }
            shapes.append(names)
        }
        let shapeOf = try IntegerColumn.decodeIndexes(&reader, count: count, limit: shapes.count)
        var members = [Int](repeating: 0, count: shapes.count)
        for shape in shapeOf { members[Int(shape)] += 1 }
        var columns: [[[UInt32]]] = []
        for (shape, names) in shapes.enumerated() {
            var values: [[UInt32]] = []
            for _ in names {
                values.append(try IntegerColumn.decodeIndexes(&reader, count: members[shape], limit: symbolCount))
            }
            columns.append(values)
        }
        guard reader.isAtEnd else { throw DecodeError("bytes behind the last series", at: reader.offset) }
        var pairs: [Pair] = []
        var ends: [UInt32] = []
        var next = [Int](repeating: 0, count: shapes.count)
        for shape in shapeOf.map({ Int($0) }) {
            for (position, name) in shapes[shape].enumerated() {
                pairs.append(Pair(name: name, value: columns[shape][position][next[shape]]))
            }
            next[shape] += 1
            ends.append(UInt32(pairs.count))
        }
        self.pairs = pairs
        self.ends = ends
    }

    /// The label pairs of a series of this block, by name.
    func pairs(_ series: Int) -> ArraySlice<Pair> {
        let at = series - firstSeries
        return pairs[(at == 0 ? 0 : Int(ends[at - 1]))..<Int(ends[at])]
    }
}
