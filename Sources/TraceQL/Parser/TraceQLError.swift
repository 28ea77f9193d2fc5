import Model

/// Why a text is no query that can be answered, and where.
public struct TraceQLError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Kind: Sendable {
        /// It can't be read.
        case syntax
        /// It can be read, but makes no sense: types that don't fit, a regular expression that doesn't compile.
        case invalid
        /// It makes sense, but isn't evaluated.
        case unsupported
    }

    public let kind: Kind
    /// Message, place and hint.
    public let error: ParseError

    public init(_ kind: Kind, _ error: ParseError) {
        self.kind = kind
        self.error = error
    }

    public var description: String { error.description }
}
