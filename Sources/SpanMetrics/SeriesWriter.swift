import Bedrock
import Model

/// Writes values of series that share a label set into a batch.
struct SeriesWriter {
    private let batch: MetricBatch
    private let now: Int64
    /// Canonical label bytes that all series get.
    private var base: Labels
    /// When a series that is new gets a zero, so that its first increase is seen.
    private let zeroAt: Int64?
    private let isEnding: Bool

    init(_ batch: MetricBatch, base: Labels, now: Int64, zeroAt: Int64?, isEnding: Bool) {
        self.batch = batch
        self.base = base
        self.now = now
        self.zeroAt = zeroAt
        self.isEnding = isEnding
    }

    mutating func write(_ name: String, bound: String? = nil, _ value: Double, exemplar: SpanExemplar? = nil) {
        var extras = [(Labels.metricName, name)]
        if let bound { extras.append(("le", bound)) }
        batch.beginSeries(base.inserting(extras))
        if let zeroAt { batch.append(timestamp: zeroAt, value: 0) }
        batch.append(timestamp: now, value: isEnding ? StaleMarker.value : value)
        guard let exemplar, !isEnding else { return }
        batch.append(
            Exemplar(
                labels: Labels(["span_id": exemplar.spanID.description, "trace_id": exemplar.traceID.description]),
                value: exemplar.seconds, timestamp: exemplar.time))
    }
}

extension Labels {
    /// The set with `extras` (sorted bytewise, none of them there yet) in their places.
    func inserting(_ extras: [(name: String, value: String)]) -> Labels {
        var bytes = ByteBuffer(capacity: storage.count + 64)
        var next = 0
        storage.withUnsafeBytes { all in
            var cursor = LabelCursor(all)
            while cursor.next() {
                while next < extras.count, extras[next].name.utf8.lexicographicallyPrecedes(cursor.name) {
                    bytes.append(prefixed: extras[next].name)
                    bytes.append(prefixed: extras[next].value)
                    next += 1
                }
                bytes.append(prefixed: cursor.name)
                bytes.append(prefixed: cursor.value)
            }
        }
        for extra in extras[next...] {
            bytes.append(prefixed: extra.name)
            bytes.append(prefixed: extra.value)
        }
        return Labels(canonical: bytes.bytes)
    }
}
