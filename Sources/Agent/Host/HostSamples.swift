import Bedrock
import Model

/// What collectors write into: a batch with all samples at one timestamp, metadata once a family.
///
/// Not thread-safe; one collector writes at a time.
struct HostSamples {
    let batch: MetricBatch
    let timestamp: Int64
    private var families: Set<String> = []

    init(into batch: MetricBatch, timestamp: Int64) {
        self.batch = batch
        self.timestamp = timestamp
    }

    /// Adds a sample. `labels` come in byte order of their names, all behind `__name__`; empty values are left out.
    mutating func add(
        _ name: String, _ kind: MetricMetadata.Kind, _ help: @autoclosure () -> String, _ value: Double,
        _ labels: KeyValuePairs<StaticString, String> = [:]
    ) {
        if families.insert(name).inserted {
            batch.append(MetricMetadata(family: name, kind: kind, help: help()))
        }
        var bytes = ByteBuffer(capacity: 128)
        bytes.append(prefixed: "__name__")
        bytes.append(prefixed: name)
        var previous: StaticString = "__name__"
        for (label, text) in labels where !text.isEmpty {
            precondition(
                Self.ascend(previous, label), "labels of \(name) are not in order: \(label) behind \(previous)")
            previous = label
            bytes.append(varint: label.utf8CodeUnitCount)
            bytes.append(utf8: label)
            bytes.append(prefixed: text)
        }
        batch.beginSeries(canonical: bytes.bytes)
        batch.append(timestamp: timestamp, value: value)
    }

    mutating func gauge(
        _ name: String, _ help: @autoclosure () -> String, _ value: Double,
        _ labels: KeyValuePairs<StaticString, String> = [:]
    ) { add(name, .gauge, help(), value, labels) }

    mutating func counter(
        _ name: String, _ help: @autoclosure () -> String, _ value: Double,
        _ labels: KeyValuePairs<StaticString, String> = [:]
    ) { add(name, .counter, help(), value, labels) }

    private static func ascend(_ a: StaticString, _ b: StaticString) -> Bool {
        compareBytes(
            UnsafeRawBufferPointer(start: a.utf8Start, count: a.utf8CodeUnitCount),
            UnsafeRawBufferPointer(start: b.utf8Start, count: b.utf8CodeUnitCount)) < 0
    }
}

/// Reads one area of the machine. Stateless save for what guards a counter against going back; thread-safe.
protocol HostCollector: Sendable {
    /// The `collector` label of `node_scrape_collector_success`, as node_exporter calls it.
    var name: String { get }
    /// Appends its samples. What was appended before a throw is dropped by the caller.
    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError)
}
