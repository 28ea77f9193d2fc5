import Bedrock
import Columns
import LSM
import Model

/// A block of a segment, open: its columns are read and decoded when first asked for. One thread at a time.
final class SegmentBlock {
    let segment: LogSegment
    let index: LogIndex
    let entry: BlockEntry
    private let number: Int
    private var decodedTimes: UnsafeMutableBufferPointer<Int64>?
    private var decodedLines: LineArena?
    private var decodedFields: [Int: LineArena] = [:]
    /// Bytes of columns decoded so far.
    private(set) var bytesDecoded = 0

    /// - Parameter position: in the index's `blocks`.
    init(_ segment: LogSegment, _ index: LogIndex, _ position: Int) {
        self.segment = segment
        self.index = index
        entry = index.blocks[position]
        number = index.blockNumbers[position]
    }

    deinit { decodedTimes?.deallocate() }

    /// Decodes a chunk; whatever goes wrong with its bytes is damage.
    private func decode(_ chunk: BlockEntry.Chunk, _ body: (BlockBytes) throws -> Void) throws {
        let bytes = try segment.bytes(of: chunk, block: number, entry)
        do {
            try body(bytes)
            bytesDecoded += chunk.byteCount
        } catch {
            throw segment.damage(chunk, block: number, entry, "\(error)")
        }
    }

    /// Nanoseconds of all rows.
    func times() throws -> UnsafeBufferPointer<Int64> {
        if let decodedTimes { return UnsafeBufferPointer(decodedTimes) }
        let times = UnsafeMutableBufferPointer<Int64>.allocate(capacity: max(entry.rowCount, 1))
        do {
            guard let chunk = entry.chunk(BlockEntry.timeColumn), let base = times.baseAddress else {
                throw DecodeError("no times", at: 0)
            }
            try decode(chunk) { try ColumnCoding.decodeTimes($0.bytes, count: entry.rowCount, into: base) }
        } catch {
            times.deallocate()
            throw error
        }
        decodedTimes = UnsafeMutableBufferPointer(rebasing: times[..<entry.rowCount])
        return UnsafeBufferPointer(rebasing: times[..<entry.rowCount])
    }

    // MARK: Lines

    private func lines() throws -> LineArena {
        if let decodedLines { return decodedLines }
        guard let chunk = entry.chunk(BlockEntry.lineColumn) else { throw DecodeError("no lines", at: 0) }
        let lines = LineArena(capacity: chunk.byteCount * 4 + 16)
        try decode(chunk) { try ColumnCoding.decodeTexts($0.bytes, count: entry.rowCount, into: lines) }
        decodedLines = lines
        return lines
    }

    /// Throws what reading lines would throw.
    func checkLines() throws { _ = try lines() }

    /// Appends the lines of `rows`, ascending.
    func readLines(_ rows: UnsafeBufferPointer<Int32>, into target: LineArena) throws {
        let lines = try lines()
        for row in rows { target.append(lines[Int(row)]) }
    }

    /// Takes the rows out of `mask` that don't pass all filters.
    func filter(_ filters: [LineFilter], _ mask: inout RowMask) throws {
        guard !filters.isEmpty, !mask.isEmpty else { return }
        let lines = try lines()
        for row in mask.rows where !filters.allSatisfy({ $0.passes(lines[Int(row)]) }) { mask.remove(Int(row)) }
    }

    // MARK: Metadata

    var hasMetadata: Bool { entry.chunks.count > BlockEntry.firstFieldColumn }

    private func field(_ chunk: BlockEntry.Chunk) throws -> LineArena {
        if let known = decodedFields[chunk.column] { return known }
        let texts = LineArena(capacity: chunk.byteCount * 2 + 16)
        try decode(chunk) { try ColumnCoding.decodeTexts($0.bytes, count: entry.rowCount, into: texts) }
        decodedFields[chunk.column] = texts
        return texts
    }

    /// Decodes every field; reports each that is damaged.
    func checkFields(_ damage: (SegmentDamage) -> Void) throws {
        for chunk in entry.chunks where chunk.column >= BlockEntry.firstFieldColumn {
            do { _ = try field(chunk) } catch let error as SegmentDamage { damage(error) }
        }
    }

    private func name(_ chunk: BlockEntry.Chunk) -> [UInt8]? {
        let number = chunk.column - BlockEntry.firstFieldColumn
        return index.fields.indices.contains(number) ? index.fields[number] : nil
    }

    /// Appends the metadata of `rows`, ascending, as canonical label bytes. A damaged field is told to `damage` and left out.
    func readMetadata(
        _ rows: UnsafeBufferPointer<Int32>, into target: LineArena, damage: (SegmentDamage) -> Void
    ) throws {
        var columns: [(name: [UInt8], texts: LineArena)] = []
        for chunk in entry.chunks where chunk.column >= BlockEntry.firstFieldColumn {
            guard let name = name(chunk) else { continue }
            do { columns.append((name, try field(chunk))) } catch let error as SegmentDamage { damage(error) }
        }
        columns.sort { $0.name.lexicographicallyPrecedes($1.name) }
        var row = ByteBuffer(capacity: 256)
        for at in rows {
            row.clear()
            for column in columns where column.texts[Int(at)].count > 0 {
                column.name.withUnsafeBytes { row.append(prefixed: $0) }
                row.append(prefixed: column.texts[Int(at)])
            }
            target.append(row.bytes)
        }
    }

    /// Calls `body` for each row of `mask` with the value of a metadata field, empty where there is none.
    func forEachValue(of name: String, _ mask: RowMask, _ body: (Int, UnsafeRawBufferPointer) -> Void) throws {
        let wanted = Array(name.utf8)
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        guard
            let chunk = entry.chunks.first(where: {
                $0.column >= BlockEntry.firstFieldColumn && self.name($0) == wanted
            })
        else {
            for row in mask.rows { body(Int(row), none) }
            return
        }
        let texts = try field(chunk)
        for row in mask.rows { body(Int(row), texts[Int(row)]) }
    }
}

extension LineFilter {
    /// Whether a line passes.
    func passes(_ line: UnsafeRawBufferPointer) -> Bool {
        for alternative in alternatives {
            switch alternative {
            case .literal(let text): if text.withUnsafeBytes({ line.firstOffset(of: $0) }) != nil { return !isNegated }
            case .regex(let regex): if regex.matches(line) { return !isNegated }
            }
        }
        return isNegated
    }
}
