/// The four types of PromQL expressions.
public enum ValueType: String, Hashable, Sendable {
    case scalar = "scalar"
    case string = "string"
    case vector = "instant vector"
    case matrix = "range vector"

    /// The name in error texts.
    public var documentedName: String { rawValue }

    /// The name in the API's `resultType`, and in a few error texts.
    public var apiName: String {
        switch self {
        case .scalar: "scalar"
        case .string: "string"
        case .vector: "vector"
        case .matrix: "matrix"
        }
    }
}
