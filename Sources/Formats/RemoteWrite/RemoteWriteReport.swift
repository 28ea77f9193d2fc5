import Bedrock

/// Why a series, or a sample of it, was left out while the rest of its request went on.
public enum RemoteWriteRejection: String, Sendable, CaseIterable {
    case missingName = "missing_metric_name"
    case emptyLabelName = "empty_label_name"
    case duplicateLabel = "duplicate_label"
    case invalidUTF8 = "invalid_utf8"
    case tooManyLabels = "too_many_labels"
    case labelNameTooLong = "label_name_too_long"
    case labelValueTooLong = "label_value_too_long"
    case invalidHistogram = "invalid_histogram"

    var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// What came of decoding one request.
public struct RemoteWriteReport: Sendable {
    /// Samples and histograms now in the batch.
    public internal(set) var samples = 0
    /// Samples and histograms left out, by reason; see `rejected(_:)`.
    private var rejections: InlineArray<8, Int> = .init(repeating: 0)
    /// Exemplars that were well-formed; they aren't stored.
    public internal(set) var exemplarsSkipped = 0
    /// The first reason with the series it is about, for the answer's text.
    public private(set) var firstRejection: String?

    public init() {}

    public func rejected(_ reason: RemoteWriteRejection) -> Int { rejections[reason.index] }
    public var rejectedTotal: Int { RemoteWriteRejection.allCases.reduce(0) { $0 + rejected($1) } }

    mutating func reject(_ reason: RemoteWriteRejection, samples: Int, _ text: String?) {
        rejections[reason.index] += samples
        if firstRejection == nil { firstRejection = text }
    }
}

/// Why a whole request could not be decoded; nothing of it counts.
public enum RemoteWriteError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Truncated, or no protobuf (HTTP 400).
    case malformed(DecodeError)
    /// Over a per-request limit (HTTP 413).
    case tooLarge(String)

    public var description: String {
        switch self {
        case .malformed(let error): "the body is not a remote-write request: \(error)"
        case .tooLarge(let why): why
        }
    }
}
