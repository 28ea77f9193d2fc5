/// A set of rows of a block. Not thread-safe.
struct RowMask {
    private var words: ContiguousArray<UInt64>
    let rowCount: Int

    init(rowCount: Int) {
        self.rowCount = rowCount
        words = ContiguousArray(repeating: 0, count: (rowCount + 63) / 64)
    }

    @inline(__always) func contains(_ row: Int) -> Bool { words[row >> 6] >> UInt64(row & 63) & 1 != 0 }
    @inline(__always) mutating func insert(_ row: Int) { words[row >> 6] |= 1 << UInt64(row & 63) }
    @inline(__always) mutating func remove(_ row: Int) { words[row >> 6] &= ~(1 << UInt64(row & 63)) }

    mutating func insert(_ rows: Range<Int>) {
        var row = rows.lowerBound
        while row < rows.upperBound {
            if row & 63 == 0, row + 64 <= rows.upperBound {
                words[row >> 6] = .max
                row += 64
            } else {
                insert(row)
                row += 1
            }
        }
    }

    var isEmpty: Bool { words.allSatisfy { $0 == 0 } }
    var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    /// Takes out what `other` has.
    mutating func subtract(_ other: RowMask) {
        for at in words.indices { words[at] &= ~other.words[at] }
    }

    mutating func intersect(_ other: RowMask) {
        for at in words.indices { words[at] &= other.words[at] }
    }

    /// The rows, ascending.
    var rows: ContiguousArray<Int32> {
        var rows = ContiguousArray<Int32>()
        rows.reserveCapacity(count)
        for at in words.indices {
            var word = words[at]
            while word != 0 {
                rows.append(Int32(truncatingIfNeeded: at << 6 + word.trailingZeroBitCount))
                word &= word - 1
            }
        }
        return rows
    }
}
