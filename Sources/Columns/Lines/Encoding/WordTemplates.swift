import Bedrock
import Model

/// Finds patterns with words: lines that differ in some words only become rows of one pattern, with those words as values.
///
/// Lines are grouped by their shape: what stands between their words. Within a shape, lines are parted by the words that go together with other
/// words; what varies then is a slot. The templates that come out are kept for the segment, and tried on lines that no finer pattern fits, those
/// with more fixed words first.
struct WordTemplates: ~Copyable {
    /// Lines that must share a template.
    private static let rowsMin = 8
    /// Lines of a shape that templates are made of.
    private static let sampleMax = 256
    /// Templates of one shape, so that a line is not compared with many.
    private static let perShapeMax = 48
    /// Hashes of words of all templates together, so that lines of ever new shapes don't take memory without bound.
    private static let keysMax = 1 << 19
    /// Hashes of words that are kept for one block.
    private static let hashesMax = 1 << 20

    private struct Template {
        /// Into `keys`: the hash of each word, 0 for one that varies.
        var start: Int
        var fixedCount: Int
    }

    /// A line of the block that waits for a template.
    private struct Waiting {
        /// As the caller numbers lines.
        var line: Int32
        var start: Int32
        var count: Int32
        var next: Int32
    }

    private struct Group {
        var shape: UInt64
        var first: Int32
        var last: Int32
        var count: Int32
    }

    private var keys: ContiguousArray<UInt64> = []
    private var templates: ContiguousArray<Template> = []
    private var shapes: [UInt64: [Int32]] = [:]
    private var tokens = LineTokens()

    private var waiting: ContiguousArray<Waiting> = []
    private var hashes: ContiguousArray<UInt64> = []
    private var groups: ContiguousArray<Group> = []
    private var groupOf: [UInt64: Int32] = [:]
    private var pattern = ByteBuffer()
    private var codes: ContiguousArray<UInt8> = []

    init() {}

    var memoryBytes: Int {
        keys.capacity * 8 + templates.capacity * 16 + shapes.capacity * 24 + waiting.capacity * 16 + hashes.capacity * 8
    }

    /// Looks at the coarsely masked line; returns the template that fits it, or -1.
    mutating func find(_ masker: borrowing LineMasker) -> Int32 {
        guard tokens.read(masker.masked), let known = shapes[tokens.shape] else { return -1 }
        return match(known, tokens.hashes)
    }

    private func match(_ known: [Int32], _ words: UnsafePointer<UInt64>) -> Int32 {
        keys.withUnsafeBufferPointer { keys in
            for template in known {
                let start = templates[Int(template)].start
                var i = 0
                while i < tokens.count, keys[start + i] == 0 || keys[start + i] == words[i] { i += 1 }
                if i == tokens.count { return template }
            }
            return -1
        }
    }

    /// Keeps the line that was looked at last for `discover`.
    mutating func wait(_ line: Int) {
        guard tokens.count > 0, hashes.count + tokens.count <= Self.hashesMax else { return }
        let index = Int32(waiting.count)
        waiting.append(
            Waiting(line: Int32(line), start: Int32(hashes.count), count: Int32(tokens.count), next: -1))
        for i in 0..<tokens.count { hashes.append(tokens.hashes[i]) }
        if let group = groupOf[tokens.shape] {
            waiting[Int(groups[Int(group)].last)].next = index
            groups[Int(group)].last = index
            groups[Int(group)].count += 1
        } else {
            groupOf[tokens.shape] = Int32(groups.count)
            groups.append(Group(shape: tokens.shape, first: index, last: index, count: 1))
        }
    }

    /// Makes templates of the lines that wait, of which `isLeft` tells whether they still have no pattern. Returns whether there are new ones.
    mutating func discover(_ isLeft: (Int) -> Bool) -> Bool {
        let before = templates.count
        var lines: ContiguousArray<Int32> = []
        for group in groups where Int(group.count) >= Self.rowsMin {
            lines.removeAll(keepingCapacity: true)
            var at = group.first
            while at >= 0 {
                if isLeft(Int(waiting[Int(at)].line)) { lines.append(at) }
                at = waiting[Int(at)].next
            }
            guard lines.count >= Self.rowsMin else { continue }
            let step = (lines.count + Self.sampleMax - 1) / Self.sampleMax
            let sample = stride(from: 0, to: lines.count, by: step).map { waiting[Int(lines[$0])].start }
            let count = Int(waiting[Int(group.first)].count)
            for template in WordPartition(hashes, count: count).templates(
                ContiguousArray(sample), rowsMin: Self.rowsMin)
            {
                add(template, shape: group.shape)
            }
        }
        return templates.count > before
    }

    /// No line waits any more.
    mutating func forget() {
        waiting.removeAll(keepingCapacity: true)
        hashes.removeAll(keepingCapacity: true)
        groups.removeAll(keepingCapacity: true)
        groupOf.removeAll(keepingCapacity: true)
    }

    private mutating func add(_ template: [UInt64], shape: UInt64) {
        var known = shapes[shape] ?? []
        guard known.count < Self.perShapeMax, keys.count + template.count <= Self.keysMax else { return }
        let fixedCount = template.reduce(0) { $0 + ($1 == 0 ? 0 : 1) }
        let number = Int32(templates.count)
        templates.append(Template(start: keys.count, fixedCount: fixedCount))
        keys.append(contentsOf: template)
        let place = known.firstIndex { templates[Int($0)].fixedCount < fixedCount } ?? known.count
        known.insert(number, at: place)
        shapes[shape] = known
    }

    /// Makes the coarsely masked `line` a row of the pattern of `template`; false when the dictionary has no room for that.
    mutating func apply(
        _ template: Int32, _ line: UnsafeRawBufferPointer, _ masker: borrowing LineMasker, row: Int,
        _ rows: inout PendingRows, _ table: inout EntryTable
    ) -> Bool {
        let start = templates[Int(template)].start
        let masked = masker.masked
        let valueStart = rows.values.count
        let id = withPattern(masked, masker, start) { text, codes in
            let hash = ByteHash.of(text)
            let known = table.findPattern(text, hash: hash)
            if known >= 0 || table.isFull { return known }
            return table.addPattern(text, codes: codes, hash: hash)
        }
        guard id >= 0 else { return false }
        // The same walk over the line as it came: masking changes nothing about where words begin and end.
        var at = 0
        var lineAt = 0
        var word = 0
        var value = 0
        while at < masked.count {
            guard !LineTokens.isDelimiter(masked[at]) else {
                at += 1
                lineAt += 1
                continue
            }
            let end = LineTokens.end(of: masked, from: at)
            var lineEnd = lineAt
            while lineEnd < line.count, !LineTokens.isDelimiter(line[lineEnd]) { lineEnd += 1 }
            let slots = Self.slotCount(masked, at, end)
            if keys[start + word] == 0 {
                rows.append(word: UnsafeRawBufferPointer(rebasing: line[lineAt..<lineEnd]))
            } else {
                for i in value..<value + slots { rows.values.append(masker.values[i]) }
            }
            value += slots
            word += 1
            at = end
            lineAt = lineEnd
        }
        rows.ids[row] = Int32(id)
        rows.valueStarts[row] = Int32(truncatingIfNeeded: valueStart)
        return true
    }

    /// Calls `body` with the pattern's text and codes.
    private mutating func withPattern(
        _ masked: UnsafeRawBufferPointer, _ masker: borrowing LineMasker, _ start: Int,
        _ body: (UnsafeRawBufferPointer, UnsafeBufferPointer<UInt8>) -> Int
    ) -> Int {
        pattern.clear()
        codes.removeAll(keepingCapacity: true)
        var at = 0
        var word = 0
        var value = 0
        while at < masked.count {
            guard !LineTokens.isDelimiter(masked[at]) else {
                pattern.append(masked[at])
                at += 1
                continue
            }
            let end = LineTokens.end(of: masked, from: at)
            let slots = Self.slotCount(masked, at, end)
            if keys[start + word] == 0 {
                pattern.append(SlotCode.escape)
                pattern.append(SlotCode.word)
                codes.append(SlotCode.word)
            } else {
                pattern.append(UnsafeRawBufferPointer(rebasing: masked[at..<end]))
                for i in value..<value + slots { codes.append(masker.codes[i]) }
            }
            value += slots
            word += 1
            at = end
        }
        return codes.withUnsafeBufferPointer { body(pattern.bytes, $0) }
    }

    private static func slotCount(_ masked: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Int {
        var count = 0
        var at = start
        while at < end {
            guard masked[at] == SlotCode.escape else {
                at += 1
                continue
            }
            if masked[at + 1] != SlotCode.escapedByte { count += 1 }
            at += 2
        }
        return count
    }
}
