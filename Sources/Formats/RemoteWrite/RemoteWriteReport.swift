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
    /// Of 2.0.
    case badReference = "bad_symbol_reference"
    case noSamples = "no_samples"

    var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// What came of decoding one request.
public struct RemoteWriteReport: Sendable {
    /// Samples and histograms now in the batch.
    public internal(set) var samples = 0
    /// Samples and histograms left out, by reason; see `rejected(_:)`.
    private var rejections: InlineArray<10, Int> = .init(repeating: 0)
    /// Exemplars now in the batch, or equal to one that is.
    public internal(set) var exemplars = 0
    /// Exemplars left out: of series that were refused, with bad or too long labels.
    public private(set) var exemplarsRefused = 0
    /// The first reason with the series it is about, for the answer's text.
    public private(set) var firstRejection: String?

    public init() {}

    public func rejected(_ reason: RemoteWriteRejection) -> Int { rejections[reason.index] }
    public var rejectedTotal: Int { RemoteWriteRejection.allCases.reduce(0) { $0 + rejected($1) } }

    mutating func refuseExemplar() { exemplarsRefused += 1 }

    /// Says that the exemplars taken since there were `count` went with their series.
    mutating func dropExemplars(since count: Int) {
        exemplarsRefused += exemplars - count
        exemplars = count
    }

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
