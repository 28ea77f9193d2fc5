import Bedrock
import Model

/// One text field over the rows of a block, some of which lack it. Immutable once open; one thread at a time while reading texts.
/// ```
/// ┌─────────┬──────────────────────────────┬──────────────────────────────────────────────────────────┐
/// │ form u8 │ presence: 0 all, 1 none,     │ constant: prefixed text · dictionary: TextArena, indexes │
/// │         │ 2 bitmap (prefixed)          │ hex: digits u8, bytes · decimal: IntegerColumn · arena   │
/// └─────────┴──────────────────────────────┴──────────────────────────────────────────────────────────┘
/// ```
public final class TextColumn {
    enum Form: UInt8 {
        case constant = 0
        case dictionary = 1
        /// Lower-case hexadecimal digits of one even length, two a byte: trace and span ids.
        case hex = 2
        /// Whole numbers as `description` writes them.
        case decimal = 3
        case arena = 4
    }

    public let rowCount: Int
    /// Distinct texts, or those of the present rows.
    public let texts: LineArena
    /// Which of `texts` a row has; -1: absent.
    public let indexes: [Int32]

    /// Reads a column of `rowCount` rows, which the caller bounds.
    public init(_ bytes: UnsafeRawBufferPointer, rowCount: Int) throws(ColumnError) {
        self.rowCount = rowCount
        texts = LineArena(capacity: 256)
        do {
            var reader = ByteReader(bytes)
            guard let form = Form(rawValue: try reader.u8()) else {
                throw DecodeError("unknown form of a text column", at: 0)
            }
            let present = try Self.readPresence(&reader, rowCount: rowCount)
            let count = present.reduce(0) { $0 + ($1 ? 1 : 0) }
            let order = try Self.readTexts(form, &reader, count: count, into: texts)
            var next = 0
            var indexes = [Int32](repeating: -1, count: rowCount)
            for row in 0..<rowCount where present[row] {
                indexes[row] = order.isEmpty ? Int32(next) : order[next]
                next += 1
            }
            self.indexes = indexes
        } catch let error as ColumnError {
            throw error
        } catch {
            throw ColumnError("text column: \(error)")
        }
    }

    /// Memory, for budgets.
    public var byteCount: Int { texts.bytes.allocatedBytes + texts.count * 8 + rowCount * 4 }

    public func isPresent(_ row: Int) -> Bool { indexes[row] >= 0 }

    /// The text of `row`, valid while the column lives; nil where the row lacks the field.
    public func text(_ row: Int) -> UnsafeRawBufferPointer? {
        let index = indexes[row]
        return index < 0 ? nil : texts[Int(index)]
    }

    /// Keeps the rows whose text passes; `test` is asked once for each distinct text, with nil once for rows that lack the field.
    public func filter(_ rows: inout RowSet, _ test: (UnsafeRawBufferPointer?) -> Bool) {
        precondition(rows.rowCount == rowCount, "\(rows.rowCount) rows for a column of \(rowCount)")
        // 0 not asked yet, 1 no, 2 yes; the last place is for absent rows.
        var known = [UInt8](repeating: 0, count: texts.count + 1)
        rows.filter { row in
            let index = indexes[row]
            let place = index < 0 ? texts.count : Int(index)
            if known[place] == 0 { known[place] = test(index < 0 ? nil : texts[place]) ? 2 : 1 }
            return known[place] == 2
        }
    }

    private static func readPresence(_ reader: inout ByteReader, rowCount: Int) throws(DecodeError) -> [Bool] {
        switch try reader.u8() {
        case 0: return [Bool](repeating: true, count: rowCount)
        case 1: return [Bool](repeating: false, count: rowCount)
        case 2:
            let bits = try reader.take((rowCount + 7) / 8)
            return (0..<rowCount).map { bits[$0 >> 3] >> UInt8($0 & 7) & 1 != 0 }
        case let tag: throw DecodeError("unknown presence \(tag)", at: reader.offset - 1)
        }
    }

    /// Puts the texts into `texts`; returns which of them the present rows have, nothing where it is one after the other.
    private static func readTexts(
        _ form: Form, _ reader: inout ByteReader, count: Int, into texts: LineArena
    ) throws -> [Int32] {
        switch form {
        case .constant:
            texts.append(try reader.prefixed())
            return [Int32](repeating: 0, count: count)
        case .dictionary:
            try TextArena.decode(&reader, countMax: count, into: texts)
            return try IntegerColumn.decodeIndexes(&reader, count: count, limit: texts.count).map {
                Int32(truncatingIfNeeded: $0)
            }
        case .hex:
            let digits = Int(try reader.u8())
            guard digits > 0, digits % 2 == 0 else { throw DecodeError("\(digits) digits", at: reader.offset) }
            for _ in 0..<count {
                let binary = try reader.take(digits / 2)
                texts.append(bytesMax: digits) { HexText.write(binary, into: $0) }
            }
        case .decimal:
            for number in try IntegerColumn.decodeArray(&reader, count: count) {
                var text = String(number)
                text.withUTF8 { texts.append(UnsafeRawBufferPointer($0)) }
            }
        case .arena:
            try TextArena.decode(&reader, countMax: count, into: texts)
            guard texts.count == count else {
                throw DecodeError("\(texts.count) texts for \(count) rows", at: reader.offset)
            }
        }
        return []
    }
}

/// Hexadecimal digits, lower case.
enum HexText {
    static func write(_ binary: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int {
        for (i, byte) in binary.enumerated() {
            target[i * 2] = digit(byte >> 4)
            target[i * 2 + 1] = digit(byte & 15)
        }
        return binary.count * 2
    }

    @inline(__always) static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 &+ value : 87 &+ value }

    /// 0...15, or nil for what is no lower-case digit.
    @inline(__always) static func value(_ byte: UInt8) -> UInt8? {
        if byte &- 48 < 10 { return byte &- 48 }
        return byte &- 97 < 6 ? byte &- 87 : nil
    }
}
