import Kernels
import Model

/// One stage of a pipeline, as the parser read and checked it: regexes compile, patterns and paths are well formed, ip ranges are valid.
public enum PipelineStage: Hashable, Sendable {
    case lineFilter(LineFilterStage)
    /// `| json`, `| json a="path", b`; without extractions everything is taken.
    case json([LabelExtraction])
    case logfmt(LogfmtStage)
    /// `| regexp "re"`: RE2, at least one named group, names distinct and valid.
    case regexp(String)
    /// `| pattern "<a> x <_>"`
    case pattern(String)
    case unpack
    case labelFilter(LabelFilter)
    /// `| line_format "template"`
    case lineFormat(String)
    case labelFormat([LabelFormat])
    case decolorize
    case drop([LabelSelection])
    case keep([LabelSelection])
    /// Only in metric queries, followed by label filters only.
    case unwrap(UnwrapStage)

    /// Whether the stage can leave another line than it got.
    public var changesLine: Bool {
        switch self {
        case .lineFormat, .unpack, .decolorize: true
        default: false
        }
    }
}

/// `|= "x"`, `!= ip("…")`, `|~ "re" or "re"`, `|> "<_> x"` and their like.
public struct LineFilterStage: Hashable, Sendable {
    public enum Operand: Hashable, Sendable {
        /// Of `|=` and `!=`: the line contains these bytes (escapes can spell any). Empty: every line does.
        case literal([UInt8])
        /// Of `|=` and `!=`: `ip("…")`, an address, range or CIDR block stands in the line.
        case ip(String)
        /// Of `|~` and `!~`: RE2, not anchored, `.` matches newlines.
        case regex(String)
        /// Of `|>` and `!>`: literals and `<_>`.
        case pattern(String)
    }

    /// Never empty. Of one operator: literals and ips, or regexes, or patterns.
    public var alternatives: [Operand]
    /// The line passes when no alternative matches, instead of when any does.
    public var isNegated: Bool

    public init(_ alternatives: [Operand], isNegated: Bool = false) {
        self.alternatives = alternatives
        self.isNegated = isNegated
    }
}

/// `label="expression"`: what a parser is asked to extract. For `json` the expression is a path (`a.b["c"][0]`), for `logfmt` a key.
/// A name alone stands for `name="name"`.
public struct LabelExtraction: Hashable, Sendable {
    public var label: String
    public var expression: String

    public init(_ label: String, _ expression: String) {
        self.label = label
        self.expression = expression
    }
}

/// `| logfmt [--strict] [--keep-empty] [a, b="key"]`
public struct LogfmtStage: Hashable, Sendable {
    public var isStrict: Bool
    public var keepsEmpty: Bool
    /// Empty: everything is taken.
    public var extractions: [LabelExtraction]

    public init(isStrict: Bool = false, keepsEmpty: Bool = false, extractions: [LabelExtraction] = []) {
        self.isStrict = isStrict
        self.keepsEmpty = keepsEmpty
        self.extractions = extractions
    }
}

/// A condition on the labels of a line.
public indirect enum LabelFilter: Hashable, Sendable {
    public typealias Comparison = ArithmeticKernels.Comparison

    /// `name="text"` and the like; a missing label counts as the empty string.
    case text(Matcher)
    /// `name > 5`
    case number(String, Comparison, Double)
    /// `name > 1m30s`; nanoseconds.
    case duration(String, Comparison, Int64)
    /// `name > 20MB`; bytes.
    case bytes(String, Comparison, UInt64)
    /// `name = ip("…")`, with `isNegated` `!=`.
    case ip(String, isNegated: Bool, String)
    /// `and`, `,` or a blank.
    case and(LabelFilter, LabelFilter)
    case or(LabelFilter, LabelFilter)
}

/// One operation of `label_format`, carried out in order.
public enum LabelFormat: Hashable, Sendable {
    /// `target=source`: takes over the source's value and removes the source; nothing where the source is missing.
    case rename(target: String, source: String)
    /// `target="template"`
    case template(target: String, String)

    public var target: String {
        switch self {
        case .rename(let target, _), .template(let target, _): target
        }
    }
}

/// What `drop` and `keep` name: a label, or one with a condition on its value.
public enum LabelSelection: Hashable, Sendable {
    case name(String)
    case matcher(Matcher)

    public var label: String {
        switch self {
        case .name(let name): name
        case .matcher(let matcher): matcher.name
        }
    }
}

/// `| unwrap label`, `| unwrap duration(label)`
public struct UnwrapStage: Hashable, Sendable {
    public enum Conversion: String, CaseIterable, Hashable, Sendable {
        /// Go durations, to seconds.
        case duration
        case durationSeconds = "duration_seconds"
        /// Humanised bytes.
        case bytes
    }

    public var label: String
    /// nil: a plain number.
    public var conversion: Conversion?

    public init(_ label: String, conversion: Conversion? = nil) {
        self.label = label
        self.conversion = conversion
    }
}
