import Bedrock
import LSM
import Model

extension MetricSegment: LabelIndex {
    func everySeries() throws -> OrdinalSet { OrdinalSet(0..<seriesCount) }

    func remembered(_ matcher: Matcher, _ make: () throws -> OrdinalSet) throws -> OrdinalSet {
        try cachedPostings(matcher, make)
    }

    func add(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, to set: OrdinalSet) throws {
        guard let name = try findSymbol(name), let value = try findSymbol(value) else { return }
        let pair = try lowerBound(pair: SeriesBlock.Pair(name: UInt32(name), value: UInt32(value)))
        try forEachPair(from: pair) { block, at in
            guard block.names[at] == name, block.values[at] == value else { return false }
            try add(block, at, to: set)
            return false
        }
    }

    func add(
        name: UnsafeRawBufferPointer, prefix: UnsafeRawBufferPointer, to set: OrdinalSet,
        where passes: (UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        try forEachValue(of: name, prefix: prefix) { value, block, at in
            if try passes(value) { try add(block, at, to: set) }
        }
    }

    /// Calls `body` for every value of a label name that begins with `prefix`, ascending, with where its postings are.
    func forEachValue(
        of name: UnsafeRawBufferPointer, prefix: UnsafeRawBufferPointer,
        _ body: (UnsafeRawBufferPointer, PostingsBlock, Int) throws -> Void
    ) throws {
        guard let name = try findSymbol(name) else { return }
        // Symbols ascend with their ids, so the values with a prefix are one run of the name's pairs.
        let firstValue = try lowerBound(symbol: prefix)
        let pair = try lowerBound(pair: SeriesBlock.Pair(name: UInt32(name), value: UInt32(firstValue)))
        var symbolBlock: SymbolBlock?
        try forEachPair(from: pair) { block, at in
            guard block.names[at] == name else { return false }
            let value = Int(block.values[at])
            let symbols: SymbolBlock
            if let current = symbolBlock, value >= current.firstSymbol, value < current.firstSymbol + current.count {
                symbols = current
            } else {
                symbols = try self.symbols(try position(.symbols, holding: value))
                symbolBlock = symbols
            }
            return try symbols.withSymbol(value) { bytes in
                guard bytes.count >= prefix.count,
                    compareMemory(UnsafeRawBufferPointer(rebasing: bytes[..<prefix.count]), prefix) == 0
                else { return false }
                try body(bytes, block, at)
                return true
            }
        }
    }

    /// Label names in order, each with the number of its values.
    func forEachName(_ body: (UnsafeRawBufferPointer, Int) throws -> Void) throws {
        var current: UInt32?
        var values = 0
        func end() throws {
            guard let name = current else { return }
            try symbols(try position(.symbols, holding: Int(name))).withSymbol(Int(name)) { try body($0, values) }
        }
        try forEachPair(from: 0) { block, at in
            if block.names[at] != current {
                try end()
                current = block.names[at]
                values = 0
            }
            values += 1
            return true
        }
        try end()
    }

    private func add(_ block: PostingsBlock, _ at: Int, to set: OrdinalSet) throws {
        do throws(DecodeError) {
            try block.add(at, to: set)
        } catch {
            throw damage(try position(.postings, holding: block.firstPair), "\(error)")
        }
    }

    // MARK: Searching

    /// The id of a symbol.
    func findSymbol(_ symbol: UnsafeRawBufferPointer) throws -> Int? {
        guard let position = symbolBlock(symbol) else { return nil }
        return try symbols(position).find(symbol)
    }

    /// The first id whose symbol is not before `symbol`.
    private func lowerBound(symbol: UnsafeRawBufferPointer) throws -> Int {
        guard symbol.count > 0, let position = symbolBlock(symbol) else { return 0 }
        return try symbols(position).lowerBound(symbol)
    }

    /// Position of the block that would hold a symbol.
    private func symbolBlock(_ symbol: UnsafeRawBufferPointer) -> Int? {
        directory.position(.symbols) { key in key.withUnsafeBytes { compareMemory($0, symbol) > 0 } }
    }

    /// The first pair that is not before `pair`.
    private func lowerBound(pair: SeriesBlock.Pair) throws -> Int {
        let key = PostingsBlock.key(pair.name, pair.value)
        let found = directory.position(.postings) { other in
            other.withUnsafeBytes { other in key.withUnsafeBytes { compareMemory(other, $0) > 0 } }
        }
        guard let found else { return 0 }
        let block = try postings(found)
        var low = 0
        var high = block.count
        while low < high {
            let middle = (low + high) >> 1
            let (name, value) = (block.names[middle], block.values[middle])
            if name != pair.name ? name < pair.name : value < pair.value { low = middle + 1 } else { high = middle }
        }
        return block.firstPair + low
    }

    /// Calls `body` for pairs in order, from number `first` on, until it returns false.
    private func forEachPair(from first: Int, _ body: (PostingsBlock, Int) throws -> Bool) throws {
        var pair = first
        while let position = directory.position(.postings, holding: pair) {
            let block = try postings(position)
            for at in (pair - block.firstPair)..<block.count {
                guard try body(block, at) else { return }
            }
            pair = block.firstPair + block.count
        }
    }
}
