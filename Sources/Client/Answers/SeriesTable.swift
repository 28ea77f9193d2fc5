import Model

/// Series with their points in columns: the points of series `i` are `offsets[i]..<offsets[i + 1]` of `timestamps` and `values`.
public struct SeriesTable: Equatable, Sendable {
    public internal(set) var labels: [Labels] = []
    /// One more than there are series.
    public internal(set) var offsets: [Int] = [0]
    /// Milliseconds since the Unix epoch.
    public internal(set) var timestamps: [Int64] = []
    public internal(set) var values: [Double] = []
    /// Native histograms, in the order of their series.
    public internal(set) var histograms: [HistogramPoint] = []

    public init() {}

    public var count: Int { labels.count }
    public var isEmpty: Bool { labels.isEmpty }

    /// The range of points of a series.
    public func points(_ series: Int) -> Range<Int> { offsets[series]..<offsets[series + 1] }

    /// The only or last value of a series; nil where it has none (or histograms only).
    public func lastValue(_ series: Int) -> Double? {
        let range = points(series)
        return range.isEmpty ? nil : values[range.upperBound - 1]
    }

    /// Adds a series; for tests and for sources other than HTTP.
    public mutating func append(_ labels: Labels, _ samples: [Sample]) {
        self.labels.append(labels)
        for sample in samples {
            timestamps.append(sample.timestamp)
            values.append(sample.value)
        }
        offsets.append(values.count)
    }
}

/// One native histogram of an answer.
public struct HistogramPoint: Equatable, Sendable {
    /// One bucket: rule 0 is `(left, right]`, 1 `[left, right)`, 2 open, 3 closed on both sides.
    public struct Bucket: Equatable, Sendable {
        public var rule: Int
        public var left: Double
        public var right: Double
        public var count: Double
    }

    /// Index of its series.
    public var series: Int
    public var timestamp: Int64
    public var count: Double
    public var sum: Double
    public var buckets: [Bucket] = []
}

/// What a query evaluates to.
public enum QueryResult: Equatable, Sendable {
    case matrix(SeriesTable)
    /// One point a series.
    case vector(SeriesTable)
    case scalar(Sample)
    case string(timestamp: Int64, String)
}

/// A result and what the server has to say about it.
public struct QueryAnswer: Equatable, Sendable {
    public var result: QueryResult
    public var warnings: [String]
    public var infos: [String]

    public init(_ result: QueryResult, warnings: [String] = [], infos: [String] = []) {
        self.result = result
        self.warnings = warnings
        self.infos = infos
    }
}
