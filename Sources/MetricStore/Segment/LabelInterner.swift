import Bedrock
import LSM
import Model

/// Symbols, label pairs and label sets of the segment being written, under ids of their own; ranked and sorted at the end.
final class LabelInterner {
    private struct Symbol {
        var bytes: UnsafeRawBufferPointer
        var hash: UInt64
    }

    private struct Pair {
        var name: UInt32
        var value: UInt32
    }

    private let arena = SlabArena()
    private let symbolTable = IdentityTable()
    private let pairTable = IdentityTable()
    private var symbols: ContiguousArray<Symbol> = []
    private var pairs: ContiguousArray<Pair> = []
    /// Pairs of all series, one behind the other, and where each series ends.
    private var series: ContiguousArray<UInt32> = []
    private var seriesEnds: ContiguousArray<Int> = []
    /// Pair ids of the last series with their labels: most series share most labels with the one before.
    private var last: [(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, pair: UInt32)] = []

    var seriesCount: Int { seriesEnds.count }

    /// Adds a series by its canonical labels.
    func add(_ labels: UnsafeRawBufferPointer) {
        var cursor = LabelCursor(labels)
        var position = 0
        while cursor.next() {
            let pair: UInt32
            if position < last.count, compareMemory(last[position].name, cursor.name) == 0,
                compareMemory(last[position].value, cursor.value) == 0
            {
                pair = last[position].pair
            } else {
                pair = pairId(symbolId(cursor.name), symbolId(cursor.value))
                let known = pairs[Int(pair)]
                let entry = (symbols[Int(known.name)].bytes, symbols[Int(known.value)].bytes, pair)
                if position < last.count { last[position] = entry } else { last.append(entry) }
            }
            series.append(pair)
            position += 1
        }
        seriesEnds.append(series.count)
    }

    private func symbolId(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        let hash = Hash128(of: bytes).low
        if let id = symbolTable.find(hash, { compareMemory(symbols[$0].bytes, bytes) == 0 }) { return UInt32(id) }
        symbols.append(Symbol(bytes: arena.copy(bytes), hash: hash))
        symbolTable.insert(hash, symbols.count - 1) { symbols[$0].hash }
        return UInt32(symbols.count - 1)
    }

    private func pairId(_ name: UInt32, _ value: UInt32) -> UInt32 {
        let hash = Self.hash(Pair(name: name, value: value))
        if let id = pairTable.find(hash, { pairs[$0].name == name && pairs[$0].value == value }) { return UInt32(id) }
        pairs.append(Pair(name: name, value: value))
        pairTable.insert(hash, pairs.count - 1) { Self.hash(pairs[$0]) }
        return UInt32(pairs.count - 1)
    }

    private static func hash(_ pair: Pair) -> UInt64 {
        // The finisher of splitmix64, over both ids.
        var z = UInt64(pair.name) << 32 | UInt64(pair.value)
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    // MARK: Results

    /// All symbols sorted, pairs under the symbols' ranks, and postings.
    struct Ranked {
        var symbols: [UnsafeRawBufferPointer]
        /// By pair id.
        var pairs: [SeriesBlock.Pair]
        /// Pair ids by name, then value.
        var sortedPairs: [UInt32]
        /// Series ordinals of all pairs, by pair id; pair `p` has `postings[postingStarts[p] ..< postingStarts[p + 1]]`.
        var postings: [UInt32]
        var postingStarts: [Int]
    }

    func rank() -> Ranked {
        let order = symbols.indices.sorted { compareMemory(symbols[$0].bytes, symbols[$1].bytes) < 0 }
        var rank = [UInt32](repeating: 0, count: symbols.count)
        for (position, symbol) in order.enumerated() { rank[symbol] = UInt32(position) }
        let ranked = pairs.map { SeriesBlock.Pair(name: rank[Int($0.name)], value: rank[Int($0.value)]) }
        let sorted = (0..<UInt32(pairs.count)).sorted {
            let (a, b) = (ranked[Int($0)], ranked[Int($1)])
            return a.name != b.name ? a.name < b.name : a.value < b.value
        }
        var starts = [Int](repeating: 0, count: pairs.count + 1)
        for pair in series { starts[Int(pair) + 1] += 1 }
        for i in 0..<pairs.count { starts[i + 1] += starts[i] }
        var next = starts
        var postings = [UInt32](repeating: 0, count: series.count)
        var start = 0
        for (ordinal, end) in seriesEnds.enumerated() {
            for pair in series[start..<end] {
                postings[next[Int(pair)]] = UInt32(ordinal)
                next[Int(pair)] += 1
            }
            start = end
        }
        return Ranked(
            symbols: order.map { symbols[$0].bytes }, pairs: ranked, sortedPairs: sorted, postings: postings,
            postingStarts: starts)
    }

    /// Calls `body` for every label pair, in no order: name, value, number of series.
    func forEachPair(_ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer, Int) -> Void) {
        var counts = [Int](repeating: 0, count: pairs.count)
        for pair in series { counts[Int(pair)] += 1 }
        for (pair, count) in zip(pairs, counts) {
            body(symbols[Int(pair.name)].bytes, symbols[Int(pair.value)].bytes, count)
        }
    }

    /// Pair ids of a series.
    func pairs(of ordinal: Int) -> ArraySlice<UInt32> {
        ArraySlice(series[(ordinal == 0 ? 0 : seriesEnds[ordinal - 1])..<seriesEnds[ordinal]])
    }
}
