import Bedrock
import Model

/// The envelope of an API answer.
struct Envelope {
    var isSuccess = false
    var isError = false
    var errorType = ""
    var errorText = ""
    var warnings: [String] = []
    var infos: [String] = []
    /// Whether a successful answer had `data`.
    var hasData = false

    /// Reads an answer; `data` is called with the scanner at the data of a successful one, and consumes it.
    ///
    /// Servers send the status first: then one pass does it. Otherwise the data is passed over and read at the end.
    init(_ bytes: UnsafeRawBufferPointer, data: (inout JSONScanner) throws(ScanError) -> Void) throws(ScanError) {
        var scanner = JSONScanner(bytes)
        var found = self
        var dataOffset: Int?
        try scanner.object { (scanner, key) throws(ScanError) in
            switch key.count {
            case 4 where key.elementsEqual("data".utf8):
                if found.isSuccess {
                    try data(&scanner)
                    found.hasData = true
                } else {
                    _ = scanner.peek()
                    dataOffset = scanner.offset
                    try scanner.skip()
                }
            case 5 where key.elementsEqual("error".utf8): found.errorText = try scanner.string()
            case 5 where key.elementsEqual("infos".utf8): found.infos = try Self.strings(&scanner)
            case 6 where key.elementsEqual("status".utf8):
                let status = try scanner.string()
                found.isSuccess = status == "success"
                found.isError = status == "error"
            case 8 where key.elementsEqual("warnings".utf8): found.warnings = try Self.strings(&scanner)
            case 9 where key.elementsEqual("errorType".utf8): found.errorType = try scanner.string()
            default: try scanner.skip()
            }
        }
        if let dataOffset, found.isSuccess, !found.hasData {
            scanner.seek(dataOffset)
            try data(&scanner)
            found.hasData = true
        }
        self = found
    }

    private static func strings(_ scanner: inout JSONScanner) throws(ScanError) -> [String] {
        var result: [String] = []
        if scanner.peek() != UInt8(ascii: "[") {
            try scanner.skip()
            return result
        }
        try scanner.array { (scanner) throws(ScanError) in result.append(try scanner.string()) }
        return result
    }
}

/// Reads the data of `query` and `query_range` into columns.
struct AnswerParser {
    private var table = SeriesTable()
    private var labels = LabelBytes()

    /// With the scanner at the data.
    static func result(_ scanner: inout JSONScanner) throws(ScanError) -> QueryResult {
        var type = ""
        var resultOffset: Int?
        var parsed: QueryResult?
        try scanner.object { (scanner, key) throws(ScanError) in
            if key.elementsEqual("resultType".utf8) {
                type = try scanner.string()
            } else if key.elementsEqual("result".utf8) {
                _ = scanner.peek()
                resultOffset = scanner.offset
                // The type comes first from every server known; otherwise the result is read once it is known.
                if type.isEmpty { try scanner.skip() } else { parsed = try Self.result(&scanner, type) }
            } else {
                try scanner.skip()
            }
        }
        if let parsed { return parsed }
        guard let resultOffset else { throw scanner.error("the data has no result") }
        let end = scanner.offset
        scanner.seek(resultOffset)
        let late = try Self.result(&scanner, type)
        scanner.seek(end)
        return late
    }

    /// With the scanner at the result, whose type is known.
    static func result(_ scanner: inout JSONScanner, _ type: String) throws(ScanError) -> QueryResult {
        switch type {
        case "matrix": return .matrix(try series(&scanner))
        case "vector": return .vector(try series(&scanner))
        case "scalar":
            try scanner.expect(UInt8(ascii: "["))
            let time = try scanner.milliseconds()
            try scanner.expect(UInt8(ascii: ","))
            let value = try scanner.quotedDouble()
            try scanner.expect(UInt8(ascii: "]"))
            return .scalar(Sample(time, value))
        case "string":
            try scanner.expect(UInt8(ascii: "["))
            let time = try scanner.milliseconds()
            try scanner.expect(UInt8(ascii: ","))
            let text = try scanner.string()
            try scanner.expect(UInt8(ascii: "]"))
            return .string(timestamp: time, text)
        default: throw scanner.error("unknown result type \"\(type)\"")
        }
    }

    private static func series(_ scanner: inout JSONScanner) throws(ScanError) -> SeriesTable {
        var parser = AnswerParser()
        try scanner.array { (scanner) throws(ScanError) in try parser.row(&scanner) }
        return parser.table
    }

    private mutating func row(_ scanner: inout JSONScanner) throws(ScanError) {
        guard scanner.take(UInt8(ascii: "{")) else { throw scanner.error("expected a series") }
        var name = Labels.empty
        if !scanner.take(UInt8(ascii: "}")) {
            repeat {
                let key = try scanner.rawString().bytes
                try scanner.expect(UInt8(ascii: ":"))
                switch key.count {
                case 6 where key.elementsEqual("metric".utf8): name = try labels.read(&scanner)
                case 6 where key.elementsEqual("values".utf8): try points(&scanner)
                case 5 where key.elementsEqual("value".utf8): try point(&scanner)
                case 10 where key.elementsEqual("histograms".utf8): try histograms(&scanner)
                case 9 where key.elementsEqual("histogram".utf8): try histogram(&scanner)
                default: try scanner.skip()
                }
            } while scanner.take(UInt8(ascii: ","))
            try scanner.expect(UInt8(ascii: "}"))
        }
        table.labels.append(name)
        table.offsets.append(table.values.count)
    }

    private mutating func points(_ scanner: inout JSONScanner) throws(ScanError) {
        try scanner.expect(UInt8(ascii: "["))
        if scanner.take(UInt8(ascii: "]")) { return }
        repeat { try point(&scanner) } while scanner.take(UInt8(ascii: ","))
        try scanner.expect(UInt8(ascii: "]"))
    }

    @inline(__always)
    private mutating func point(_ scanner: inout JSONScanner) throws(ScanError) {
        try scanner.expect(UInt8(ascii: "["))
        let time = try scanner.milliseconds()
        try scanner.expect(UInt8(ascii: ","))
        let value = try scanner.quotedDouble()
        try scanner.expect(UInt8(ascii: "]"))
        table.timestamps.append(time)
        table.values.append(value)
    }

    private mutating func histograms(_ scanner: inout JSONScanner) throws(ScanError) {
        try scanner.expect(UInt8(ascii: "["))
        if scanner.take(UInt8(ascii: "]")) { return }
        repeat { try histogram(&scanner) } while scanner.take(UInt8(ascii: ","))
        try scanner.expect(UInt8(ascii: "]"))
    }

    private mutating func histogram(_ scanner: inout JSONScanner) throws(ScanError) {
        try scanner.expect(UInt8(ascii: "["))
        let time = try scanner.milliseconds()
        try scanner.expect(UInt8(ascii: ","))
        var point = HistogramPoint(series: table.labels.count, timestamp: time, count: 0, sum: 0)
        try scanner.object { (scanner, key) throws(ScanError) in
            if key.elementsEqual("count".utf8) {
                point.count = try scanner.quotedDouble()
            } else if key.elementsEqual("sum".utf8) {
                point.sum = try scanner.quotedDouble()
            } else if key.elementsEqual("buckets".utf8) {
                try scanner.array { (scanner) throws(ScanError) in point.buckets.append(try Self.bucket(&scanner)) }
            } else {
                try scanner.skip()
            }
        }
        try scanner.expect(UInt8(ascii: "]"))
        table.histograms.append(point)
    }

    private static func bucket(_ scanner: inout JSONScanner) throws(ScanError) -> HistogramPoint.Bucket {
        try scanner.expect(UInt8(ascii: "["))
        let rule = try scanner.milliseconds() / 1000
        try scanner.expect(UInt8(ascii: ","))
        let left = try scanner.quotedDouble()
        try scanner.expect(UInt8(ascii: ","))
        let right = try scanner.quotedDouble()
        try scanner.expect(UInt8(ascii: ","))
        let count = try scanner.quotedDouble()
        try scanner.expect(UInt8(ascii: "]"))
        return HistogramPoint.Bucket(rule: Int(rule), left: left, right: right, count: count)
    }
}

/// Reads a JSON object of labels into canonical bytes. Servers send the names sorted: then nothing is decoded or sorted here.
struct LabelBytes {
    private var buffer: [UInt8] = []

    mutating func read(_ scanner: inout JSONScanner) throws(ScanError) -> Labels {
        buffer.removeAll(keepingCapacity: true)
        let start = scanner.offset
        var last: UnsafeRawBufferPointer?
        var isPlain = true
        try scanner.expect(UInt8(ascii: "{"))
        if scanner.take(UInt8(ascii: "}")) { return .empty }
        repeat {
            let name = try scanner.rawString()
            try scanner.expect(UInt8(ascii: ":"))
            let value = try scanner.rawString()
            if name.isEscaped || value.isEscaped || value.bytes.isEmpty { isPlain = false }
            if let last, compareBytes(last, name.bytes) >= 0 { isPlain = false }
            last = name.bytes
            if isPlain {
                append(name.bytes)
                append(value.bytes)
            }
        } while scanner.take(UInt8(ascii: ","))
        try scanner.expect(UInt8(ascii: "}"))
        if isPlain { return Labels(canonical: buffer) }
        scanner.seek(start)
        return try readSorting(&scanner)
    }

    private func readSorting(_ scanner: inout JSONScanner) throws(ScanError) -> Labels {
        var builder = LabelsBuilder()
        try scanner.object { (scanner, key) throws(ScanError) in
            let value = try scanner.string()
            builder.set(JSONScanner.unescape(key), value)
        }
        return builder.labels()
    }

    private mutating func append(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes.count
        while rest >= 0x80 {
            buffer.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        buffer.append(UInt8(rest))
        buffer.append(contentsOf: bytes)
    }
}
