/// Where a label of a row comes from. A name that several have belongs to the first of them in this order.
public enum LabelCategory: UInt8, Sendable, CaseIterable {
    /// The stream's own.
    case stream
    /// Stored with the entry.
    case structuredMetadata
    /// Made by the pipeline: parsers, `label_format`, errors.
    case parsed
}

/// Several categories.
public struct LabelCategories: OptionSet, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    @inlinable public init(_ category: LabelCategory) { rawValue = 1 << category.rawValue }

    public static let stream = LabelCategories(.stream)
    public static let structuredMetadata = LabelCategories(.structuredMetadata)
    public static let parsed = LabelCategories(.parsed)
    public static let all: LabelCategories = [.stream, .structuredMetadata, .parsed]
}

/// What may go wrong with a line; the value of its label `__error__`. The line stays.
public enum PipelineErrorKind: UInt8, Sendable, CaseIterable {
    case json
    case logfmt
    case labelFilter
    case sampleExtraction
    case template

    /// As in Loki.
    public var text: StaticString {
        switch self {
        case .json: "JSONParserErr"
        case .logfmt: "LogfmtParserErr"
        case .labelFilter: "LabelFilterErr"
        case .sampleExtraction: "SampleExtractionErr"
        case .template: "TemplateFormatErr"
        }
    }

    /// `text` as bytes, valid for good.
    public var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }
}
