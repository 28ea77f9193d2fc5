import Model

/// Ceilings on one remote-write request. What passes a per-series one costs that series; what passes a per-request one, the request.
public struct RemoteWriteLimits: Sendable, Equatable {
    /// Labels of a series, its name included.
    public var labelsPerSeriesMax = 64
    /// Bytes of a label name.
    public var labelNameBytesMax = 1024
    /// Bytes of a label value. A megabyte-long value is an accident of instrumentation, and would sit in every index.
    public var labelValueBytesMax = 4096
    public var seriesPerRequestMax = 200_000
    /// Floats and histograms together.
    public var samplesPerRequestMax = 2_000_000
    public var exemplarsPerRequestMax = 200_000
    public var metadataPerRequestMax = 50_000
    /// Texts of a request of version 2.0.
    public var symbolsPerRequestMax = 1_000_000
    /// Buckets of a native histogram, both signs together, as it is sent; the store takes fewer and joins neighbours (see `CollectorLimits`).
    public var bucketsPerHistogramMax = 8192

    public init() {}
}

extension RemoteWriteLimits {
    /// What of these canonical label bytes passes a limit; nil when nothing does.
    public func problem(ofLabels labels: UnsafeRawBufferPointer) -> String? {
        var cursor = LabelCursor(labels)
        var count = 0
        while cursor.next() {
            count += 1
            if cursor.name.count > labelNameBytesMax {
                return "a label name of \(cursor.name.count) bytes is over the limit of \(labelNameBytesMax)"
            }
            if cursor.value.count > labelValueBytesMax {
                return "a label value of \(cursor.value.count) bytes is over the limit of \(labelValueBytesMax)"
            }
        }
        return count > labelsPerSeriesMax ? "\(count) labels are over the limit of \(labelsPerSeriesMax)" : nil
    }
}
