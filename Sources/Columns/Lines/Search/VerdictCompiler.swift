import Bedrock
import Model

/// Decides what filters say about every entry of a dictionary.
struct VerdictCompiler {
    let dictionary: LineDictionary
    private(set) var verdicts: ContiguousArray<LineVerdict>
    private(set) var startRanges: [Int: Range<Int>] = [:]
    private(set) var starts: ContiguousArray<Int32> = []
    /// Letters that hexadecimal slots may hold.
    private let hexLower: Bool
    private let hexUpper: Bool

    init(_ dictionary: LineDictionary) {
        self.dictionary = dictionary
        verdicts = .init(repeating: .always, count: dictionary.entries.count)
        var codes = [Bool](repeating: false, count: SlotCode.end)
        for slot in dictionary.slots { codes[Int(slot.code)] = true }
        hexLower = codes[33...48].contains(true)
        hexUpper = codes[65...80].contains(true)
    }

    /// Takes one more filter in.
    mutating func add(_ tests: [LineTest], isNegated: Bool) {
        var all = ContiguousArray<LineVerdict>(repeating: .never, count: verdicts.count)
        for test in tests {
            let own = judge(test)
            for i in all.indices { all[i] = all[i].or(own[i]) }
        }
        for i in all.indices { verdicts[i] = verdicts[i].and(isNegated ? all[i].negated : all[i]) }
    }

    private func judge(_ test: LineTest) -> ContiguousArray<LineVerdict> {
        var result = ContiguousArray<LineVerdict>(repeating: .never, count: verdicts.count)
        if test.programs.isEmpty {
            for id in dictionary.patterns { result[Int(id)] = .row }
        }
        for program in test.programs { judge(program, test, &result) }
        // A pattern without slots is a line; an exact line is one, too.
        let line = LineArena(capacity: 4096)
        for id in result.indices {
            let entry = dictionary.entries[id]
            guard entry.isExact || (result[id] == .row && entry.slotCount == 0) else { continue }
            let verdict = result[entry.pattern]
            guard verdict == .row else {
                result[id] = verdict
                continue
            }
            line.clear()
            render(entry, into: line)
            result[id] = test.matches(line[0]) ? .always : .never
        }
        return result
    }

    private func judge(_ program: LineProgram, _ test: LineTest, _ result: inout ContiguousArray<LineVerdict>) {
        let simulation = PatternSimulation(program)
        let core = program.requiredLiteral { !fitsSlot($0) }
        dictionary.texts.withUnsafeBufferPointer { texts in
            dictionary.slots.withUnsafeBufferPointer { slots in
                guard let base = texts.baseAddress else { return }
                func decide(_ id: Int) {
                    let entry = dictionary.entries[id]
                    let text = UnsafeRawBufferPointer(start: base + entry.textStart, count: entry.textLength)
                    let verdict =
                        test.isDecidable(text, slots: entry.slotCount, words: entry.wordCount)
                        ? simulation.verdict(entry, base, slots) : .row
                    result[id] = result[id].or(verdict)
                }
                if core.isEmpty {
                    for id in dictionary.patterns { decide(Int(id)) }
                } else {
                    forEachPattern(with: core, UnsafeRawBufferPointer(texts), decide)
                    for id in dictionary.wordPatterns { decide(Int(id)) }
                }
            }
        }
    }

    /// Whether a value that is no word may have this byte.
    private func fitsSlot(_ byte: UInt8) -> Bool {
        byte &- 48 < 10 || (hexLower && byte &- 97 < 6) || (hexUpper && byte &- 65 < 6) || byte == SlotCode.escape
    }

    /// Calls `body` with the patterns whose fixed text contains `core`.
    private func forEachPattern(with core: [UInt8], _ texts: UnsafeRawBufferPointer, _ body: (Int) -> Void) {
        core.withUnsafeBytes { core in
            var from = 0
            var ordinal = 0
            while from < texts.count,
                let hit = UnsafeRawBufferPointer(rebasing: texts[from...]).firstOffset(of: core)
            {
                let offset = from + hit
                while ordinal + 1 < dictionary.patterns.count,
                    dictionary.entries[Int(dictionary.patterns[ordinal + 1])].textStart <= offset
                { ordinal += 1 }
                guard ordinal < dictionary.patterns.count else { return }
                let id = Int(dictionary.patterns[ordinal])
                let end = dictionary.entries[id].textStart + dictionary.entries[id].textLength
                if offset + core.count <= end {
                    body(id)
                    from = end
                } else {
                    // Half in the next pattern.
                    from = offset + 1
                }
            }
        }
    }

    private func render(_ entry: LineDictionary.Entry, into line: LineArena) {
        dictionary.texts.withUnsafeBufferPointer { texts in
            dictionary.slots.withUnsafeBufferPointer { slots in
                line.append(bytesMax: entry.lineLengthMax + 24) { room in
                    guard let texts = texts.baseAddress, let target = room.baseAddress else { return 0 }
                    let out = target.assumingMemoryBound(to: UInt8.self)
                    guard let slots = slots.baseAddress else {
                        out.update(from: texts + entry.textStart, count: entry.textLength)
                        return entry.textLength
                    }
                    return dictionary.render(entry, to: out, texts, slots) {
                        dictionary.values[entry.valueStart + $0]
                    }
                }
            }
        }
    }

    /// Finds where matches of the only program may begin in the patterns that leave it to their rows.
    mutating func findStarts(_ test: LineTest) {
        let simulation = PatternSimulation(test.programs[0])
        guard !test.programs[0].isPrefix else { return }
        for id in dictionary.patterns where verdicts[Int(id)] == .row {
            let entry = dictionary.entries[Int(id)]
            let found = dictionary.texts.withUnsafeBufferPointer { texts -> [Int32]? in
                dictionary.slots.withUnsafeBufferPointer { slots -> [Int32]? in
                    guard let base = texts.baseAddress, entry.lineLength >= 0 else { return nil }
                    let text = UnsafeRawBufferPointer(start: base + entry.textStart, count: entry.textLength)
                    guard test.isDecidable(text, slots: entry.slotCount, words: entry.wordCount) else { return nil }
                    return simulation.starts(entry, base, slots)
                }
            }
            guard let found else { continue }
            startRanges[Int(id)] = starts.count..<starts.count + found.count
            starts.append(contentsOf: found)
        }
    }

    /// Blocks that may have a row that passes; nil where that is any.
    func possibleBlocks(_ filters: [(tests: [LineTest], isNegated: Bool)]) -> [Bool]? {
        var blocks = [Bool](repeating: false, count: dictionary.blockCount)
        var isPossible = [Bool](repeating: false, count: dictionary.entries.count)
        // Rows of these have a match with a part in a word: the filters over words tell where.
        let byWords = ContiguousArray(dictionary.wordPatterns.filter { verdicts[Int($0)] == .row })
        for id in verdicts.indices where verdicts[id] != .never { isPossible[dictionary.entries[id].pattern] = true }
        for id in byWords { isPossible[Int(id)] = false }
        for (ordinal, id) in dictionary.patterns.enumerated() where isPossible[Int(id)] {
            guard let listed = dictionary.patternBlocks[ordinal] else { return nil }
            for block in dictionary.blocks[listed] { blocks[Int(block)] = true }
        }
        let required = filters.filter { !$0.isNegated }.map { $0.tests.map { wordsToFind($0, byWords) } }
        for (block, hasLines, words) in dictionary.textBlocks where hasLines || !byWords.isEmpty {
            let isPossible = required.allSatisfy { tests in
                tests.contains { alternatives in
                    alternatives.map { $0.contains { words.mayContain(all: $0) } } ?? true
                }
            }
            if isPossible, block < blocks.count { blocks[block] = true }
        }
        return blocks
    }
}
