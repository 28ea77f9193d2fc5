import Model

/// `external_labels`: who sends, for a receiver that hears many.
enum ExternalLabels {
    /// `batch` itself where there is nothing to add, else a copy whose series have the labels they lacked.
    static func add(_ labels: [LabelPair], to batch: MetricBatch) -> MetricBatch {
        if labels.isEmpty { return batch }
        let result = MetricBatch()
        var builder = LabelsBuilder()
        for (index, entry) in batch.entries.enumerated() {
            builder.reset(batch.labels(index))
            for pair in labels where builder[pair.name] == nil { builder.set(pair.name, pair.value) }
            result.beginSeries(builder.labels())
            for row in entry.firstRow..<entry.firstRow + entry.rowCount {
                result.append(timestamp: batch.timestamps[row], value: batch.values[row])
            }
            for row in entry.firstHistogram..<entry.firstHistogram + entry.histogramCount {
                result.append(timestamp: batch.histograms[row].timestamp, histogram: batch.histograms[row].histogram)
            }
            result.appendExemplars(of: index, in: batch)
        }
        for item in batch.metadata { result.append(item) }
        return result
    }

    /// Likewise for the streams of logs.
    static func add(_ labels: [LabelPair], to batch: LogBatch) -> LogBatch {
        if labels.isEmpty { return batch }
        let result = LogBatch()
        var builder = LabelsBuilder()
        for (index, stream) in batch.streams.enumerated() {
            builder.reset(batch.labels(index))
            for pair in labels where builder[pair.name] == nil { builder.set(pair.name, pair.value) }
            result.beginStream(builder.labels())
            batch.withArena { arena in
                for row in batch.rows[stream.firstRow..<stream.firstRow + stream.rowCount] {
                    result.append(
                        timestamp: row.timestamp,
                        line: UnsafeRawBufferPointer(rebasing: arena[row.lineOffset..<row.lineOffset + row.lineLength]),
                        metadata: UnsafeRawBufferPointer(
                            rebasing: arena[row.metadataOffset..<row.metadataOffset + row.metadataLength]))
                }
            }
        }
        return result
    }
}
