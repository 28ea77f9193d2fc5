import Bedrock
import Model

/// Columns of fields with several values: of events and links.
enum SpanFieldColumns {
    /// - Parameters:
    ///   - events: those of a row, encoded; empty where it has none.
    ///   - starts: of the rows.
    static func events(
        _ field: SpanField, starts: ContiguousArray<Int64>, _ events: (Int) -> UnsafeRawBufferPointer
    ) -> SpanColumn {
        let column = SpanColumn(rowCount: starts.count)
        let key: [UInt8] = if case .attribute(_, let name) = field { Array(name.utf8) } else { [] }
        for row in starts.indices {
            column.beginRow()
            var cursor = SpanEventCursor(events(row))
            while cursor.next() {
                switch field {
                case .intrinsic(.eventName): column.append(.string, column.appendText(cursor.name))
                case .intrinsic(.eventTimeSinceStart): column.append(.duration, cursor.time &- starts[row])
                default: if let value = attribute(key, in: cursor.attributes) { column.append(each: value) }
                }
            }
        }
        column.endRows()
        return column
    }

    static func links(
        _ field: SpanField, rowCount: Int, _ links: (Int) -> UnsafeRawBufferPointer
    ) -> SpanColumn {
        let column = SpanColumn(rowCount: rowCount)
        let key: [UInt8] = if case .attribute(_, let name) = field { Array(name.utf8) } else { [] }
        for row in 0..<rowCount {
            column.beginRow()
            var cursor = SpanLinkCursor(links(row))
            while cursor.next() {
                switch field {
                case .intrinsic(.linkTraceID): column.append(.string, column.textNumber(cursor.traceID.description))
                case .intrinsic(.linkSpanID): column.append(.string, column.textNumber(cursor.spanID.description))
                default: if let value = attribute(key, in: cursor.attributes) { column.append(each: value) }
                }
            }
        }
        column.endRows()
        return column
    }

    /// Ids as texts; 0 is nil.
    static func ids(_ ids: ContiguousArray<UInt64>) -> SpanColumn {
        let column = SpanColumn(rowCount: ids.count)
        for id in ids {
            if id == 0 {
                column.append(.nil, 0)
            } else {
                var text = SpanID(id).description
                column.append(.string, text.withUTF8 { column.appendText(UnsafeRawBufferPointer($0)) })
            }
        }
        return column
    }

    static func traceIDs(_ ids: ContiguousArray<TraceID>, _ starts: ContiguousArray<Int32>) -> SpanColumn {
        let column = SpanColumn(rowCount: Int(starts.last ?? 0))
        for (trace, id) in ids.enumerated() {
            var text = id.description
            let number = text.withUTF8 { column.appendText(UnsafeRawBufferPointer($0)) }
            for _ in starts[trace]..<starts[trace + 1] { column.append(.string, number) }
        }
        return column
    }

    /// What is common to all places: fields that come from numbers.
    static func common(_ intrinsic: SpanIntrinsic, _ rows: some SpanRows) throws -> SpanColumn? {
        switch intrinsic {
        case .status: .of(.status, ContiguousArray(try rows.codes().map { $0 >> 4 }))
        case .kind: .of(.kind, ContiguousArray(try rows.codes().map { $0 & 15 }))
        case .duration: .of(.duration, ContiguousArray(try rows.durations().map { max($0, 0) }))
        case .start: .of(.int, try rows.starts())
        case .spanID: ids(try rows.spanIDs())
        case .parentID: ids(try rows.parentIDs())
        case .traceID: traceIDs(try rows.traceIDs(), try rows.traceStarts())
        default: nil
        }
    }
}

/// A field that needs the other spans of the trace was asked of one place alone: a mistake of this room.
struct FieldNeedsTrace: Error {}
