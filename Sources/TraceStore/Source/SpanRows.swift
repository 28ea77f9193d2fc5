import Bedrock
import LSM
import Model

/// Spans in one place, by trace and `SpanKey`: a segment's block, or traces of a memtable. One thread at a time.
protocol SpanRows: AnyObject {
    var rowCount: Int { get }
    var bytesDecoded: Int { get }
    func traceIDs() throws -> ContiguousArray<TraceID>
    /// Where the rows of each trace begin, and where the last one's end.
    func traceStarts() throws -> ContiguousArray<Int32>
    func starts() throws -> ContiguousArray<Int64>
    /// End less start, wrapped.
    func durations() throws -> ContiguousArray<Int64>
    func spanIDs() throws -> ContiguousArray<UInt64>
    /// 0: a root.
    func parentIDs() throws -> ContiguousArray<UInt64>
    /// Kind, and status in bit 4.
    func codes() throws -> ContiguousArray<Int64>
    /// Values of a field that the span alone has.
    func column(_ field: SpanField) throws -> SpanColumn
    /// Calls `body` with each row of `range` and its span, valid within the call.
    func forEachSpan(_ range: Range<Int>, _ body: (Int, SpanBytes) throws -> Void) throws
    /// Of a span's number.
    func resourceBytes(_ number: Int) -> UnsafeRawBufferPointer
    func scopeBytes(_ number: Int) -> UnsafeRawBufferPointer
    /// 1 for each row whose resource passes, else 0.
    func rows(whereResource test: (UnsafeRawBufferPointer) -> Bool) throws -> ContiguousArray<UInt8>
}

extension SpanRows {
    /// 1 for each row that `hides` and the retention leave, else 0; nil where that is all.
    func visible(_ hides: [SpanHide], from retentionStart: Int64) throws -> ContiguousArray<UInt8>? {
        if hides.isEmpty, retentionStart == .min { return nil }
        let starts = try starts()
        var mask = ContiguousArray<UInt8>(repeating: 1, count: rowCount)
        for row in starts.indices where starts[row] < retentionStart { mask[row] = 0 }
        for hide in hides {
            let resources = try rows { hide.matches(resource: $0) }
            let (ids, traceStarts) = (try traceIDs(), try traceStarts())
            for trace in ids.indices where hide.matches(ids[trace]) {
                for row in Int(traceStarts[trace])..<Int(traceStarts[trace + 1])
                where resources[row] == 1 && hide.contains(starts[row]) { mask[row] = 0 }
            }
        }
        return mask
    }
}

// MARK: Values

extension SpanColumn {
    /// Type and word of an attribute's value, whose text is added; `.nil` for what a query has no type for.
    func value(_ value: AttributeBytes) -> (type: SpanValueType, word: Int64) {
        switch value.type {
        case .empty, .bytes, .map, .array: (.nil, 0)
        case .bool: (.bool, value.bool ? 1 : 0)
        case .int: (.int, value.int)
        case .double: (.float, Int64(bitPattern: value.double.bitPattern))
        case .string: (.string, appendText(value.payload))
        }
    }

    /// Adds a value, or each of an array's, to a row that may have any number; what a query has no type for is none.
    func append(each value: AttributeBytes) {
        guard value.type == .array else {
            let (type, word) = self.value(value)
            if type != .nil { append(type, word) }
            return
        }
        var cursor = AttributeCursor(value.payload)
        while let element = cursor.nextElement() {
            let (type, word) = self.value(element)
            if type != .nil { append(type, word) }
        }
    }

    /// A column of rows with at most one attribute each, or all values of an array.
    static func of(_ rowCount: Int, _ values: (Int) -> AttributeBytes?) -> SpanColumn {
        let found = (0..<rowCount).map(values)
        let column = SpanColumn(rowCount: rowCount)
        let isMany = found.contains { $0?.type == .array }
        for value in found {
            if isMany {
                column.beginRow()
                if let value { column.append(each: value) }
            } else {
                let (type, word) = value.map { column.value($0) } ?? (.nil, 0)
                column.append(type, word)
            }
        }
        if isMany { column.endRows() }
        return column
    }

    /// A column whose rows have one of few values each.
    static func coded(_ codes: ContiguousArray<Int32>, _ values: [AttributeBytes?]) -> SpanColumn {
        if values.contains(where: { $0?.type == .array }) { return of(codes.count) { values[Int(codes[$0])] } }
        let column = SpanColumn(rowCount: codes.count)
        let known = values.map { value in value.map { column.value($0) } ?? (type: .nil, word: 0) }
        if let first = known.first, known.allSatisfy({ $0.type == first.type }) {
            let words = known.map(\.word)
            column.append(first.type, count: codes.count) { target in
                for row in 0..<target.count { target[row] = words[Int(codes[row])] }
            }
        } else {
            for code in codes { column.append(known[Int(code)].type, known[Int(code)].word) }
        }
        return column
    }

    /// A column of words of one type.
    static func of(_ type: SpanValueType, _ words: ContiguousArray<Int64>) -> SpanColumn {
        let column = SpanColumn(rowCount: words.count)
        column.append(type, count: words.count) { target in
            for row in 0..<target.count { target[row] = words[row] }
        }
        return column
    }
}

/// Puts rows of several columns of one field into one. Not thread-safe.
final class ColumnGather {
    let column: SpanColumn
    private let isMany: Bool
    private var maps: [ObjectIdentifier: [Int32]] = [:]

    /// - Parameter isMany: whether any of the columns has several values a row.
    init(rowCount: Int, isMany: Bool) {
        column = SpanColumn(rowCount: rowCount)
        self.isMany = isMany
    }

    /// Adds rows of a column, in this order.
    func append(_ rows: some Sequence<Int32>, of source: SpanColumn) {
        var map =
            maps.removeValue(forKey: ObjectIdentifier(source)) ?? [Int32](repeating: -1, count: source.texts.count)
        for row in rows {
            if isMany { column.beginRow() }
            for value in source.values(ofRow: Int(row)) {
                let word = source.words[value]
                guard let type = SpanValueType(rawValue: source.types[value]) else { continue }
                if type == .string {
                    if map[Int(word)] < 0 {
                        map[Int(word)] = Int32(truncatingIfNeeded: column.appendText(source.texts[Int(word)]))
                    }
                    column.append(.string, Int64(map[Int(word)]))
                } else if !(isMany && type == .nil) {
                    column.append(type, word)
                }
            }
        }
        maps[ObjectIdentifier(source)] = map
    }

    func finish() -> SpanColumn {
        if isMany { column.endRows() }
        return column
    }
}

/// The value of a key among encoded attributes; the first, where there are several.
func attribute(_ key: [UInt8], in attributes: UnsafeRawBufferPointer) -> AttributeBytes? {
    var cursor = AttributeCursor(attributes)
    while cursor.next() {
        if cursor.key.count == key.count, key.withUnsafeBytes({ compareMemory($0, cursor.key) == 0 }) {
            return cursor.value
        }
    }
    return nil
}
