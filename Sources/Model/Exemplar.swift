import Bedrock

/// One observation of a series picked as an example of it, with labels that lead further: mostly a trace id.
public struct Exemplar: Hashable, Sendable {
    /// Only the exemplar's own labels, not those of its series.
    public var labels: Labels
    public var value: Double
    /// Milliseconds.
    public var timestamp: Int64

    /// Characters (Unicode scalars) that names and values of an exemplar's labels may have together, as OpenMetrics 1.0 has it.
    public static let labelCharactersMax = 128

    public init(labels: Labels, value: Double, timestamp: Int64) {
        self.labels = labels
        self.value = value
        self.timestamp = timestamp
    }

    /// Whether canonical label bytes keep to `labelCharactersMax`.
    public static func isShortEnough(_ labels: UnsafeRawBufferPointer) -> Bool {
        // There are no more characters than bytes, so most need no counting.
        if labels.count <= labelCharactersMax { return true }
        var characters = 0
        var cursor = LabelCursor(labels)
        while cursor.next() {
            characters += scalarCount(cursor.name) + scalarCount(cursor.value)
            if characters > labelCharactersMax { return false }
        }
        return true
    }

    /// Scalars of UTF-8 text: every byte but continuation bytes begins one.
    private static func scalarCount(_ text: UnsafeRawBufferPointer) -> Int {
        text.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
    }
}

/// The exemplars of one series.
public struct SeriesExemplars: Equatable, Sendable {
    public var series: Labels
    /// Ascending in time; of one time, by labels.
    public var exemplars: [Exemplar]

    public init(series: Labels, exemplars: [Exemplar]) {
        self.series = series
        self.exemplars = exemplars
    }
}

/// What a query wants to know of exemplars.
public struct ExemplarRequest: Sendable {
    /// Selectors; a series is wanted that passes all matchers of any of them.
    public var sets: [[Matcher]]
    /// Timestamps wanted, both ends included.
    public var range: TimeRange
    /// Exemplars read at most; a source that finds more throws `QueryBudget.Exceeded`.
    public var budget: QueryBudget
    public var cancellation: Cancellation

    public init(
        sets: [[Matcher]], range: TimeRange, budget: QueryBudget = .unlimited,
        cancellation: Cancellation = Cancellation()
    ) {
        self.sets = sets
        self.range = range
        self.budget = budget
        self.cancellation = cancellation
    }
}
