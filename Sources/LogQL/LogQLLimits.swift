/// Bounds on what a query's text may ask of the parser.
public enum LogQLLimits {
    /// Bytes of a query.
    public static let queryBytesMax = 128 << 10
    /// Nesting of parentheses, calls and operators.
    public static let depthMax = 128
}
