import Bedrock
import Model

/// Decodes Elasticsearch `_bulk` bodies (an action line, then a document line, and so on) into batches. Reuse one per thread. Not thread-safe.
public struct BulkDecoder: ~Copyable {
    private var reader: DocumentReader
    private var results = BulkResults()
    private var standardIndex = ByteBuffer(capacity: 64)

    /// Of the answer, which has an item for each action, also for those that write nothing.
    private static let answerBytesMax = 64 << 20

    public init(options: LogDecodeOptions = LogDecodeOptions()) { reader = DocumentReader(options: options) }

    /// Appends the documents to `batch`; the results say what became of each action, in order. The index is the label `index`.
    ///
    /// - Parameters:
    ///   - index: of actions that name none.
    ///   - arrival: time of documents that have none, in nanoseconds.
    /// - Throws: when the body is no list of actions, the index no plain text, or a per-request limit is passed; clear the batch then.
    public mutating func decode(
        _ body: UnsafeRawBufferPointer, index: String?, fields: DocumentFields = .elastic, arrival: Int64,
        into batch: LogBatch
    ) throws(LogDecodeError) -> (report: LogDecodeReport, results: BulkResults) {
        reader.beginRequest(fields: fields, arrival: arrival)
        results = BulkResults()
        standardIndex.clear()
        standardIndex.append(utf8: index ?? "")
        let standard = standardIndex.bytes
        // It is echoed in the answer, inside of a JSON string.
        if standard.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) {
            throw .malformed(
                DecodeError("the name of the index holds quotes, backslashes or control characters", at: 0))
        }
        var rest = body
        while let line = rest.popLine() {
            if line.isBlank { continue }
            let place = body.count - rest.count
            do throws(DecodeError) {
                try takeAction(line, &rest, standard, into: batch)
            } catch { throw .malformed(DecodeError("bad action line: \(error.reason)", at: place)) }
            try reader.rows.checkLimits()
            guard results.count <= reader.rows.options.limits.rowsPerRequestMax,
                results.byteCount <= Self.answerBytesMax
            else { throw .tooLarge("the request has over \(results.count - 1) actions; send smaller ones") }
        }
        reader.rows.finishSelecting(batch)
        return (reader.rows.report, results)
    }

    private mutating func takeAction(
        _ line: UnsafeRawBufferPointer, _ rest: inout UnsafeRawBufferPointer, _ standard: UnsafeRawBufferPointer,
        into batch: LogBatch
    ) throws(DecodeError) {
        var action = try BulkAction(line)
        if action.index.isEmpty { action.index = standard }
        switch action.kind {
        case .create, .index:
            guard let document = rest.popLine() else { throw DecodeError("an action without a document", at: 0) }
            results.add(action, refusal: reader.add(document, index: action.index, to: batch))
        case .update:
            _ = rest.popLine()
            results.add(action, refusal: .malformedItem)
        case .delete: results.add(action, refusal: .malformedItem)
        }
    }
}

/// `{"create": {"_index": "logs", "_id": "…"}}`
struct BulkAction {
    enum Kind {
        case create, index, update, delete

        init?(_ word: UnsafeRawBufferPointer) {
            switch true {
            case word.spells("create"): self = .create
            case word.spells("index"): self = .index
            case word.spells("update"): self = .update
            case word.spells("delete"): self = .delete
            default: return nil
            }
        }

        var word: StaticString {
            switch self {
            case .create: "create"
            case .index: "index"
            case .update: "update"
            case .delete: "delete"
            }
        }
    }

    let kind: Kind
    var index = UnsafeRawBufferPointer.nothing
    /// As it stands in the line, with its quotes.
    var id = UnsafeRawBufferPointer.nothing

    init(_ line: UnsafeRawBufferPointer) throws(DecodeError) {
        var cursor = JSONCursor(line)
        try cursor.expect(UInt8(ascii: "{"))
        var isFirst = true
        guard let word = try cursor.nextKey(&isFirst),
            let kind = Kind(word.raw)
        else { throw cursor.error("the action is none of create, index, update, delete") }
        self.kind = kind
        try cursor.expect(UInt8(ascii: "{"))
        var isFirstField = true
        while let key = try cursor.nextKey(&isFirstField) {
            if key.raw.spells("_index"), cursor.peek() == UInt8(ascii: "\"") {
                index = try cursor.string().raw
                guard index.isEchoable else { throw cursor.error("_index holds a bad escape or a control character") }
            } else if key.raw.spells("_id"), cursor.peek() == UInt8(ascii: "\"") {
                id = try cursor.skip()
                guard id.isEchoable else { throw cursor.error("_id holds a bad escape or a control character") }
            } else {
                _ = try cursor.skip()
            }
        }
        try cursor.expect(UInt8(ascii: "}"))
    }
}

extension UnsafeRawBufferPointer {
    /// Whether text that stood in a JSON string may stand in another one as it is: strict JSON, which the cursor does not insist on.
    fileprivate var isEchoable: Bool {
        var i = 0
        while i < count {
            if self[i] < 0x20 { return false }
            guard self[i] == UInt8(ascii: "\\") else {
                i += 1
                continue
            }
            guard i + 1 < count else { return false }
            switch self[i + 1] {
            case UInt8(ascii: "u"):
                guard i + 5 < count, self[i + 2...i + 5].allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }) else {
                    return false
                }
            case let c where "\"\\/bfnrt".utf8.contains(c): break
            default: return false
            }
            i += 2
        }
        return true
    }
}
