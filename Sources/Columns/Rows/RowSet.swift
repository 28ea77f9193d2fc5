/// Which rows of a block are meant: one bit a row. Reused from block to block. Not thread-safe.
public struct RowSet {
    /// Row `i` is bit `i & 63` of word `i >> 6`; bits behind the last row are 0.
    @usableFromInline var words: ContiguousArray<UInt64> = []
    public internal(set) var rowCount = 0

    /// Of `rowCount` rows, all or none.
    public init(rowCount: Int, all: Bool) { reset(rowCount: rowCount, all: all) }

    /// Starts anew, keeping the memory.
    public mutating func reset(rowCount: Int, all: Bool) {
        precondition(rowCount >= 0, "a set of \(rowCount) rows")
        self.rowCount = rowCount
        words.removeAll(keepingCapacity: true)
        words.append(contentsOf: repeatElement(all ? .max : 0, count: (rowCount + 63) >> 6))
        if all, rowCount & 63 != 0 { words[words.count - 1] = (1 << UInt64(rowCount & 63)) - 1 }
    }

    public var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
    public var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

    @inlinable public func contains(_ row: Int) -> Bool { words[row >> 6] >> UInt64(row & 63) & 1 != 0 }
    @inlinable public mutating func insert(_ row: Int) { words[row >> 6] |= 1 << UInt64(row & 63) }
    @inlinable public mutating func remove(_ row: Int) { words[row >> 6] &= ~(1 << UInt64(row & 63)) }

    /// Puts in all rows of `range`.
    public mutating func insert(_ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= rowCount, "rows \(range) of \(rowCount)")
        var row = range.lowerBound
        while row < range.upperBound {
            let end = min(range.upperBound, (row | 63) + 1)
            let length = UInt64(end - row)
            words[row >> 6] |= (length == 64 ? .max : (1 << length) - 1) << UInt64(row & 63)
            row = end
        }
    }

    /// Keeps only what `other`, of as many rows, has too.
    public mutating func formIntersection(_ other: RowSet) {
        precondition(other.rowCount == rowCount, "sets of \(rowCount) and \(other.rowCount) rows")
        for i in words.indices { words[i] &= other.words[i] }
    }

    /// Keeps only rows that `keep` says yes to; it is asked about every row, in the set or not.
    @inlinable public mutating func formIntersection(_ keep: (Int) -> Bool) {
        for i in words.indices where words[i] != 0 {
            var kept: UInt64 = 0
            let start = i << 6
            for bit in 0..<min(64, rowCount - start) where keep(start + bit) { kept |= 1 &<< UInt64(bit) }
            words[i] &= kept
        }
    }

    /// Takes out everything.
    public mutating func removeAll() { for i in words.indices { words[i] = 0 } }

    /// Takes out the rows for which `keep` says no, asking about every row that is in.
    @inlinable public mutating func filter(_ keep: (Int) throws -> Bool) rethrows {
        for i in words.indices {
            var rest = words[i]
            while rest != 0 {
                let bit = rest & (0 &- rest)
                if try !keep(i << 6 + rest.trailingZeroBitCount) { words[i] &= ~bit }
                rest &= rest &- 1
            }
        }
    }

    /// Calls `body` with every row that is in, ascending.
    @inlinable public func forEach(_ body: (Int) throws -> Void) rethrows {
        for i in words.indices {
            var rest = words[i]
            while rest != 0 {
                try body(i << 6 + rest.trailingZeroBitCount)
                rest &= rest &- 1
            }
        }
    }

    /// Appends the rows that are in, ascending.
    public func appendRows(to rows: inout ContiguousArray<Int32>) {
        forEach { rows.append(Int32(truncatingIfNeeded: $0)) }
    }
}
