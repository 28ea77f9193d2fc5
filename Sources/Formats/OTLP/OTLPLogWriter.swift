import Bedrock
import Model

/// What both encodings of OTLP logs have in common: how a resource becomes a stream, and attributes become metadata, after Loki's mapping.
///
/// Names and values handed in stay where they are until the resource, scope or record is done, or lie in the writer's scratch. Not thread-safe.
struct OTLPLogWriter: ~Copyable {
    var rows: LogRowWriter
    /// For structured values as text.
    var json = JSONWriter()
    private var resourceMetadata = LabelSetWriter()
    /// Of resource and scope: what every record has.
    private var base: ContiguousArray<LabelSetWriter.Pair> = []
    /// Nanoseconds, for records without a time.
    private var arrival: Int64 = 0

    init(options: LogDecodeOptions) { rows = LogRowWriter(options: options) }

    /// Where an attribute belongs.
    enum Place {
        case resource
        case scope
        case record
    }

    mutating func beginRequest(arrival: Int64) {
        rows.beginRequest()
        self.arrival = arrival
    }

    mutating func beginResource() {
        rows.labels.clear()
        rows.labelScratch.clear()
        resourceMetadata.clear()
    }

    /// An attribute in text form. `name` is the attribute's own, dots and all.
    @inline(__always)
    mutating func attribute(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, of place: Place) {
        switch place {
        case .resource:
            let plain = FieldNames.plain(name, &rows.labelScratch)
            if OTLPIndexLabels.contains(name) {
                rows.labels.add(plain, value)
            } else {
                resourceMetadata.add(plain, value)
            }
        case .scope: rows.metadata.add(FieldNames.plain(name, &rows.labelScratch), value)
        case .record: rows.metadata.add(FieldNames.plain(name, &rows.scratch), value)
        }
    }

    /// Begins the stream; all attributes of the resource are known.
    mutating func finishResource(in batch: LogBatch) {
        if rows.labels.pairs.isEmpty { ServiceName.addUnknown(to: &rows.labels) }
        rows.beginStream(in: batch)
    }

    mutating func beginScope() {
        rows.metadata.clear()
        for pair in resourceMetadata.pairs { rows.metadata.add(pair.name, pair.value) }
    }

    mutating func scope(name: UnsafeRawBufferPointer, version: UnsafeRawBufferPointer, dropped: UInt64) {
        if !name.isEmpty { rows.metadata.add(UnsafeRawBufferPointer("scope_name"), name) }
        if !version.isEmpty { rows.metadata.add(UnsafeRawBufferPointer("scope_version"), version) }
        if dropped > 0 {
            rows.metadata.add(
                UnsafeRawBufferPointer("scope_dropped_attributes_count"), rows.labelScratch.decimal(dropped))
        }
    }

    mutating func finishScope() {
        rows.metadata.settle()
        base = rows.metadata.pairs
    }

    @inline(__always)
    mutating func beginRecord() {
        rows.scratch.clear()
        rows.metadata.reset(to: base)
    }

    /// Adds the record; its attributes have been given. False for a bad escape in its body.
    @inline(__always)
    mutating func finish(_ record: OTLPRecord, in batch: LogBatch) -> Bool {
        addFields(record)
        let time = record.time != 0 ? record.time : record.observedTime
        guard let timestamp = time == 0 ? arrival : Int64(exactly: time) else {
            rows.refuse(.badTimestamp, "timeUnixNano \(time) is beyond the year 2262")
            return true
        }
        switch record.body {
        case .bytes(let line): rows.add(timestamp, line: line, to: batch)
        case .text(let line): return rows.add(timestamp, line: line, to: batch)
        }
        return true
    }

    @inline(__always)
    private mutating func addFields(_ record: OTLPRecord) {
        // In the order of names, so that little is left to sort.
        if record.droppedAttributes != 0 {
            rows.metadata.add(
                UnsafeRawBufferPointer("dropped_attributes_count"), rows.scratch.decimal(record.droppedAttributes))
        }
        if !record.eventName.isEmpty { rows.metadata.add(UnsafeRawBufferPointer("event_name"), record.eventName) }
        if record.flags != 0 {
            rows.metadata.add(UnsafeRawBufferPointer("flags"), rows.scratch.decimal(record.flags))
        }
        if record.observedTime != 0 {
            rows.metadata.add(
                UnsafeRawBufferPointer("observed_timestamp"), rows.scratch.decimal(record.observedTime))
        }
        if record.severityNumber != 0 {
            rows.metadata.add(UnsafeRawBufferPointer("severity_number"), rows.scratch.decimal(record.severityNumber))
        }
        if !record.severityText.isEmpty {
            rows.metadata.add(UnsafeRawBufferPointer("severity_text"), record.severityText)
        }
        if !record.spanID.isEmpty { rows.metadata.add(UnsafeRawBufferPointer("span_id"), record.spanID) }
        if !record.traceID.isEmpty { rows.metadata.add(UnsafeRawBufferPointer("trace_id"), record.traceID) }
    }

    /// What was written to `json` as a text that lasts as long as attributes of `place` do.
    mutating func jsonText(_ place: Place) -> UnsafeRawBufferPointer {
        defer { json.clear() }
        return place == .record ? rows.scratch.copy(json.buffer.bytes) : rows.labelScratch.copy(json.buffer.bytes)
    }
}

/// The fields of a log record but its attributes. Empty and zero ones are absent.
struct OTLPRecord {
    enum Body {
        case bytes(UnsafeRawBufferPointer)
        case text(JSONText)
    }

    /// Nanoseconds since the epoch, or 0.
    var time: UInt64 = 0
    var observedTime: UInt64 = 0
    var severityNumber: Int64 = 0
    var severityText = UnsafeRawBufferPointer.nothing
    var flags: UInt64 = 0
    var droppedAttributes: UInt64 = 0
    /// In hexadecimal digits.
    var traceID = UnsafeRawBufferPointer.nothing
    var spanID = UnsafeRawBufferPointer.nothing
    var eventName = UnsafeRawBufferPointer.nothing
    var body = Body.bytes(.nothing)
}

/// Attributes of resources that become labels of the stream; Loki's default list.
enum OTLPIndexLabels {
    private static let names: [StaticString] = [
        "service.name", "service.namespace", "service.instance.id", "deployment.environment",
        "deployment.environment.name", "cloud.region", "cloud.availability_zone", "k8s.cluster.name",
        "k8s.namespace.name", "k8s.pod.name", "k8s.container.name", "container.name", "k8s.replicaset.name",
        "k8s.deployment.name", "k8s.statefulset.name", "k8s.daemonset.name", "k8s.cronjob.name", "k8s.job.name",
    ]

    static func contains(_ name: UnsafeRawBufferPointer) -> Bool { names.contains { name.spells($0) } }
}
