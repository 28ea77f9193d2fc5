import Bedrock
import Model

/// Lines of a block whose fine pattern the dictionary does not have.
///
/// A fine pattern that two lines of the block share is taken. The others are looked at more coarsely: four that share a coarse pattern make it one.
/// Lines that fit a template with words (`WordTemplates`) become rows of that. What stays alone is taken as it is, while it is little; else it
/// goes to the block's arena.
struct UnknownLines: ~Copyable {
    /// Lines that must share a coarse pattern.
    private static let coarseRowsMin: Int32 = 4
    /// Patterns of a single line in a block, at least, and as a share of its rows.
    private static let singlesMin = 64
    private static let singlesShare = 16
    /// Of more lines, as a share of the block's rows, templates with words are made.
    private static let wordsShare = 64

    /// A row that gets no pattern.
    struct Loner {
        var row: Int
        var candidate: Int
    }

    private var candidates = EntryTable()
    private var hashes: ContiguousArray<UInt64> = []
    private var counts: ContiguousArray<Int32> = []
    private var coarse = EntryTable()
    private var coarseCounts: ContiguousArray<Int32> = []
    private var templates = WordTemplates()
    /// Fine patterns whose lines became rows of templates with words lately, by hash: one that comes again is worth an entry, as one that two lines
    /// of a block share is. Only a part of each hash is kept, and the last of those in one place.
    private var recent: ContiguousArray<UInt32> = []
    private static let recentCount = 1 << 16
    private let line = LineArena(capacity: 4096)
    /// Patterns of a single line that may still be taken.
    private var singlesLeft = LineLimits.singlesFree
    private var rowsSeen = 0

    init() {}

    var isEmpty: Bool { candidates.count == 0 }
    var memoryBytes: Int {
        candidates.memoryBytes + coarse.memoryBytes + templates.memoryBytes + hashes.capacity * 12 + recent.capacity * 4
    }

    mutating func clear() {
        candidates.clear()
        coarse.clear()
        hashes.removeAll(keepingCapacity: true)
        counts.removeAll(keepingCapacity: true)
        coarseCounts.removeAll(keepingCapacity: true)
    }

    /// Says how many rows a block has, before it is settled.
    mutating func beginBlock(rows: Int) {
        rowsSeen += rows
        singlesLeft += rowsSeen / LineLimits.rowsPerSingle
        rowsSeen %= LineLimits.rowsPerSingle
    }

    /// Counts the line that was masked last; returns its candidate.
    mutating func note(_ masker: borrowing LineMasker, hash: UInt64) -> Int32 {
        var candidate = candidates.findPattern(masker.masked, hash: hash)
        if candidate < 0 {
            candidate = candidates.addPattern(
                masker.masked, codes: UnsafeBufferPointer(start: masker.codes, count: masker.valueCount), hash: hash)
            hashes.append(hash)
            counts.append(0)
        }
        counts[candidate] += 1
        return Int32(candidate)
    }

    /// Gives patterns to the rows that still have candidates; returns those that get none, ascending. `render` works until `clear`.
    mutating func settle(
        _ rows: inout PendingRows, _ table: inout EntryTable, _ masker: inout LineMasker
    ) -> [Loner] {
        var taken = ContiguousArray<Int32>(repeating: -1, count: candidates.count)
        for candidate in 0..<candidates.count
        where (counts[candidate] > 1 || isRecent(hashes[candidate])) && !table.isFull {
            taken[candidate] = Int32(take(candidate, &table))
        }
        var loners: [Loner] = []
        for row in 0..<rows.count where rows.ids[row] < 0 && rows.ids[row] != PendingRows.arena {
            let candidate = Int(-1 - rows.ids[row])
            if taken[candidate] >= 0 {
                rows.ids[row] = taken[candidate]
            } else {
                loners.append(Loner(row: row, candidate: candidate))
            }
        }
        if !loners.isEmpty { loners = settleCoarsely(loners, &rows, &table, &masker) }
        if loners.count <= singlesLeft, loners.count <= max(Self.singlesMin, rows.count / Self.singlesShare) {
            loners.removeAll { loner in
                guard !table.isFull else { return false }
                singlesLeft -= 1
                rows.ids[loner.row] = Int32(take(loner.candidate, &table))
                return true
            }
        }
        if loners.isEmpty { clear() }
        return loners
    }

    private func take(_ candidate: Int, _ table: inout EntryTable) -> Int {
        let text = candidates.text(candidate)
        let known = table.findPattern(text, hash: hashes[candidate])
        if known >= 0 { return known }
        let entry = candidates.entries[candidate]
        return candidates.codes.withUnsafeBufferPointer {
            table.addPattern(
                text, codes: UnsafeBufferPointer(rebasing: $0[entry.slotStart..<entry.slotStart + entry.slotCount]),
                hash: hashes[candidate])
        }
    }

    /// In place of a group: has got its pattern.
    private static let isSettled = -2

    private mutating func settleCoarsely(
        _ loners: [Loner], _ rows: inout PendingRows, _ table: inout EntryTable, _ masker: inout LineMasker
    ) -> [Loner] {
        var groups: [Int] = []
        groups.reserveCapacity(loners.count)
        for loner in loners {
            guard mask(loner, rows, &masker) else {
                groups.append(-1)
                continue
            }
            let hash = ByteHash.of(masker.masked)
            let isKnown = masker.valueCount > 0 && table.findPattern(masker.masked, hash: hash) >= 0
            if !isKnown {
                let template = templates.find(masker)
                if template >= 0, templates.apply(template, line[0], masker, row: loner.row, &rows, &table) {
                    noteRecent(hashes[loner.candidate])
                    groups.append(Self.isSettled)
                    continue
                }
                templates.wait(groups.count)
                guard masker.valueCount > 0 else {
                    groups.append(-1)
                    continue
                }
            }
            var group = coarse.findPattern(masker.masked, hash: hash)
            if group < 0 {
                group = coarse.addPattern(
                    masker.masked, codes: UnsafeBufferPointer(start: masker.codes, count: masker.valueCount),
                    hash: hash)
                // One that the dictionary has already is worth taking for a single line.
                coarseCounts.append(isKnown ? Self.coarseRowsMin : 0)
            }
            coarseCounts[group] += 1
            groups.append(group)
        }
        var rest: [Loner] = []
        for (number, loner) in loners.enumerated() where groups[number] != Self.isSettled {
            let group = groups[number]
            guard group >= 0, coarseCounts[group] >= Self.coarseRowsMin, !table.isFull, mask(loner, rows, &masker)
            else {
                rest.append(loner)
                continue
            }
            groups[number] = Self.isSettled
            let hash = ByteHash.of(masker.masked)
            var id = table.findPattern(masker.masked, hash: hash)
            if id < 0 {
                id = table.addPattern(
                    masker.masked, codes: UnsafeBufferPointer(start: masker.codes, count: masker.valueCount),
                    hash: hash)
            }
            rows.ids[loner.row] = Int32(id)
            rows.valueStarts[loner.row] = Int32(truncatingIfNeeded: rows.values.count)
            for i in 0..<masker.valueCount { rows.values.append(masker.values[i]) }
        }
        defer { templates.forget() }
        // A few are better taken as they are.
        guard rest.count > max(Self.singlesMin, rows.count / Self.wordsShare),
            templates.discover({ groups[$0] != Self.isSettled })
        else { return rest }
        rest.removeAll { loner in
            guard mask(loner, rows, &masker) else { return false }
            let template = templates.find(masker)
            guard template >= 0, templates.apply(template, line[0], masker, row: loner.row, &rows, &table) else {
                return false
            }
            noteRecent(hashes[loner.candidate])
            return true
        }
        return rest
    }

    private func isRecent(_ hash: UInt64) -> Bool {
        !recent.isEmpty && recent[Int(truncatingIfNeeded: hash) & (Self.recentCount - 1)] == Self.mark(hash)
    }

    private mutating func noteRecent(_ hash: UInt64) {
        if recent.isEmpty { recent = .init(repeating: 0, count: Self.recentCount) }
        recent[Int(truncatingIfNeeded: hash) & (Self.recentCount - 1)] = Self.mark(hash)
    }

    private static func mark(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash >> 32) | 1 }

    private func mask(_ loner: Loner, _ rows: borrowing PendingRows, _ masker: inout LineMasker) -> Bool {
        line.clear()
        render(loner, rows, into: line)
        return masker.mask(line[0], .coarse)
    }

    /// Makes the line of a loner.
    func render(_ loner: Loner, _ rows: borrowing PendingRows, into target: LineArena) {
        candidates.render(loner.candidate, rows, from: Int(rows.valueStarts[loner.row]), into: target)
    }
}
