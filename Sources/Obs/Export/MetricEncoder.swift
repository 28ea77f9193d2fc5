import Bedrock
import Formats
import Instruments

/// Writes all metrics as one OTLP request, and remembers what the collector has acknowledged, so that deltas are never lost. For one thread.
struct MetricEncoder: MetricVisitor, ~Copyable {
    static var scaleMax: Int { 20 }

    private enum Value {
        case number(Double, isWhole: Bool)
        case histogram([UInt64], sum: Double)
        case exponential(ExponentialHistogram.Snapshot)
    }

    private struct Memory {
        var value: Value
        var time: UInt64
    }

    private var writer = OTLPMetricWriter()
    private let temporality: TelemetryOptions.Temporality
    /// As of the last acknowledged request; only for series that are exported as deltas.
    private var acknowledged: [ObjectIdentifier: Memory] = [:]
    private var pending: [ObjectIdentifier: Memory] = [:]
    private var time: UInt64 = 0
    private var scope: InstrumentationScope?
    private var isDelta = false

    init(_ temporality: TelemetryOptions.Temporality) { self.temporality = temporality }

    /// The request's bytes; empty when there is nothing to tell.
    mutating func encode(_ registry: MetricRegistry, resource: [UInt8], time: UInt64) -> (body: [UInt8], points: Int) {
        writer.clear()
        pending.removeAll(keepingCapacity: true)
        self.time = time
        scope = nil
        resource.withUnsafeBytes { writer.beginResource($0) }
        for metric in registry.sorted {
            let isAsynchronous = metric is ObservedMetric
            isDelta = Self.isDelta(metric.description.kind, isAsynchronous: isAsynchronous, temporality)
            metric.collect(into: &self)
        }
        writer.finish()
        return writer.pointCount == 0 ? ([], 0) : (Array(writer.bytes), writer.pointCount)
    }

    /// The last request has arrived: deltas go on from there.
    mutating func acknowledge() {
        acknowledged.merge(pending) { $1 }
        pending.removeAll(keepingCapacity: true)
    }

    private static func isDelta(
        _ kind: MetricDescription.Kind, isAsynchronous: Bool, _ temporality: TelemetryOptions.Temporality
    ) -> Bool {
        switch (temporality, kind) {
        case (.cumulative, _), (_, .gauge), (_, .upDownCounter): false
        case (.delta, _): true
        case (.lowMemory, _): !isAsynchronous
        }
    }

    mutating func beginMetric(_ description: MetricDescription) {
        if description.scope != scope {
            scope = description.scope
            writer.beginScope(name: description.scope.name, version: description.scope.version)
        }
        writer.beginMetric(
            name: description.name, unit: description.unit, description: description.text,
            kind: description.writerKind, temporality: isDelta ? .delta : .cumulative)
    }

    mutating func number(_ series: SeriesIdentity, _ value: MetricNumber) {
        var value = value
        let isWhole = if case .int = value { true } else { false }
        let start = remember(series, .number(value.double, isWhole: isWhole))
        if isDelta, case .number(let before, let wasWhole)? = acknowledged[ObjectIdentifier(series)]?.value {
            let difference = value.double - before
            value = isWhole && wasWhole ? .int(Int64(exactly: difference) ?? 0) : .double(difference)
        }
        series.encoded.withUnsafeBytes { attributes in
            let point = OTLPMetricWriter.Point(attributes: attributes, start: start, time: time)
            switch value {
            case .int(let int): writer.number(point, int: int)
            case .double(let double): writer.number(point, double: double)
            }
        }
    }

    mutating func histogram(_ series: SeriesIdentity, bounds: [Double], counts: [UInt64], sum: Double) {
        var counts = counts
        var sum = sum
        let start = remember(series, .histogram(counts, sum: sum))
        if isDelta, case .histogram(let before, let sumBefore)? = acknowledged[ObjectIdentifier(series)]?.value,
            before.count == counts.count
        {
            for i in counts.indices { counts[i] &-= before[i] }
            sum -= sumBefore
        }
        series.encoded.withUnsafeBytes {
            writer.histogram(.init(attributes: $0, start: start, time: time), bounds: bounds, counts: counts, sum: sum)
        }
    }

    mutating func exponential(_ series: SeriesIdentity, _ snapshot: ExponentialHistogram.Snapshot) {
        var now = snapshot
        let start = remember(series, .exponential(snapshot))
        if isDelta, case .exponential(let before)? = acknowledged[ObjectIdentifier(series)]?.value {
            now = snapshot.since(before)
        }
        series.encoded.withUnsafeBytes {
            writer.exponentialHistogram(
                .init(attributes: $0, start: start, time: time), scale: Int32(now.scale), zeroCount: now.zeroCount,
                positive: .init(offset: Int32(clamping: now.positive.offset), counts: now.positive.counts),
                negative: .init(offset: Int32(clamping: now.negative.offset), counts: now.negative.counts),
                sum: now.sum, min: now.min, max: now.max)
        }
    }

    /// Where the point's interval begins.
    private mutating func remember(_ series: SeriesIdentity, _ value: Value) -> UInt64 {
        guard isDelta else { return series.start }
        let key = ObjectIdentifier(series)
        pending[key] = Memory(value: value, time: time)
        return acknowledged[key]?.time ?? series.start
    }
}

extension ExponentialHistogram.Snapshot {
    /// What came after `before`, an earlier snapshot of the same histogram. Extremes are not known for that span of time.
    func since(_ before: ExponentialHistogram.Snapshot) -> ExponentialHistogram.Snapshot {
        var change = self
        change.zeroCount = zeroCount &- before.zeroCount
        change.sum = sum - before.sum
        change.min = nil
        change.max = nil
        // Scales only become coarser.
        let shift = Swift.max(0, before.scale - scale)
        Self.subtract(&change.positive, before.positive, shift)
        Self.subtract(&change.negative, before.negative, shift)
        return change
    }

    private static func subtract(
        _ side: inout (offset: Int, counts: [UInt64]), _ before: (offset: Int, counts: [UInt64]), _ shift: Int
    ) {
        for (i, count) in before.counts.enumerated() {
            let at = ((before.offset + i) >> shift) - side.offset
            if side.counts.indices.contains(at) { side.counts[at] &-= count }
        }
    }
}
