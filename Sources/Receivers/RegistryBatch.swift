import Bedrock
import Instruments
import Model

extension InstrumentRegistry {
    /// Appends all instruments to `batch` as samples at `timestamp` (milliseconds), with their metadata: how the house stores its own metrics.
    ///
    /// - Parameter labels: added to every series, such as `job` and `instance`; a label of the instrument's own wins.
    public func collect(into batch: MetricBatch, timestamp: Int64, labels: [Label] = []) {
        var visitor = BatchVisitor(batch: batch, timestamp: timestamp, common: labels)
        collect(into: &visitor)
    }
}

private struct BatchVisitor: InstrumentVisitor {
    let batch: MetricBatch
    let timestamp: Int64
    let common: [Label]
    private var builder = LabelsBuilder()

    init(batch: MetricBatch, timestamp: Int64, common: [Label]) {
        self.batch = batch
        self.timestamp = timestamp
        self.common = common
    }

    mutating func beginFamily(_ name: String, kind: InstrumentKind, help: String) {
        let kind: MetricMetadata.Kind =
            switch kind {
            case .counter: .counter
            case .gauge: .gauge
            case .histogram: .histogram
            }
        batch.append(MetricMetadata(family: name, kind: kind, help: help))
    }

    mutating func sample(
        _ series: InstrumentSeries, suffix: StaticString, extra: (name: String, value: String)?, value: Double
    ) {
        builder.reset()
        for label in common { builder.set(label.name, label.value) }
        for label in series.labels { builder.set(label.name, label.value) }
        if let extra { builder.set(extra.name, extra.value) }
        builder.set(Labels.metricName, series.family + suffix.description)
        batch.beginSeries(builder.labels())
        batch.append(timestamp: timestamp, value: value)
    }
}
