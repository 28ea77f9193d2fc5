/// Which optional parts of the language are accepted. Everything is on by default.
public struct ParserOptions: Hashable, Sendable {
    /// Functions and aggregations that Prometheus calls experimental.
    public var experimentalFunctions = true
    /// Arithmetic in duration positions: `foo[step() * 2]`.
    public var durationExpressions = true
    /// `anchored` and `smoothed`.
    public var extendedSelectors = true

    public init() {}
}

/// Bounds on what the parser takes from outside.
public enum ParserLimits {
    /// Longest query. Machine-made queries of some tens of KB are seen in the wild.
    public static let queryBytesMax = 1 << 20
    /// Deepest nesting of parentheses, calls and unary operators: bounds the parser's own recursion.
    public static let nestingMax = 256
    /// Greatest height of a tree, which long chains such as `a or b or c …` reach without nesting: bounds recursion over trees.
    public static let depthMax = 1024
}
