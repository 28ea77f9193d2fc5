import Bedrock
import Model

/// Encodes the lines of one segment, block by block; one per segment that is being written. Not thread-safe.
///
/// A block is gathered by `append` (texts, or rows of blocks of other segments, mixed at will) and written by `encodePending`. The dictionary
/// comes last. At most `LineLimits.rowsMax` rows go into a block.
public final class LineEncoder {
    private var table = EntryTable()
    private var masker = LineMasker()
    private var rows = PendingRows()
    private var unknown = UnknownLines()
    private var exact = ExactLines()
    private var writer = LineBlockWriter()
    private var statistics = EntryStatistics()
    /// Texts of rows without a pattern, in the order of the rows.
    private let texts = LineArena()
    private let scratch = ColumnScratch()
    private var adoptions: [ObjectIdentifier: Adoption] = [:]
    private let plain = LineArena(capacity: 1024)
    /// A block with a smaller share of its bytes (one over this) in the arena and in words is not tried as plain text.
    private static let arenaShareSure = 5
    /// Plain text must save a share of this (one over it): patterns answer searches without the rows.
    private static let plainGainMin = 16
    /// Doubtful blocks that are not tried after one where plain text was clearly larger: the next ones are mostly of the same kind.
    private static let trialsLeftOutMax = 7
    private var trialsLeftOut = 0
    /// A doubtful block as plain text.
    private var whole = ByteBuffer()

    public init() {}

    /// Rows gathered for the next block.
    public var pendingRows: Int { rows.count }
    /// Bytes of their lines.
    public private(set) var pendingLineBytes = 0
    /// Memory, for budgets.
    public var memoryBytes: Int {
        table.memoryBytes + rows.memoryBytes + unknown.memoryBytes + exact.memoryBytes + writer.memoryBytes
            + texts.bytes.allocatedBytes + whole.allocatedBytes + statistics.memoryBytes
    }

    /// Adds one line to the next block.
    public func append(_ line: UnsafeRawBufferPointer) {
        precondition(rows.count < LineLimits.rowsMax, "more than \(LineLimits.rowsMax) rows in a block")
        pendingLineBytes += line.count
        guard masker.mask(line, .fine) else { return appendText(line) }
        let hash = ByteHash.of(masker.masked)
        let known = table.findPattern(masker.masked, hash: hash)
        if known >= 0 {
            rows.append(Int32(known), values: masker.values, count: masker.valueCount)
            return
        }
        let candidate = unknown.note(masker, hash: hash)
        rows.append(-1 - candidate, values: masker.values, count: masker.valueCount)
    }

    private func appendText(_ line: UnsafeRawBufferPointer) {
        rows.append(PendingRows.arena, text: texts.count)
        texts.append(line)
    }

    /// Adds rows of a block, of another segment or of this one, without making their lines.
    public func append(block: LineBlock, rows chosen: UnsafeBufferPointer<Int32>) throws(ColumnError) {
        precondition(rows.count + chosen.count <= LineLimits.rowsMax, "more than \(LineLimits.rowsMax) rows")
        try block.open()
        guard !block.isPlain else {
            for row in chosen { append(block.plainText(Int(row))) }
            return
        }
        let key = ObjectIdentifier(block.dictionary)
        var adoption = adoptions.removeValue(forKey: key) ?? Adoption(block.dictionary)
        let columns = block.openColumns
        let words = TextView(columns.words)
        for row in chosen {
            let symbol = Int(columns.symbols[Int(row)])
            guard symbol < columns.ids.count else {
                append(block.arenaText(Int(row)))
                continue
            }
            let entry = Int(columns.ids[symbol])
            let id = adoption.adopt(entry, &table)
            guard id >= 0 else {
                plain.clear()
                block.render(Int(row), into: plain)
                pendingLineBytes += plain[0].count
                appendText(plain[0])
                continue
            }
            let length = block.dictionary.entries[entry].lineLength
            pendingLineBytes += length >= 0 ? length : block.length(Int(row))
            let slots = block.dictionary.entries[entry]
            if slots.wordCount > 0 {
                rows.append(
                    id, columns, Int(row), symbol,
                    slots: block.dictionary.slots[slots.slotStart..<slots.slotStart + slots.slotCount], words: words)
            } else {
                rows.append(id, columns, Int(row), symbol, count: slots.rowValueCount)
            }
        }
        adoptions[key] = adoption
    }

    /// Writes what was gathered as one block.
    public func encodePending(into target: inout ByteBuffer) {
        unknown.beginBlock(rows: rows.count)
        settleUnknown()
        let block = statistics.beginBlock()
        if texts.count * 2 > rows.count {
            gatherPlain()
            encodePlain(into: &target)
            statistics.addText(plain, to: block)
        } else {
            encodeEntries(block: block, into: &target)
        }
        rows.clear()
        texts.clear()
        pendingLineBytes = 0
    }

    /// Writes a block of `lines`.
    public func encodeBlock(_ lines: LineArena, into target: inout ByteBuffer) {
        for i in 0..<lines.count { append(lines[i]) }
        encodePending(into: &target)
    }

    /// Writes the dictionary that all blocks need; nothing may be encoded afterwards.
    public func finishDictionary(into target: inout ByteBuffer) {
        LineDictionaryWriter.encode(table, statistics, scratch: scratch, into: &target)
    }

    /// Finds a place for the lines whose fine pattern is not in the dictionary.
    private func settleUnknown() {
        guard !unknown.isEmpty else { return }
        let inArena = unknown.settle(&rows, &table, &masker)
        guard !inArena.isEmpty else { return }
        // Texts stand in the order of the rows: those that were refused at once, and these.
        plain.clear()
        var next = 0
        for row in 0..<rows.count
        where rows.ids[row] == PendingRows.arena || next < inArena.count && inArena[next].row == row {
            if next < inArena.count, inArena[next].row == row {
                unknown.render(inArena[next], rows, into: plain)
                next += 1
            } else {
                plain.append(texts[Int(rows.valueStarts[row])])
            }
            rows.ids[row] = PendingRows.arena
            rows.valueStarts[row] = Int32(truncatingIfNeeded: plain.count - 1)
        }
        texts.clear()
        for i in 0..<plain.count { texts.append(plain[i]) }
        unknown.clear()
    }

    /// Rows as entries, those without one in the arena; or all lines in one arena, where that is clearly smaller.
    ///
    /// Both are written only where much of the block are texts anyway: there, one text may have more for a compressor to share.
    private func encodeEntries(block: Int, into target: inout ByteBuffer) {
        var isDoubtful = (texts.bytes.count + rows.words.bytes.count) * Self.arenaShareSure > pendingLineBytes
        if isDoubtful, trialsLeftOut > 0 {
            trialsLeftOut -= 1
            isDoubtful = false
        }
        exact.assign(&rows, &table)
        let start = target.count
        writer.encode(rows, table, texts: texts, into: &target)
        if isDoubtful {
            let size = target.count - start
            gatherPlain()
            whole.clear()
            encodePlain(into: &whole)
            if whole.count + whole.count / Self.plainGainMin < size {
                target.truncate(to: start)
                target.append(whole.bytes)
                return statistics.addText(plain, to: block)
            }
            if whole.count > size + size / Self.plainGainMin { trialsLeftOut = Self.trialsLeftOutMax }
        }
        statistics.add(present: writer.present, counts: writer.presentCounts, table, to: block)
        statistics.addText(texts, words: rows.words.count > 0 ? writer.words.distinct : nil, to: block)
    }

    /// Makes the lines of all rows.
    private func gatherPlain() {
        plain.clear()
        for row in 0..<rows.count {
            let id = rows.ids[row]
            if id == PendingRows.arena {
                plain.append(texts[Int(rows.valueStarts[row])])
            } else {
                table.render(Int(id), rows, from: Int(rows.valueStarts[row]), into: plain)
            }
        }
    }

    /// All lines in one arena.
    private func encodePlain(into target: inout ByteBuffer) {
        target.append(UInt8(0))
        TextArena.encode(plain, level: 6, scratch: scratch, into: &target)
    }
}
