/// Bounds on what a query's text may ask of the parser.
public enum TraceQLLimits {
    /// Bytes of a query.
    public static let queryBytesMax = 128 << 10
    /// Nesting of parentheses and signs: bounds the parser's own recursion.
    public static let depthMax = 128
    /// Height of a tree, which chains such as `{} > {} > {} …` reach without nesting: bounds recursion over trees.
    public static let heightMax = 512
    /// Stages of one pipeline.
    public static let stagesMax = 128
    /// Fields that series may be grouped by.
    public static let groupsMax = 5
    /// Quantiles of one `quantile_over_time`.
    public static let quantilesMax = 64
    /// Series that `topk`, `bottomk` and `compare` may be asked to keep.
    public static let rankMax: Int64 = 10_000
}
