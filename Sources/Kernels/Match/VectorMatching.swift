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
