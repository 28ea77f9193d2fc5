/// Bounds on what a query's text may ask of the parser.
public enum LogQLLimits {
    /// Bytes of a query.
    public static let queryBytesMax = 128 << 10
    /// Nesting of parentheses, calls and operators: bounds the parser's own recursion.
    public static let depthMax = 128
    /// Height of a tree, which chains such as `a or b or c …` reach without nesting: bounds recursion over trees.
    public static let heightMax = 512
    /// Stages of one pipeline.
    public static let stagesMax = 256
}
