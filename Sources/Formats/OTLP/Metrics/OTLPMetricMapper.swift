import Bedrock
import Model

/// What both encodings of OTLP metrics have in common: how resources, scopes, metrics and points become series, after Prometheus' mapping.
///
/// Bytes handed in stay where they are until the resource, scope or point is done. Reused from request to request; not thread-safe.
struct OTLPMetricMapper: ~Copyable {
    let options: OTLPMetricOptions
    let deltas: OTLPDeltaTable?
    var report = OTLPMetricReport()
    /// Of the current point, as `AttributeCursor` reads them, with how many were too many.
    var pointAttributes = ByteBuffer(capacity: 1024)
    var droppedAttributes = 0
    var labels = OTLPLabelSet()
    var canonical = ByteBuffer(capacity: 1024)
    var exemplars = OTLPExemplars()
    var scratch = ScratchArena()
    private var resource = OTLPResourceLabels()
    private var names = OTLPNameCache()
    /// The current metric's name in Prometheus' form.
    private(set) var metricName = ByteBuffer(capacity: 256)
    private(set) var metric = OTLPMetric()
    /// What the points of the current metric are refused for.
    private var metricFlaw: (reason: OTLPMetricRejection, text: String)?
    private(set) var isDelta = false
    /// Milliseconds since the epoch.
    private var arrival: Int64 = 0
    private var tenantSeed: UInt64 = 0

    init(options: OTLPMetricOptions, deltas: OTLPDeltaTable?) {
        self.options = options
        self.deltas = deltas
    }

    mutating func beginRequest(arrival: Int64, tenant: Tenant) {
        report = OTLPMetricReport()
        resource.beginRequest()
        names.beginRequest()
        self.arrival = arrival
        var name = tenant.name
        tenantSeed = name.withUTF8 { Hash128(of: UnsafeRawBufferPointer($0)).low }
    }

    mutating func beginResource(_ attributes: UnsafeRawBufferPointer) { resource.begin(attributes, options) }

    mutating func finishResource(in batch: MetricBatch) {
        report.samples += resource.writeTargetInfo(to: batch, options, &canonical)
    }

    mutating func beginScope(
        name: UnsafeRawBufferPointer, version: UnsafeRawBufferPointer, schemaURL: UnsafeRawBufferPointer,
        attributes: UnsafeRawBufferPointer
    ) {
        resource.beginScope(name, version, schemaURL, attributes, options)
    }

    // MARK: Metrics

    mutating func begin(_ metric: OTLPMetric, in batch: MetricBatch) {
        self.metric = metric
        metricName.clear()
        metricFlaw = nil
        isDelta = false
        let kind: OTLPNames.Kind =
            switch metric.shape {
            case .gauge: .gauge
            case .sum: metric.isMonotonic ? .counter : .other
            default: .other
            }
        let entry = names.entry(metric, kind, options.names)
        if let flaw = entry.flaw { return metricFlaw = (.badName, flaw) }
        metricName.append(entry.name)
        if [.sum, .histogram, .exponential].contains(metric.shape) {
            isDelta = metric.temporality == 1
            if metric.temporality != 2 && !(isDelta && options.delta != .refuse) {
                let name = String(decoding: metric.name.prefix(200), as: UTF8.self)
                return metricFlaw = (
                    .badTemporality, "invalid temporality and type combination for metric \(quoted(name))"
                )
            }
        }
        if names.isFirstInRequest(entry) {
            batch.append(
                MetricMetadata(
                    family: entry.family, kind: metadataKind, help: String(decoding: metric.help, as: UTF8.self),
                    unit: entry.unit))
        }
    }

    private var metadataKind: MetricMetadata.Kind {
        if isDelta, options.delta == .raw { return .unknown }
        return switch metric.shape {
        case .gauge: .gauge
        case .sum: metric.isMonotonic ? .counter : .gauge
        case .histogram, .exponential: .histogram
        case .summary: .summary
        }
    }

    // MARK: Points

    mutating func beginPoint() {
        pointAttributes.clear()
        droppedAttributes = 0
        exemplars.clear()
        scratch.clear()
    }

    /// Gathers the point's labels; false when it is refused.
    private mutating func gatherLabels() -> Bool {
        if let metricFlaw {
            report.reject(metricFlaw.reason, metricFlaw.text)
            return false
        }
        labels.clear()
        guard droppedAttributes == 0 else { return refuse(.tooManyLabels, "over \(pointLabelsMax) attributes") }
        var cursor = AttributeCursor(pointAttributes.bytes)
        while cursor.next() {
            if cursor.key.spells("__name__") { continue }
            guard let name = options.names.label(cursor.key, &scratch) else {
                let key = String(decoding: cursor.key.prefix(200), as: UTF8.self)
                return refuse(.badLabelName, "the attribute \(quoted(key)) can't be the name of a label")
            }
            labels.add(name, OTLPValueText.text(cursor.value, &scratch), key: cursor.key)
        }
        labels.joinRepeats(&scratch)
        resource.add(to: &labels)
        return checkLabels()
    }

    private var pointLabelsMax: Int { options.limits.labelsPerSeriesMax }

    private mutating func checkLabels() -> Bool {
        let limits = options.limits
        // The name and what buckets add.
        if labels.pairs.count + 1 > limits.labelsPerSeriesMax {
            return refuse(.tooManyLabels, "\(labels.pairs.count + 1) labels (limit \(limits.labelsPerSeriesMax))")
        }
        for pair in labels.pairs {
            if pair.name.count > limits.labelNameBytesMax {
                return refuse(.labelNameTooLong, "a label name of \(pair.name.count) bytes")
            }
            if pair.value.count > limits.labelValueBytesMax {
                return refuse(.labelValueTooLong, "a label value of \(pair.value.count) bytes")
            }
            guard UTF8Text.isValid(pair.value), UTF8Text.isValid(pair.name) else {
                return refuse(.invalidUTF8, "a label is not valid UTF-8")
            }
        }
        return true
    }

    /// Counts the point as refused; false, for whoever asked.
    mutating func refuse(_ reason: OTLPMetricRejection, _ why: String) -> Bool {
        if report.firstRejection == nil {
            let text = "metric \(quoted(String(decoding: metric.name.prefix(200), as: UTF8.self))): \(why)"
            report.reject(reason, text)
        } else {
            report.reject(reason, "")
        }
        return false
    }

    /// The cumulative value of a point that may say only what is new; nil when it is refused.
    private mutating func cumulative(_ value: OTLPDeltaTable.Value, _ times: OTLPPointTimes) -> OTLPDeltaTable.Value? {
        guard isDelta, options.delta == .cumulative, !times.isStale else { return value }
        guard let deltas else {
            _ = refuse(.badTemporality, "deltas are not taken here")
            return nil
        }
        labels.write(name: metricName.bytes, to: &canonical)
        let key = Hash128(of: canonical.bytes, seed: tenantSeed)
        switch deltas.add(value, to: key, time: times.time, arrival: arrival) {
        case .sum(let sum): return sum
        case .outOfOrder:
            _ = refuse(.deltaOutOfOrder, "a delta older than the last one of its series")
            return nil
        case .full:
            _ = refuse(.deltaSeriesLimit, "over \(deltas.seriesMax) series of deltas")
            return nil
        }
    }

    mutating func add(number: Double?, _ times: OTLPPointTimes, to batch: MetricBatch) {
        guard gatherLabels() else { return }
        guard let number = times.isStale ? StaleMarker.value : number else {
            _ = refuse(.noValue, "a point without a value")
            return
        }
        guard case .number(let value)? = cumulative(.number(number), times) else { return }
        begin(batch, suffix: "")
        append(value, times, to: batch)
        if metric.shape == .sum {
            for exemplar in exemplars.rows { append(exemplar, to: batch) }
        }
        report.points += 1
    }

    mutating func add(_ histogram: OTLPHistogram, _ times: OTLPPointTimes, to batch: MetricBatch) {
        guard gatherLabels() else { return }
        if let flaw = histogram.flaw(bucketsMax: options.limits.bucketsPerHistogramMax) {
            _ = refuse(.invalidHistogram, flaw)
            return
        }
        guard case .histogram(let sums)? = cumulative(.histogram(histogram), times) else { return }
        report.points += 1
        if options.convertsHistograms {
            begin(batch, suffix: "")
            return append(sums.native(), times, to: batch)
        }
        if let sum = sums.sum {
            begin(batch, suffix: "_sum")
            append(times.isStale ? StaleMarker.value : sum, times, to: batch)
        }
        begin(batch, suffix: "_count")
        append(times.isStale ? StaleMarker.value : sums.count, times, to: batch)
        addBuckets(sums, times, to: batch)
    }

    /// `_bucket` series, each with the exemplars that fall between its bound and the one before.
    private mutating func addBuckets(_ histogram: OTLPHistogram, _ times: OTLPPointTimes, to batch: MetricBatch) {
        exemplars.sort()
        var next = 0
        var total = 0.0
        var text = ByteBuffer(capacity: 32)
        for place in 0...histogram.bounds.count {
            let isLast = place == histogram.bounds.count
            let bound = isLast ? .infinity : histogram.bounds[place]
            if !isLast, bound == .infinity { continue }
            total = isLast ? histogram.count : total + histogram.bucketCounts[place]
            text.clear()
            text.append(float: bound, .fixed)
            begin(batch, suffix: "_bucket", extra: ("le", text.bytes))
            append(times.isStale ? StaleMarker.value : total, times, to: batch)
            while next < exemplars.rows.count, isLast || exemplars.rows[next].value <= bound {
                append(exemplars.rows[next], to: batch)
                next += 1
            }
        }
    }

    mutating func add(_ histogram: OTLPExponentialHistogram, _ times: OTLPPointTimes, to batch: MetricBatch) {
        guard gatherLabels() else { return }
        var flaw: String?
        guard let native = histogram.native(bucketsMax: options.limits.bucketsPerHistogramMax, flaw: &flaw) else {
            _ = refuse(.invalidHistogram, flaw ?? "it is not consistent")
            return
        }
        guard case .exponential(let sum)? = cumulative(.exponential(native), times) else { return }
        begin(batch, suffix: "")
        append(sum, times, to: batch)
        report.points += 1
    }

    private mutating func append(_ histogram: NativeHistogram, _ times: OTLPPointTimes, to batch: MetricBatch) {
        var histogram = histogram
        if isDelta, options.delta == .raw { histogram.resetHint = .gauge }
        if times.isStale { histogram = NativeHistogram(sum: StaleMarker.value) }
        batch.append(timestamp: times.milliseconds, histogram: histogram)
        report.samples += 1
        resource.note(times.milliseconds)
        for exemplar in exemplars.rows { append(exemplar, to: batch) }
    }

    mutating func add(
        summary quantiles: ContiguousArray<(quantile: Double, value: Double)>, count: UInt64, sum: Double,
        _ times: OTLPPointTimes, to batch: MetricBatch
    ) {
        guard gatherLabels() else { return }
        begin(batch, suffix: "_sum")
        append(times.isStale ? StaleMarker.value : sum, times, to: batch)
        begin(batch, suffix: "_count")
        append(times.isStale ? StaleMarker.value : Double(count), times, to: batch)
        var text = ByteBuffer(capacity: 32)
        for row in quantiles {
            text.clear()
            text.append(float: row.quantile, .fixed)
            begin(batch, suffix: "", extra: ("quantile", text.bytes))
            append(times.isStale ? StaleMarker.value : row.value, times, to: batch)
        }
        report.points += 1
    }

    // MARK: Series

    private mutating func begin(
        _ batch: MetricBatch, suffix: StaticString, extra: (name: StaticString, value: UnsafeRawBufferPointer)? = nil
    ) {
        labels.write(name: metricName.bytes, suffix: suffix, extra: extra, to: &canonical)
        batch.beginSeries(canonical: canonical.bytes)
    }

    private mutating func append(_ value: Double, _ times: OTLPPointTimes, to batch: MetricBatch) {
        batch.append(timestamp: times.milliseconds, value: value)
        report.samples += 1
        resource.note(times.milliseconds)
    }

    private mutating func append(_ exemplar: OTLPExemplars.Row, to batch: MetricBatch) {
        exemplars.withLabels(exemplar) {
            _ = batch.appendExemplar(canonical: $0, value: exemplar.value, timestamp: exemplar.timestamp)
        }
    }
}
