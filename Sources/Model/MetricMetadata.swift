/// What is known of a metric family.
public struct MetricMetadata: Hashable, Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case unknown, counter, gauge, histogram, gaugehistogram, summary, info, stateset
    }

    /// The family's name, as in `# TYPE`.
    public var family: String
    public var kind: Kind
    public var help: String
    public var unit: String

    public init(family: String, kind: Kind, help: String = "", unit: String = "") {
        self.family = family
        self.kind = kind
        self.help = help
        self.unit = unit
    }
}
