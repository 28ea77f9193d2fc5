import Bedrock
import Model

/// Where the patterns of a segment occur, for the dictionary.
struct EntryStatistics: ~Copyable {
    /// Of one pattern and its exact lines.
    struct Pattern {
        var rows = 0
        /// Blocks that have it; only the first `blockListMax` are listed.
        var blockCount = 0
        var blocks: InlineArray<8, Int32> = .init(repeating: 0)
    }

    private(set) var patterns: ContiguousArray<Pattern> = []
    private(set) var blockCount = 0
    /// Blocks with lines outside of the dictionary or with values of word slots, and a filter over the words of those.
    private(set) var textBlocks: [(block: Int, hasLines: Bool, filter: Range<Int>)] = []
    private(set) var filters = ByteBuffer()
    private var builder = TokenFilter.Builder()

    init() {}

    var memoryBytes: Int { patterns.capacity * MemoryLayout<Pattern>.stride + filters.allocatedBytes }

    /// The number of the next block.
    mutating func beginBlock() -> Int {
        blockCount += 1
        return blockCount - 1
    }

    mutating func add(
        present: ContiguousArray<Int32>, counts: ContiguousArray<Int32>, _ table: borrowing EntryTable, to block: Int
    ) {
        while patterns.count < table.count { patterns.append(Pattern()) }
        for i in 0..<present.count {
            let pattern = table.entries[Int(present[i])].pattern
            patterns[pattern].rows += Int(counts[i])
            let listed = patterns[pattern].blockCount
            if listed > 0, listed <= LineLimits.blockListMax, patterns[pattern].blocks[listed - 1] == Int32(block) {
                continue
            }
            if listed < LineLimits.blockListMax { patterns[pattern].blocks[listed] = Int32(truncatingIfNeeded: block) }
            patterns[pattern].blockCount = min(listed + 1, LineLimits.blockListMax + 1)
        }
    }

    /// Notes what of a block no entry tells: lines of the arena, and values of word slots.
    mutating func addText(_ texts: LineArena, words: LineArena? = nil, to block: Int) {
        guard texts.count > 0 || words != nil else { return }
        let lines = TextView(texts)
        for i in 0..<lines.count { builder.addFoldingUUIDs(lines[i]) }
        if let words {
            let words = TextView(words)
            for i in 0..<words.count { builder.addFoldingUUIDs(words[i]) }
        }
        let start = filters.count
        builder.finish(into: &filters)
        textBlocks.append((block, texts.count > 0, start..<filters.count))
    }
}
