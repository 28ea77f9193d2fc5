import Bedrock
import Formats
import Model

/// Reads the data of Loki's `query_range` and the events of a tail into columns, without building values.
struct LogAnswerParser {
    private var table = LogTable()
    private var labels = LabelBytes()
    /// Where a label set stands in the table.
    private var known: [Labels: Int] = [.empty: 0]

    /// With the scanner at the data.
    static func answer(_ scanner: inout JSONScanner) throws(ScanError) -> LogAnswer {
        var type = ""
        var resultOffset: Int?
        var result: LogResult?
        var statistics: JSONValue?
        var cursor: String?
        try scanner.object { (scanner, key) throws(ScanError) in
            if key.elementsEqual("resultType".utf8) {
                type = try scanner.string()
            } else if key.elementsEqual("result".utf8) {
                _ = scanner.peek()
                resultOffset = scanner.offset
                // The type comes first from every server known; otherwise the result is read once it is known.
                if type.isEmpty { try scanner.skip() } else { result = try Self.result(&scanner, type) }
            } else if key.elementsEqual("stats".utf8) {
                statistics = try Self.value(&scanner)
            } else if key.elementsEqual(LokiClient.cursorName.utf8) {
                if scanner.peek() == UInt8(ascii: "\"") { cursor = try scanner.string() } else { try scanner.skip() }
            } else {
                try scanner.skip()
            }
        }
        if result == nil, let resultOffset {
            let end = scanner.offset
            scanner.seek(resultOffset)
            result = try Self.result(&scanner, type)
            scanner.seek(end)
        }
        guard let result else { throw scanner.error("the data has no result") }
        return LogAnswer(result, nextCursor: cursor.flatMap { $0.isEmpty ? nil : $0 }, statistics: statistics)
    }

    private static func result(_ scanner: inout JSONScanner, _ type: String) throws(ScanError) -> LogResult {
        guard type == "streams" else { return .metric(try AnswerParser.result(&scanner, type)) }
        return .entries(try streams(&scanner))
    }

    /// With the scanner at a list of streams.
    static func streams(_ scanner: inout JSONScanner) throws(ScanError) -> LogTable {
        // An empty answer may be null.
        guard scanner.peek() == UInt8(ascii: "[") else {
            try scanner.skip()
            return LogTable()
        }
        var parser = LogAnswerParser()
        try scanner.array { (scanner) throws(ScanError) in try parser.stream(&scanner) }
        return parser.table
    }

    /// One message of a tail, with the scanner at it: `{"streams":[…],"dropped_entries":[…],"dropped":n,"lag_ms":n}`, all optional.
    static func tailEvents(_ scanner: inout JSONScanner) throws(ScanError) -> [LogTailEvent] {
        var table = LogTable()
        var listed = 0
        var dropped: Int?
        var lag: Double?
        try scanner.object { (scanner, key) throws(ScanError) in
            if key.elementsEqual("streams".utf8) {
                table = try Self.streams(&scanner)
            } else if key.elementsEqual("dropped_entries".utf8) {
                guard scanner.peek() == UInt8(ascii: "[") else { return try scanner.skip() }
                try scanner.array { (scanner) throws(ScanError) in
                    listed += 1
                    try scanner.skip()
                }
            } else if key.elementsEqual("dropped".utf8) {
                dropped = try Self.value(&scanner)?.int
            } else if key.elementsEqual("lag_ms".utf8) {
                lag = try Self.value(&scanner)?.number
            } else {
                try scanner.skip()
            }
        }
        var events: [LogTailEvent] = table.isEmpty ? [] : [.entries(table)]
        // Servers list only some of what they count.
        let left = dropped ?? listed
        if left > 0 { events.append(.dropped(left)) }
        if let lag { events.append(.lag(lag / 1000)) }
        return events
    }

    /// A small part of the answer as a value.
    private static func value(_ scanner: inout JSONScanner) throws(ScanError) -> JSONValue? {
        _ = scanner.peek()
        let start = scanner.offset
        try scanner.skip()
        return try? JSONValue(parsing: UnsafeRawBufferPointer(rebasing: scanner.bytes[start..<scanner.offset]))
    }

    private mutating func stream(_ scanner: inout JSONScanner) throws(ScanError) {
        let number = table.streams.count
        table.streams.append(.empty)
        guard scanner.take(UInt8(ascii: "{")) else { throw scanner.error("expected a stream") }
        if scanner.take(UInt8(ascii: "}")) { return }
        repeat {
            let key = try scanner.rawString().bytes
            try scanner.expect(UInt8(ascii: ":"))
            if key.elementsEqual("stream".utf8) {
                table.streams[number] = try labels.read(&scanner)
            } else if key.elementsEqual("values".utf8) {
                try scanner.expect(UInt8(ascii: "["))
                if scanner.take(UInt8(ascii: "]")) { continue }
                repeat { try row(&scanner, stream: number) } while scanner.take(UInt8(ascii: ","))
                try scanner.expect(UInt8(ascii: "]"))
            } else {
                try scanner.skip()
            }
        } while scanner.take(UInt8(ascii: ","))
        try scanner.expect(UInt8(ascii: "}"))
    }

    private mutating func row(_ scanner: inout JSONScanner, stream: Int) throws(ScanError) {
        try scanner.expect(UInt8(ascii: "["))
        let time = try scanner.quotedInteger()
        try scanner.expect(UInt8(ascii: ","))
        let start = table.bytes.count
        try scanner.string(into: &table.bytes)
        var row = LogTable.Row(
            timestamp: time, stream: stream, metadata: 0, parsed: 0, lineStart: start, lineEnd: table.bytes.count)
        if scanner.take(UInt8(ascii: ",")) { try categories(&scanner, &row) }
        try scanner.expect(UInt8(ascii: "]"))
        table.rows.append(row)
    }

    /// `{"structuredMetadata":{…},"parsed":{…},"lineBase64":"…"}`, any of which may be missing.
    private mutating func categories(_ scanner: inout JSONScanner, _ row: inout LogTable.Row) throws(ScanError) {
        try scanner.expect(UInt8(ascii: "{"))
        if scanner.take(UInt8(ascii: "}")) { return }
        repeat {
            let key = try scanner.rawString().bytes
            try scanner.expect(UInt8(ascii: ":"))
            if key.elementsEqual("structuredMetadata".utf8) {
                row.metadata = try labelSet(&scanner)
            } else if key.elementsEqual("parsed".utf8) {
                row.parsed = try labelSet(&scanner)
            } else if key.elementsEqual("lineBase64".utf8) {
                try exactLine(&scanner, &row)
            } else {
                try scanner.skip()
            }
        } while scanner.take(UInt8(ascii: ","))
        try scanner.expect(UInt8(ascii: "}"))
    }

    /// In place of the line that ends the table's bytes: its bytes as they are stored.
    private mutating func exactLine(_ scanner: inout JSONScanner, _ row: inout LogTable.Row) throws(ScanError) {
        guard let line = Base64.bytes(try scanner.rawString().bytes) else {
            throw scanner.error("lineBase64 is no base64")
        }
        table.bytes.removeLast(table.bytes.count - row.lineStart)
        table.bytes.append(contentsOf: line)
        row.lineEnd = table.bytes.count
    }

    private mutating func labelSet(_ scanner: inout JSONScanner) throws(ScanError) -> Int {
        let set = try labels.read(&scanner)
        if let index = known[set] { return index }
        table.labelSets.append(set)
        known[set] = table.labelSets.count - 1
        return table.labelSets.count - 1
    }
}
