import Bedrock
import Model

/// What becomes of the lines of one source: stages, redaction, the record. Stepped by one thread.
final class EntryPipeline {
    private let labels: Labels
    private let tenant: String
    private let chain: StageChain?
    private let limits: [LimitStage]
    private let redactor: Redactor

    /// Marks a piece of a line that was cut, with its number from 1.
    static let partLabel = "line_part"

    /// - Parameters:
    ///   - labels: of every line, before stages.
    ///   - stages: made for this source alone.
    init(
        labels: Labels, tenant: String, stages: [any LogStage], redactor: Redactor,
        dropped: @escaping (String) -> Void
    ) {
        self.labels = labels
        self.tenant = tenant
        self.redactor = redactor
        chain = stages.isEmpty ? nil : StageChain(stages, dropped: dropped)
        limits = stages.compactMap { $0 as? LimitStage }
    }

    /// Until when its source should not be read, monotonic nanoseconds; 0: now.
    var pausedUntil: UInt64 { limits.map(\.debtUntil).max() ?? 0 }
    var heldSpans: [Range<UInt64>] {
        guard let chain else { return [] }
        return joined([], chain.heldSpans.sorted { $0.lowerBound < $1.lowerBound })
    }
    var due: UInt64? { chain?.due }
    var isInsideKey: Bool {
        get { redactor.isInsideKey }
        set { redactor.isInsideKey = newValue }
    }

    /// Takes a line over.
    /// - Parameters:
    ///   - part: which piece of a cut line it is; 0: a whole one.
    ///   - span: where it stands in its source.
    ///   - fields: further metadata.
    func process(
        _ line: UnsafeRawBufferPointer, part: UInt32, span: Range<UInt64>, into sink: LogAppending,
        timestamp: Int64? = nil, extraLabels: [Label] = [], fields: [Label] = []
    ) {
        let time = timestamp ?? sink.time()
        guard chain != nil || !extraLabels.isEmpty || !fields.isEmpty else {
            return put(line, time, labels, metadata(part), tenant, sink)
        }
        var entry = LogEntry(timestamp: time, line: Array(line), labels: LabelsBuilder(labels), tenant: tenant)
        entry.spans = [span]
        if part > 0 { entry.metadata.set(Self.partLabel, String(part)) }
        for label in extraLabels { entry.labels.set(label.name, label.value) }
        for field in fields { entry.metadata.set(field.name, field.value) }
        guard let chain else { return finish(entry, sink) }
        chain.run(entry) { finish($0, sink) }
    }

    /// Lets go of what stages kept long enough, or of all of it.
    /// - Returns: whether there was anything to let go of.
    func flush(into sink: LogAppending, now: UInt64, all: Bool) -> Bool {
        guard let chain, let due = chain.due, all || now >= due else { return false }
        chain.flush(now: now, all: all) { finish($0, sink) }
        return true
    }

    private func finish(_ entry: LogEntry, _ sink: LogAppending) {
        var entry = entry
        if !redactor.isIdle {
            redactor.redact(&entry.labels)
            redactor.redact(&entry.metadata)
        }
        let metadata = entry.metadata.list.isEmpty ? .empty : entry.metadata.labels()
        entry.line.withUnsafeBytes { put($0, entry.timestamp, entry.labels.labels(), metadata, entry.tenant, sink) }
    }

    private func put(
        _ line: UnsafeRawBufferPointer, _ time: Int64, _ labels: Labels, _ metadata: Labels, _ tenant: String,
        _ sink: LogAppending
    ) {
        metadata.storage.withUnsafeBytes { fields in
            if !redactor.isIdle, let clean = redactor.redactLine(line) {
                clean.withUnsafeBytes {
                    sink.builder.append(tenant: tenant, labels: labels, timestamp: time, line: $0, metadata: fields)
                }
            } else {
                sink.builder.append(tenant: tenant, labels: labels, timestamp: time, line: line, metadata: fields)
            }
        }
    }

    private func metadata(_ part: UInt32) -> Labels {
        if part == 0 { return .empty }
        return Labels([Label(Self.partLabel, String(part))])
    }
}
