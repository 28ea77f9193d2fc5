import Bedrock

/// What became of each action of a `_bulk` request, as the answer lists it.
public struct BulkResults: Sendable {
    /// The items of the answer, as JSON, separated by commas.
    private var items: [UInt8] = []
    public private(set) var count = 0
    public private(set) var refused = 0
    /// Of the items.
    var byteCount: Int { items.count }

    init() { items.reserveCapacity(1024) }

    mutating func add(_ action: BulkAction, refusal: LogRejection?) {
        if count > 0 { items.append(UInt8(ascii: ",")) }
        count += 1
        append("{\"")
        append(action.kind.word)
        append("\":{\"_index\":\"")
        items += action.index
        append("\",\"_id\":")
        if action.id.isEmpty { append("\"\"") } else { items += action.id }
        if let refusal {
            refused += 1
            append(",\"status\":400,\"error\":{\"type\":\"mapper_parsing_exception\",\"reason\":\"")
            items += Self.reason(refusal).utf8
            append("\"}}}")
        } else {
            append(",\"_version\":1,\"result\":\"created\",\"status\":201}}")
        }
    }

    /// The whole answer. `milliseconds` is what the request took.
    public func json(milliseconds: Int) -> [UInt8] {
        var answer = Array("{\"took\":\(milliseconds),\"errors\":\(refused > 0),\"items\":[".utf8)
        answer += items
        answer += Array("]}".utf8)
        return answer
    }

    private mutating func append(_ text: StaticString) {
        items.append(contentsOf: UnsafeRawBufferPointer(text))
    }

    private static func reason(_ refusal: LogRejection) -> String {
        switch refusal {
        case .malformedItem: "the document is no JSON object, or the action is not for logs: create and index are"
        case .badTimestamp: "the time is neither RFC 3339 nor a number since 1970"
        case .lineTooLong: "the line is too long"
        case .tooMuchMetadata: "too many fields, or too long ones"
        case .labelValueTooLong: "the value of a stream's label is too long"
        default: "refused: \(refusal.rawValue)"
        }
    }
}
