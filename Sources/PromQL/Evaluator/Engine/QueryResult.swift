import Model

/// What a query gave.
public struct QueryResult: Sendable {
    public var value: QueryValue
    /// Likely mistakes, in order of their position.
    public var warnings: [Annotation]
    /// Hints, likewise.
    public var infos: [Annotation]
    public var statistics: QueryStatistics

    public init(
        value: QueryValue, warnings: [Annotation] = [], infos: [Annotation] = [],
        statistics: QueryStatistics = QueryStatistics()
    ) {
        self.value = value
        self.warnings = warnings
        self.infos = infos
        self.statistics = statistics
    }
}

public enum QueryValue: Sendable {
    /// Milliseconds, and the value.
    case scalar(timestamp: Int64, Double)
    case string(timestamp: Int64, String)
    case vector(ResultVector)
    /// Of a range query: sorted by labels. Of an instant query with a range vector: in the source's order, which is the same.
    case matrix([ResultSeries])
}

/// An instant vector in columns: element `i` has `labels[i]` and `values[i]`, or the histogram under `i`.
public struct ResultVector: Sendable {
    /// Milliseconds, of all elements.
    public var timestamp: Int64
    public var labels: [Labels]
    /// The floats; NaN for elements that are histograms.
    public var values: [Double]
    /// Native histograms by element; mostly empty.
    public var histograms: [Int: NativeHistogram]

    public init(timestamp: Int64, labels: [Labels], values: [Double], histograms: [Int: NativeHistogram] = [:]) {
        self.timestamp = timestamp
        self.labels = labels
        self.values = values
        self.histograms = histograms
    }

    public var count: Int { labels.count }
}

/// One series of a matrix, in columns.
public struct ResultSeries: Sendable {
    public var labels: Labels
    /// Milliseconds, ascending; of the floats.
    public var timestamps: [Int64]
    public var values: [Double]
    /// Native histograms, ascending in time, never at a float's timestamp.
    public var histograms: [SeriesBatch.HistogramRow]

    public init(
        labels: Labels, timestamps: [Int64], values: [Double], histograms: [SeriesBatch.HistogramRow] = []
    ) {
        self.labels = labels
        self.timestamps = timestamps
        self.values = values
        self.histograms = histograms
    }
}

/// What a query cost.
public struct QueryStatistics: Sendable, Equatable {
    /// Samples the sources decoded for it.
    public var samplesRead = 0
    /// Series that its selectors matched.
    public var seriesSelected = 0
    /// The most samples and intermediate points held at once.
    public var samplesPeak = 0
    /// Taking the snapshot and preparing the expression.
    public var prepareNanoseconds: UInt64 = 0
    public var evaluateNanoseconds: UInt64 = 0

    public init() {}
}
