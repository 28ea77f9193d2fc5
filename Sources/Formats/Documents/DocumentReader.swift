import Bedrock
import Model

/// Turns one JSON object after the other into a log row each: nested fields are flattened, names joined by underscores. Not thread-safe.
struct DocumentReader: ~Copyable {
    var rows: LogRowWriter
    private var names: DocumentFieldNames
    /// The names of the objects around the field being read, joined by dots.
    private var path = ByteBuffer(capacity: 256)
    /// Nanoseconds, for documents without a time.
    private var arrival: Int64 = 0
    private var time: (rank: Int, text: UnsafeRawBufferPointer)?
    private var line: (rank: Int, line: Line)?

    private enum Line {
        case text(JSONText)
        case bytes(UnsafeRawBufferPointer)
    }

    init(options: LogDecodeOptions) {
        rows = LogRowWriter(options: options)
        names = DocumentFieldNames(.jsonLines)
    }

    mutating func beginRequest(fields: DocumentFields, arrival: Int64) {
        rows.beginRequest()
        names = DocumentFieldNames(fields)
        self.arrival = arrival
    }

    /// Adds the document to `batch`. Without a field for its line, the line is the document as it was sent.
    ///
    /// - Parameter index: a label of its stream, beside those that its fields give.
    /// - Returns: why it was refused; nil when it was taken.
    mutating func add(
        _ document: UnsafeRawBufferPointer, index: UnsafeRawBufferPointer = .nothing, to batch: LogBatch
    ) -> LogRejection? {
        rows.scratch.clear()
        rows.labelScratch.clear()
        rows.labels.clear()
        rows.metadata.clear()
        path.clear()
        time = nil
        line = nil
        if !index.isEmpty { rows.labels.add(UnsafeRawBufferPointer("index"), index) }
        var cursor = JSONCursor(document)
        do throws(DecodeError) {
            try read(&cursor, depth: 0)
            guard cursor.isAtEnd else { throw cursor.error("unexpected text behind the document") }
        } catch {
            rows.refuse(.malformedItem, "a document is no JSON object: \(error)")
            return .malformedItem
        }
        guard let timestamp = timestamp() else {
            let text = String(decoding: (time?.text ?? .nothing).prefix(64), as: UTF8.self)
            rows.refuse(.badTimestamp, "\(quoted(text)) is no time: RFC 3339, or a number since 1970")
            return .badTimestamp
        }
        return write(document, timestamp, to: batch)
    }

    private func timestamp() -> Int64? {
        guard let time, !time.text.isEmpty, !time.text.spells("0") else { return arrival }
        return DocumentTime.parse(time.text)
    }

    private mutating func write(
        _ document: UnsafeRawBufferPointer, _ timestamp: Int64, to batch: LogBatch
    ) -> LogRejection? {
        if rows.labels.pairs.isEmpty { ServiceName.addUnknown(to: &rows.labels) }
        rows.selectStream(in: batch)
        let before = rows.report.rows
        switch line?.line {
        case .text(let text):
            if !rows.add(timestamp, line: text, to: batch) {
                rows.refuse(.malformedItem, "bad escape in a line")
            }
        case .bytes(let bytes): rows.add(timestamp, line: bytes, to: batch)
        case nil:
            rows.metadata.clear()
            rows.add(timestamp, line: document, to: batch)
        }
        return rows.report.rows > before ? nil : rows.report.lastRejection ?? .malformedItem
    }

    // MARK: Fields

    private mutating func read(_ cursor: inout JSONCursor, depth: Int) throws(DecodeError) {
        let most = rows.options.limits.depthMax
        if depth > most { throw cursor.error("objects are nested over \(most) deep") }
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        while let key = try cursor.nextKey(&isFirst) {
            guard let name = key.plain(&rows.scratch) else { throw cursor.error("bad escape in a name") }
            if cursor.peek() == UInt8(ascii: "{") {
                let outer = path.count
                path.append(name)
                path.append(UInt8(ascii: "."))
                try read(&cursor, depth: depth + 1)
                path.truncate(to: outer)
            } else if path.isEmpty {
                try take(&cursor, name)
            } else {
                let outer = path.count
                path.append(name)
                let whole = rows.scratch.copy(path.bytes)
                path.truncate(to: outer)
                try take(&cursor, whole)
            }
        }
    }

    /// The field `name`, whose value is next and no object.
    @inline(__always)
    private mutating func take(_ cursor: inout JSONCursor, _ name: UnsafeRawBufferPointer) throws(DecodeError) {
        var text: JSONText?
        var bytes = UnsafeRawBufferPointer.nothing
        switch cursor.peek() {
        case UInt8(ascii: "\""):
            let string = try cursor.string()
            if string.isEscaped { text = string } else { bytes = string.raw }
        case UInt8(ascii: "["): bytes = try cursor.skip()
        default:
            bytes = try cursor.bareword()
            if bytes.spells("null") { return }
        }
        let role = names.role(name)
        if case .message(let rank) = role {
            let isEmpty = text == nil && bytes.isEmpty
            if let line, line.rank < rank || isEmpty { return }
            line = (rank, text.map(Line.text) ?? .bytes(bytes))
            return
        }
        if let text {
            guard let plain = text.plain(&rows.scratch) else { throw cursor.error("bad escape in a value") }
            bytes = plain
        }
        switch role {
        case .time(let rank): if time.map({ $0.rank > rank }) ?? true { time = (rank, bytes) }
        case .stream: rows.labels.add(FieldNames.plain(name, &rows.scratch), bytes)
        default: rows.metadata.add(FieldNames.plain(name, &rows.scratch), bytes)
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Takes the bytes up to the next line feed from the front, without it and without a carriage return before it; nil when nothing is left.
    mutating func popLine() -> UnsafeRawBufferPointer? {
        guard count > 0 else { return nil }
        let end = firstOffset(of: UnsafeRawBufferPointer("\n")) ?? count
        var line = UnsafeRawBufferPointer(rebasing: self[..<end])
        if line.last == UInt8(ascii: "\r") { line = UnsafeRawBufferPointer(rebasing: line.dropLast()) }
        self = UnsafeRawBufferPointer(rebasing: self[Swift.min(end + 1, count)...])
        return line
    }

    /// Whether there is nothing but blanks.
    var isBlank: Bool { allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D } }
}
