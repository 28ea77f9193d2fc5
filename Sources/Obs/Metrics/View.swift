/// Changes how metrics are exported without touching the code that records them (OpenTelemetry metrics SDK, "View"). The first view that
/// matches an instrument counts.
public struct View: Sendable {
    /// Name of the instrument, where `*` stands for any run of characters and `?` for one.
    public var instrument: String
    /// Of instruments of this scope only.
    public var scope: String?
    public var name: String?
    public var description: String?
    /// Only these attributes are kept; series that then are equal become one.
    public var keepsAttributes: Set<String>?
    /// For histograms.
    public var aggregation: HistogramAggregation?
    /// Most series.
    public var cardinalityLimit: Int?
    /// Whether to export nothing at all; recording then costs next to nothing.
    public var drops: Bool

    public init(
        instrument: String, scope: String? = nil, name: String? = nil, description: String? = nil,
        keepsAttributes: Set<String>? = nil, aggregation: HistogramAggregation? = nil, cardinalityLimit: Int? = nil,
        drops: Bool = false
    ) {
        self.instrument = instrument
        self.scope = scope
        self.name = name
        self.description = description
        self.keepsAttributes = keepsAttributes
        self.aggregation = aggregation
        self.cardinalityLimit = cardinalityLimit
        self.drops = drops
    }

    func matches(_ name: String, scope: String) -> Bool {
        if let wanted = self.scope, wanted != scope { return false }
        return Self.matches(Array(name.utf8), Array(instrument.utf8))
    }

    /// Wildcards without recursion: on a mismatch, the last star takes one more character.
    private static func matches(_ text: [UInt8], _ pattern: [UInt8]) -> Bool {
        var t = 0
        var p = 0
        var star: Int?
        var resume = 0
        while t < text.count {
            if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                star = p
                resume = t
                p += 1
            } else if p < pattern.count, pattern[p] == UInt8(ascii: "?") || pattern[p] == text[t] {
                t += 1
                p += 1
            } else if let star {
                resume += 1
                t = resume
                p = star + 1
            } else {
                return false
            }
        }
        while p < pattern.count, pattern[p] == UInt8(ascii: "*") { p += 1 }
        return p == pattern.count
    }
}
