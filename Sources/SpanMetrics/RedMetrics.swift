import Bedrock
import Model

/// Rate, errors and duration of a tenant's spans by service, name, kind and status, as the series
/// `traces_spanmetrics_calls_total` and `traces_spanmetrics_latency` (the names that Tempo's metrics generator gave them, which
/// dashboards know). Not thread-safe.
struct RedMetrics {
    private var sets: LabelSetTable
    private var latencies: LatencyTable
    private let options: SpanMetricsOptions
    private let dimensionKeys: [[UInt8]]
    private let naming: RedNaming
    /// Spans whose label set was one too many.
    private(set) var overflow = 0

    init(_ options: SpanMetricsOptions) {
        self.options = options
        sets = LabelSetTable(limit: options.seriesMax)
        latencies = LatencyTable(bounds: options.bounds)
        dimensionKeys = options.dimensions.map { Array($0.utf8) }
        naming = RedNaming(options: options, dimensionLabels: options.dimensions.map(labelName))
    }

    var seriesCount: Int { sets.count }

    /// Takes in all spans of a batch.
    mutating func observe(_ batch: SpanBatch, arena: UnsafeRawBufferPointer, services: BatchServices, now: Int64) {
        var serviceHashes: [Hash128] = []
        serviceHashes.reserveCapacity(services.names.count)
        for name in services.names { serviceHashes.append(Hash128(of: name)) }
        let naming = naming
        for row in batch.rows {
            let service = serviceHashes[Int(row.resource)]
            var hash = Hash128(of: arena[row.name], seed: service.low)
            hash.high ^= service.high &+ UInt64(row.kind.rawValue) << 8 &+ UInt64(row.status.rawValue)
            var values: [AttributeBytes?] = []
            if !dimensionKeys.isEmpty {
                values = dimensions(of: row, arena: arena, resource: services.dimensions[Int(row.resource)])
                for value in values {
                    let part =
                        value.map { Hash128(of: $0.payload, seed: UInt64($0.type.rawValue)) }
                        ?? Hash128(high: 0, low: 1)
                    hash.low = (hash.low &* 31) ^ part.low
                    hash.high = (hash.high &* 31) ^ part.high
                }
            }
            var isNew = false
            guard
                let number = sets.number(
                    hash, now: now, isNew: &isNew,
                    make: {
                        naming.labels(
                            of: row, service: services.names[Int(row.resource)], dimensions: values, arena: arena)
                    })
            else {
                overflow += 1
                continue
            }
            if isNew { if number < latencies.count { latencies.reset(number) } else { latencies.append() } }
            latencies.record(
                number,
                SpanExemplar(
                    traceID: row.traceID, spanID: row.spanID, seconds: Double(row.duration) / 1e9,
                    time: row.end / 1_000_000))
        }
    }

    /// Appends all values, and ends series that were idle for too long.
    mutating func write(into batch: MetricBatch, now: Int64) {
        for number in sets.labels.indices {
            guard let labels = sets.labels[number] else { continue }
            let isEnding = now - sets.lastSeen[number] > options.idleMilliseconds
            var writer = SeriesWriter(
                batch, base: labels, now: now,
                zeroAt: sets.isWritten[number] ? nil : now - options.flushMilliseconds, isEnding: isEnding)
            writer.write("traces_spanmetrics_calls_total", Double(latencies.total(number)))
            latencies.write(number, "traces_spanmetrics_latency", to: &writer)
            sets.isWritten[number] = true
            if isEnding { sets.remove(number) }
        }
    }

    private func dimensions(
        of row: SpanBatch.Row, arena: UnsafeRawBufferPointer, resource: [AttributeBytes?]
    ) -> [AttributeBytes?] {
        var values = resource
        var cursor = AttributeCursor(arena[row.attributes])
        while cursor.next() {
            for (index, key) in dimensionKeys.enumerated() where cursor.key.elementsEqual(key) {
                values[index] = cursor.value
            }
        }
        return values
    }
}

/// How label sets are made.
private struct RedNaming {
    let options: SpanMetricsOptions
    let dimensionLabels: [String]

    func labels(
        of row: SpanBatch.Row, service: UnsafeRawBufferPointer, dimensions: [AttributeBytes?],
        arena: UnsafeRawBufferPointer
    ) -> Labels {
        var builder = LabelsBuilder()
        for (index, value) in dimensions.enumerated() {
            if let value { builder.set(dimensionLabels[index], labelText(value, bytesMax: options.valueBytesMax)) }
        }
        builder.set("service", labelText(service, bytesMax: options.valueBytesMax))
        builder.set("span_name", labelText(arena[row.name], bytesMax: options.valueBytesMax))
        builder.set("span_kind", row.kind.label)
        builder.set("status_code", row.status.label)
        builder.set("generator", options.generator)
        return builder.labels()
    }
}

extension SpanKind {
    /// As OTLP's enumeration names it.
    var label: String {
        switch self {
        case .unspecified: "SPAN_KIND_UNSPECIFIED"
        case .internal: "SPAN_KIND_INTERNAL"
        case .server: "SPAN_KIND_SERVER"
        case .client: "SPAN_KIND_CLIENT"
        case .producer: "SPAN_KIND_PRODUCER"
        case .consumer: "SPAN_KIND_CONSUMER"
        }
    }
}

extension SpanStatus {
    /// As OTLP's enumeration names it.
    var label: String {
        switch self {
        case .unset: "STATUS_CODE_UNSET"
        case .ok: "STATUS_CODE_OK"
        case .error: "STATUS_CODE_ERROR"
        }
    }
}
