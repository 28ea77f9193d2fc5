import Bedrock
import Model

extension MetricBatch {
    /// What an exposition held.
    public struct ExpositionSummary: Equatable, Sendable {
        public var samples = 0
        /// OpenMetrics exemplars.
        public var exemplars = 0
    }

    /// Appends every sample and every family's metadata of a text exposition, read leniently.
    ///
    /// - Parameter now: the timestamp, in milliseconds, of samples that carry none.
    /// - Throws: at the first error; what stood before it has been appended, so clear the batch.
    @discardableResult
    public func append(
        exposition bytes: UnsafeRawBufferPointer, format: ExpositionFormat, now: Int64
    ) throws(ExpositionError) -> ExpositionSummary {
        var parser = ExpositionParser(bytes, format: format)
        var labels = ByteBuffer(capacity: 512)
        var families = MetadataGatherer()
        var summary = ExpositionSummary()
        while true {
            switch try parser.next() {
            case .sample:
                labels.clear()
                try parser.appendLabels(to: &labels)
                beginSeries(canonical: labels.bytes)
                append(timestamp: parser.timestamp ?? now, value: parser.value)
                summary.samples += 1
                if parser.hasExemplar {
                    labels.clear()
                    try parser.appendExemplarLabels(to: &labels)
                    appendExemplar(
                        canonical: labels.bytes, value: parser.exemplarValue,
                        timestamp: parser.exemplarTimestamp ?? parser.timestamp ?? now)
                    summary.exemplars += 1
                }
            case .help: families.with(parser.family) { $0.help = parser.help }
            case .type: families.with(parser.family) { $0.kind = parser.kind }
            case .unit: families.with(parser.family) { $0.unit = parser.text }
            case .comment: break
            case .end:
                for family in families.list { append(family) }
                return summary
            }
        }
    }
}

/// Joins the `# HELP`, `# TYPE` and `# UNIT` lines of each family.
struct MetadataGatherer {
    private(set) var list: [MetricMetadata] = []
    private var index: [String: Int] = [:]

    mutating func with(_ family: String, _ change: (inout MetricMetadata) -> Void) {
        if let last = list.indices.last, list[last].family == family { return change(&list[last]) }
        if let known = index[family] { return change(&list[known]) }
        var item = MetricMetadata(family: family, kind: .unknown)
        change(&item)
        index[family] = list.count
        list.append(item)
    }
}
