import Bedrock
import Columns
import LSM
import Model

/// A block of a segment, open: its columns are read and decoded when first asked for. One thread at a time.
final class SegmentBlock {
    let segment: LogSegment
    let index: LogIndex
    let entry: BlockEntry
    /// In the segment.
    let number: Int
    private var decodedTimes: UnsafeMutableBufferPointer<Int64>?
    private var openedLines: LineBlock?
    private var openedFields: [Int: TextColumn] = [:]
    /// Of all rows, once they were asked for.
    private var knownLengths: [Int32] = []
    /// Bytes of columns opened so far.
    private(set) var bytesDecoded = 0

    /// - Parameter position: in the index's `blocks`.
    init(_ segment: LogSegment, _ index: LogIndex, _ position: Int) {
        self.segment = segment
        self.index = index
        entry = index.blocks[position]
        number = index.blockNumbers[position]
    }

    deinit { decodedTimes?.deallocate() }

    var rowCount: Int { entry.rowCount }

    /// Opens a chunk; whatever is wrong with its bytes is damage.
    private func open<R>(_ column: Int, _ body: (BlockBytes) throws -> R) throws -> R {
        guard let chunk = entry.chunk(column) else {
            throw DecodeError("block \(number) has no column \(column)", at: 0)
        }
        let bytes = try segment.bytes(of: chunk, block: number, entry)
        do {
            let result = try withExtendedLifetime(bytes) { try body(bytes) }
            bytesDecoded += chunk.byteCount
            return result
        } catch {
            throw segment.damage(chunk, block: number, entry, "\(error)")
        }
    }

    /// Nanoseconds of all rows.
    func times() throws -> UnsafeBufferPointer<Int64> {
        if let decodedTimes { return UnsafeBufferPointer(decodedTimes) }
        let times = UnsafeMutableBufferPointer<Int64>.allocate(capacity: rowCount)
        do {
            try open(BlockEntry.timeColumn) { bytes in
                var reader = ByteReader(bytes.bytes)
                guard let base = times.baseAddress else { return }
                try TimeColumn.decode(&reader, count: rowCount, into: base)
            }
        } catch {
            times.deallocate()
            throw error
        }
        decodedTimes = times
        return UnsafeBufferPointer(times)
    }

    // MARK: Lines

    /// The lines, opened; reading them decodes.
    func lines() throws -> LineBlock {
        if let openedLines { return openedLines }
        let dictionary = try segment.lineDictionary()
        let lines = try open(BlockEntry.lineColumn) { bytes in
            let lines = try LineBlock(bytes.bytes, owner: bytes, dictionary: dictionary)
            guard lines.rowCount == rowCount else {
                throw ColumnError("\(lines.rowCount) lines for \(rowCount) rows")
            }
            return lines
        }
        openedLines = lines
        return lines
    }

    /// Does something with the lines; an error of theirs is damage.
    private func withLines<R>(_ body: (LineBlock) throws -> R) throws -> R {
        let lines = try lines()
        do { return try body(lines) } catch let error as ColumnError {
            guard let chunk = entry.chunk(BlockEntry.lineColumn) else { throw error }
            throw segment.damage(chunk, block: number, entry, "\(error)")
        }
    }

    /// Reads the bytes of times and lines, if nobody has before, and throws when they are damaged.
    func check() throws {
        _ = try times()
        _ = try segment.lineDictionary()
        if let chunk = entry.chunk(BlockEntry.lineColumn) { try segment.check(chunk, block: number, entry) }
    }

    /// Appends the lines of `rows`, ascending.
    func readLines(_ rows: UnsafeBufferPointer<Int32>, into target: LineArena) throws {
        try withLines { try $0.read(rows, into: target) }
    }

    /// Appends the bytes of the line of each of `rows`.
    func readLineLengths(_ rows: UnsafeBufferPointer<Int32>, into lengths: inout ContiguousArray<Int>) throws {
        if knownLengths.isEmpty { knownLengths = try lineLengths() }
        for row in rows { lengths.append(Int(knownLengths[Int(row)])) }
    }

    /// Bytes of each row's line.
    func lineLengths() throws -> [Int32] {
        try withLines { lines in
            try [Int32](unsafeUninitializedCapacity: rowCount) { lengths, count in
                if let base = lengths.baseAddress { try lines.readLengths(into: base) }
                count = rowCount
            }
        }
    }

    /// Keeps the rows whose line passes what `verdicts` was compiled from.
    func filter(_ verdicts: LineVerdicts, _ rows: inout RowSet) throws {
        if verdicts.isAlways || rows.isEmpty { return }
        if verdicts.isNever || !verdicts.mayMatch(block: number) { return rows.removeAll() }
        var kept = rows
        try withLines { try $0.filter(verdicts, rows: &kept) }
        rows = kept
    }

    func filter(_ filters: [LineFilter], _ rows: inout RowSet) throws {
        if filters.isEmpty || rows.isEmpty { return }
        try filter(try segment.lineDictionary().compile(filters), &rows)
    }

    // MARK: Metadata

    var hasMetadata: Bool { entry.hasMetadata }

    private func field(_ column: Int) throws -> TextColumn {
        if let known = openedFields[column] { return known }
        let field = try open(column) { try TextColumn($0.bytes, rowCount: rowCount) }
        openedFields[column] = field
        return field
    }

    private func name(_ column: Int) -> [UInt8]? {
        let number = column - BlockEntry.firstFieldColumn
        return number >= 0 && number < index.fields.count ? index.fields[number] : nil
    }

    /// The metadata columns of the block, by name. A damaged one is told to `damage` and left out.
    func fields(damage: (SegmentDamage) -> Void) throws -> [(name: [UInt8], column: TextColumn)] {
        var fields: [(name: [UInt8], column: TextColumn)] = []
        for chunk in entry.chunks where chunk.column >= BlockEntry.firstFieldColumn {
            do {
                let column = try field(chunk.column)
                if let name = name(chunk.column) { fields.append((name, column)) }
            } catch let error as SegmentDamage { damage(error) }
        }
        return fields.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }

    /// Appends the metadata of `rows`, ascending, as canonical label bytes. A damaged field is told to `damage` and left out.
    func readMetadata(
        _ rows: UnsafeBufferPointer<Int32>, into target: LineArena, damage: (SegmentDamage) -> Void
    ) throws {
        let fields = try fields(damage: damage)
        var bytes = ByteBuffer(capacity: 256)
        for row in rows {
            bytes.clear()
            for field in fields {
                guard let text = field.column.text(Int(row)) else { continue }
                field.name.withUnsafeBytes { bytes.append(prefixed: $0) }
                bytes.append(prefixed: text)
            }
            target.append(bytes.bytes)
        }
    }

    /// Keeps the rows whose value of a metadata field passes; rows without it have an empty one.
    func filterField(_ name: String, _ rows: inout RowSet, _ test: (UnsafeRawBufferPointer) -> Bool) throws {
        let wanted = Array(name.utf8)
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        guard let chunk = entry.chunks.first(where: { self.name($0.column) == wanted }) else {
            if !test(none) { rows.removeAll() }
            return
        }
        try field(chunk.column).filter(&rows) { test($0 ?? none) }
    }
}
