import Model

/// A query of lines: `{selector} stage…`.
public struct LogQuery: Hashable, Sendable {
    /// At least one of them doesn't match the empty string, unless the query came from the plain search form.
    public var matchers: [Matcher]
    public var stages: [PipelineStage]

    public init(matchers: [Matcher], stages: [PipelineStage] = []) {
        self.matchers = matchers
        self.stages = stages
    }

    /// The `unwrap` stage, if there is one.
    public var unwrap: UnwrapStage? {
        for case .unwrap(let stage) in stages { return stage }
        return nil
    }
}

/// A query: of lines, or of numbers.
///
/// A value without source positions: equal trees mean the same. Trees that the parser made are at most `LogQLLimits.depthMax` deep.
public enum LogQLExpr: Hashable, Sendable {
    case log(LogQuery)
    case metric(MetricExpr)
}
