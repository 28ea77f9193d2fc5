import Bedrock

/// A test on one field of a span. What is compared and how follows TraceQL: int, float and duration compare with each other; other types only
/// with their own, and a mismatch is false; a missing field is false for everything but `isNil`. A field with several values (events,
/// links, arrays) passes `=`, `=~` and orderings when any value does, `!=` and `!~` when all do and there is one.
public struct SpanCondition: Sendable {
    public enum Comparison: UInt8, Sendable { case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual }

    public enum Test: Sendable {
        case compare(Comparison, SpanValue)
        /// Anchored at both ends by whoever compiled it; strings only.
        case matches(RegularExpression, isNegated: Bool)
        /// A bool that is true.
        case isTrue
        /// There is no such field, or its value is empty.
        case isNil
        case isNotNil
    }

    public var field: SpanField
    public var test: Test

    public init(_ field: SpanField, _ test: Test) {
        self.field = field
        self.test = test
    }
}

/// What a span must be like, as a tree of conditions, which a source applies completely.
public indirect enum SpanFilter: Sendable {
    case everything
    case nothing
    case condition(SpanCondition)
    case all([SpanFilter])
    case any([SpanFilter])
    case not(SpanFilter)
}
