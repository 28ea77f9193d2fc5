import Bedrock
import Formats
import Instruments

/// Writes all metrics as a scrape's answer. The classic text format and OpenMetrics have no exponential histograms: those are written with
/// two buckets to a power of two.
struct MetricExposition: MetricVisitor, ~Copyable {
    static var scaleMax: Int { 1 }

    private var buffer = ByteBuffer(capacity: 32 << 10)
    private let format: ExpositionFormat
    private var family = ""
    private var scope: String?
    private var isHeaderDue = true
    private var header: (name: String, type: StaticString, help: String) = ("", "gauge", "")

    private init(_ format: ExpositionFormat) { self.format = format }

    static func write(
        _ registry: MetricRegistry, resource: Attributes, others: [InstrumentRegistry], _ format: ExpositionFormat
    ) -> [UInt8] {
        var writer = MetricExposition(format)
        writer.writeTarget(resource)
        var groups: [String: [any CollectableMetric]] = [:]
        for metric in registry.sorted {
            groups[PrometheusNames.family(metric.description), default: []].append(metric)
        }
        // Names that the other registries use belong to them.
        var taken = Set(["target_info"])
        var foreign: [UInt8] = []
        for other in others {
            var text = TextExposition.write(other, openMetrics: format == .openMetrics)
            if format == .openMetrics { text.removeLast(6) }
            foreign += text
            taken.formUnion(other.names)
        }
        for name in groups.keys.sorted() { writer.write(groups[name] ?? [], name, &taken) }
        writer.buffer.append(foreign)
        if format == .openMetrics { writer.buffer.append(utf8: "# EOF\n" as StaticString) }
        return writer.buffer.array()
    }

    /// Metrics of several scopes that have the same name, and type, are one family with a label for the scope; others get another name.
    private mutating func write(_ metrics: [any CollectableMetric], _ name: String, _ taken: inout Set<String>) {
        var rest = metrics
        while let first = rest.first {
            let type = Self.type(first.description.kind)
            // Of one scope, names that differ only in what expositions leave out are families of their own.
            var scopes: Set<InstrumentationScope> = []
            var same: [any CollectableMetric] = []
            rest.removeAll { metric in
                guard Self.type(metric.description.kind) == type, scopes.insert(metric.description.scope).inserted
                else { return false }
                same.append(metric)
                return true
            }
            family = Self.unused(name, type: type, taken)
            taken.insert(family)
            isHeaderDue = true
            let described = same.first { !$0.description.text.isEmpty } ?? first
            header = (
                family, type == "counter" ? "counter" : type == "gauge" ? "gauge" : "histogram",
                described.description.text
            )
            for metric in same {
                scope =
                    same.count < 2
                    ? nil
                    : PrometheusNames.labels([
                        .init("otel_scope_name", .string(metric.description.scope.name)),
                        .init("otel_scope_version", .string(metric.description.scope.version)),
                    ])
                metric.collect(into: &self)
            }
        }
    }

    private static func unused(_ name: String, type: String, _ taken: Set<String>) -> String {
        let isCounter = type == "counter"
        let base = isCounter ? String(name.dropLast(6)) : name
        var candidate = name
        var number = 2
        while clashes(candidate, isCounter: isCounter, taken) {
            candidate = "\(base)_\(number)" + (isCounter ? "_total" : "")
            number += 1
        }
        return candidate
    }

    /// OpenMetrics names a counter's family without its suffix, and histograms use three more names.
    private static func clashes(_ name: String, isCounter: Bool, _ taken: Set<String>) -> Bool {
        if taken.contains(name) { return true }
        if isCounter { return taken.contains(String(name.dropLast(6))) }
        if taken.contains(name + "_total") { return true }
        for suffix in ["_bucket", "_sum", "_count"] {
            if taken.contains(name + suffix) { return true }
            if name.hasSuffix(suffix), taken.contains(String(name.dropLast(suffix.count))) { return true }
        }
        return false
    }

    private static func type(_ kind: MetricDescription.Kind) -> String {
        switch kind {
        case .counter: "counter"
        case .upDownCounter, .gauge: "gauge"
        case .histogram, .exponentialHistogram: "histogram"
        }
    }

    private mutating func writeTarget(_ resource: Attributes) {
        let info = format == .openMetrics ? "target" : "target_info"
        buffer.append(utf8: "# HELP \(info) Target metadata\n# TYPE \(info) ")
        buffer.append(utf8: format == .openMetrics ? "info\n" : "gauge\n")
        buffer.append(utf8: "target_info{")
        buffer.append(utf8: PrometheusNames.labels(resource.entries))
        buffer.append(utf8: "} 1\n")
    }

    mutating func beginMetric(_ description: MetricDescription) {
        guard isHeaderDue else { return }
        isHeaderDue = false
        let name =
            format == .openMetrics && header.name.hasSuffix("_total") && description.kind == .counter
            ? String(header.name.dropLast(6)) : header.name
        buffer.append(utf8: "# HELP \(name) ")
        buffer.append(escaped: header.help, quotes: format == .openMetrics)
        buffer.append(utf8: "\n# TYPE \(name) ")
        buffer.append(utf8: header.type)
        buffer.append(UInt8(ascii: "\n"))
    }

    mutating func number(_ series: SeriesIdentity, _ value: MetricNumber) {
        begin(series, "", bound: nil)
        switch value {
        case .int(let int): buffer.append(utf8: String(int))
        case .double(let double): buffer.append(float: double, .api)
        }
        buffer.append(UInt8(ascii: "\n"))
    }

    mutating func histogram(_ series: SeriesIdentity, bounds: [Double], counts: [UInt64], sum: Double) {
        var total: UInt64 = 0
        for (i, count) in counts.enumerated() {
            total &+= count
            bucket(series, i < bounds.count ? bounds[i] : .infinity, total)
        }
        finish(series, total, sum)
    }

    mutating func exponential(_ series: SeriesIdentity, _ snapshot: ExponentialHistogram.Snapshot) {
        var total: UInt64 = 0
        let negative = snapshot.negative
        for (i, count) in negative.counts.enumerated().reversed() {
            total &+= count
            let index = negative.offset + i - 1
            bucket(series, -ExponentialHistogram.upperBound(index, scale: snapshot.scale), total)
        }
        total &+= snapshot.zeroCount
        if snapshot.zeroCount > 0 { bucket(series, 0, total) }
        for (i, count) in snapshot.positive.counts.enumerated() {
            total &+= count
            let index = snapshot.positive.offset + i
            bucket(series, ExponentialHistogram.upperBound(index, scale: snapshot.scale), total)
        }
        bucket(series, .infinity, total)
        finish(series, total, snapshot.sum)
    }

    private mutating func bucket(_ series: SeriesIdentity, _ bound: Double, _ total: UInt64) {
        begin(series, "_bucket", bound: bound)
        buffer.append(utf8: String(total))
        buffer.append(UInt8(ascii: "\n"))
    }

    private mutating func finish(_ series: SeriesIdentity, _ count: UInt64, _ sum: Double) {
        begin(series, "_sum", bound: nil)
        buffer.append(float: sum, .api)
        buffer.append(UInt8(ascii: "\n"))
        begin(series, "_count", bound: nil)
        buffer.append(utf8: String(count))
        buffer.append(UInt8(ascii: "\n"))
    }

    private mutating func begin(_ series: SeriesIdentity, _ suffix: StaticString, bound: Double?) {
        buffer.append(utf8: family)
        buffer.append(utf8: suffix)
        var isFirst = true
        for part in [scope, series.exposition.isEmpty ? nil : series.exposition] {
            guard let part else { continue }
            buffer.append(isFirst ? UInt8(ascii: "{") : UInt8(ascii: ","))
            buffer.append(utf8: part)
            isFirst = false
        }
        if let bound {
            buffer.append(isFirst ? UInt8(ascii: "{") : UInt8(ascii: ","))
            buffer.append(utf8: "le=\"" as StaticString)
            buffer.append(utf8: Histogram.boundText(bound))
            buffer.append(UInt8(ascii: "\""))
            isFirst = false
        }
        buffer.append(utf8: isFirst ? " " : "} ")
    }
}
