/// Binary operators, by their text.
public enum BinaryOperator: String, CaseIterable, Hashable, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case modulo = "%"
    case power = "^"
    case atan2 = "atan2"
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    /// Removes a native histogram's observations above the right operand.
    case trimUpper = "</"
    /// Removes those below it.
    case trimLower = ">/"
    case and = "and"
    case or = "or"
    case unless = "unless"

    public var isComparison: Bool {
        switch self {
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: true
        default: false
        }
    }

    public var isSetOperator: Bool { self == .and || self == .or || self == .unless }

    /// Binding strength, the weakest is 1.
    public var precedence: Int {
        switch self {
        case .or: 1
        case .and, .unless: 2
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .trimUpper, .trimLower: 3
        case .add, .subtract: 4
        case .multiply, .divide, .modulo, .atan2: 5
        case .power: 6
        }
    }

    public var isRightAssociative: Bool { self == .power }
}

/// How the elements of two vectors find their partners.
public struct VectorMatching: Hashable, Sendable {
    public enum Cardinality: String, Hashable, Sendable {
        case oneToOne, manyToOne, oneToMany, manyToMany
    }

    /// `manyToOne` is `group_left`, `oneToMany` is `group_right`, `manyToMany` belongs to the set operators.
    public var cardinality: Cardinality
    /// The labels of `on` or `ignoring`.
    public var labels: [String]
    /// `on (labels)` rather than `ignoring (labels)`, which is also how "nothing written" is expressed.
    public var isOn: Bool
    /// Labels that `group_x (…)` copies from the one side.
    public var include: [String]
    /// Value of a missing element of the left side.
    public var fillLeft: Double?
    public var fillRight: Double?

    public init(
        cardinality: Cardinality = .oneToOne, labels: [String] = [], isOn: Bool = false, include: [String] = [],
        fillLeft: Double? = nil, fillRight: Double? = nil
    ) {
        self.cardinality = cardinality
        self.labels = labels
        self.isOn = isOn
        self.include = include
        self.fillLeft = fillLeft
        self.fillRight = fillRight
    }
}

extension VectorMatching {
    /// Fill values by bits, so that NaN equals NaN.
    public static func == (a: VectorMatching, b: VectorMatching) -> Bool {
        a.cardinality == b.cardinality && a.labels == b.labels && a.isOn == b.isOn && a.include == b.include
            && a.fillLeft?.bitPattern == b.fillLeft?.bitPattern && a.fillRight?.bitPattern == b.fillRight?.bitPattern
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(cardinality)
        hasher.combine(labels)
        hasher.combine(isOn)
        hasher.combine(include)
        hasher.combine(fillLeft?.bitPattern)
        hasher.combine(fillRight?.bitPattern)
    }
}

/// Aggregation operators, by their text.
public enum AggregateOperator: String, CaseIterable, Hashable, Sendable {
    case sum, avg, count, min, max, group, stddev, stdvar, topk, bottomk, quantile, limitk
    case countValues = "count_values"
    case limitRatio = "limit_ratio"

    /// The type of the parameter in front of the operand, nil for operators without.
    public var parameterType: ValueType? {
        switch self {
        case .topk, .bottomk, .quantile, .limitk, .limitRatio: .scalar
        case .countValues: .string
        default: nil
        }
    }

    public var isExperimental: Bool { self == .limitk || self == .limitRatio }
}
