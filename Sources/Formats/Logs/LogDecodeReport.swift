import Bedrock

/// Why log entries were left out while the rest of their request went on.
public enum LogRejection: String, Sendable, CaseIterable {
    /// The text of a stream's labels is no label set.
    case malformedLabels = "malformed_labels"
    case noLabels = "no_labels"
    case badLabelName = "bad_label_name"
    case duplicateLabel = "duplicate_label"
    case invalidUTF8 = "invalid_utf8"
    case tooManyLabels = "too_many_labels"
    case labelNameTooLong = "label_name_too_long"
    case labelValueTooLong = "label_value_too_long"
    case lineTooLong = "line_too_long"
    case tooMuchMetadata = "too_much_metadata"
    case badTimestamp = "bad_timestamp"
    /// An item that isn't what the protocol calls for, such as a line of a document stream that is no JSON.
    case malformedItem = "malformed_item"

    var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// What came of decoding one request of log entries.
public struct LogDecodeReport: Sendable {
    /// Rows now in the batch.
    public internal(set) var rows = 0
    private var rejections: InlineArray<12, Int> = .init(repeating: 0)
    /// The first reason with the stream it is about, for the answer's text.
    public private(set) var firstRejection: String?
    /// The latest reason, for protocols that answer item by item.
    var lastRejection: LogRejection?

    public init() {}

    public func rejected(_ reason: LogRejection) -> Int { rejections[reason.index] }
    public var rejectedTotal: Int {
        var total = 0
        for i in rejections.indices { total += rejections[i] }
        return total
    }

    mutating func reject(_ reason: LogRejection, rows: Int = 1, _ text: @autoclosure () -> String) {
        rejections[reason.index] += rows
        lastRejection = reason
        if firstRejection == nil { firstRejection = text() }
    }
}

/// Why a whole request of log entries could not be decoded; nothing of it counts.
public enum LogDecodeError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Truncated, or not of the protocol (HTTP 400).
    case malformed(DecodeError)
    /// Over a per-request limit (HTTP 413).
    case tooLarge(String)

    public var description: String {
        switch self {
        case .malformed(let error): "the body can't be decoded: \(error)"
        case .tooLarge(let why): why
        }
    }
}
