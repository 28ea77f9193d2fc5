import Bedrock
import Model

/// What every log decoder writes through: gathers labels and metadata, holds the limits, counts what is left out, and fills the batch.
///
/// A decoder begins a request, begins or selects a stream from `labels`, and adds rows with what stands in `metadata`. No allocation per row
/// once its memory has grown. Names and values given to `labels` and `metadata` stay where they are until the stream or row is written; texts
/// that have no such place go to `scratch`. Not thread-safe.
struct LogRowWriter: ~Copyable {
    let options: LogDecodeOptions
    var report = LogDecodeReport()
    var labels = LabelSetWriter()
    var metadata = LabelSetWriter()
    /// For texts of the stream being begun; what stands in `labels` must outlive its rows, which texts of refusals name. The decoder clears it.
    var labelScratch = ScratchArena(capacity: 16 << 10)
    /// For texts of the row being added. The decoder clears it.
    var scratch = ScratchArena()
    private var canonical = ByteBuffer(capacity: 1024)
    private var metadataBytes = ByteBuffer(capacity: 1024)
    /// Why the rows of the current stream are refused.
    private(set) var streamFlaw: LogRejection?
    private var streamCount = 0
    private var rowCount = 0
    private var streamTable = StreamTable()

    init(options: LogDecodeOptions) { self.options = options }

    mutating func beginRequest() {
        report = LogDecodeReport()
        streamCount = 0
        rowCount = 0
        streamFlaw = nil
        streamTable.clear()
        labels.clear()
        metadata.clear()
        scratch.clear()
        labelScratch.clear()
    }

    /// The per-request limit that was passed, if one was. Decoders ask now and then, and stop.
    @inline(__always)
    var isOverLimit: Bool {
        rowCount > options.limits.rowsPerRequestMax || streamCount > options.limits.streamsPerRequestMax
    }

    /// - Throws: when a per-request limit was passed.
    func checkLimits() throws(LogDecodeError) {
        guard isOverLimit else { return }
        let what =
            rowCount > options.limits.rowsPerRequestMax
            ? "\(options.limits.rowsPerRequestMax) rows" : "\(options.limits.streamsPerRequestMax) streams"
        throw .tooLarge("the request has over \(what); send smaller ones")
    }

    // MARK: Streams

    /// Begins the stream of the gathered `labels`; its rows follow.
    mutating func beginStream(in batch: LogBatch) {
        streamCount += 1
        streamFlaw = writeLabels()
        if streamFlaw == nil { batch.beginStream(canonical: canonical.bytes) }
    }

    /// Begins the stream of labels that are canonical and within the limits; see `flaw(ofLabels:)`.
    mutating func beginStream(canonical labels: UnsafeRawBufferPointer, in batch: LogBatch) {
        streamCount += 1
        streamFlaw = nil
        canonical.clear()
        canonical.append(labels)
        batch.beginStream(canonical: labels)
    }

    /// The next rows are refused for this reason.
    mutating func beginFlawedStream(_ flaw: LogRejection) {
        streamCount += 1
        streamFlaw = flaw
    }

    /// The next row belongs to the stream of the gathered `labels`, wherever that stands in the batch; `finishSelecting` sorts it out.
    mutating func selectStream(in batch: LogBatch) {
        streamFlaw = writeLabels()
        guard streamFlaw == nil else { return }
        if streamTable.select(canonical.bytes, in: batch) { streamCount += 1 }
    }

    /// Puts the rows of a batch that `selectStream` began under their streams.
    mutating func finishSelecting(_ batch: LogBatch) { streamTable.group(batch) }

    /// Writes the gathered labels into `canonical`, or says why they are no label set.
    private mutating func writeLabels() -> LogRejection? {
        if options.addsServiceName { ServiceName.add(to: &labels) }
        canonical.clear()
        if let flaw = labelFlaw() { return flaw }
        switch labels.write(to: &canonical) {
        case nil: return canonical.isEmpty ? .noLabels : nil
        case .emptyName: return .badLabelName
        case .duplicate: return .duplicateLabel
        }
    }

    private func labelFlaw() -> LogRejection? {
        let limits = options.limits
        if labels.pairs.count > limits.labelsPerStreamMax { return .tooManyLabels }
        for pair in labels.pairs {
            if pair.name.count > limits.labelNameBytesMax { return .labelNameTooLong }
            if !FieldNames.isPlain(pair.name) { return .badLabelName }
            if pair.value.count > limits.labelValueBytesMax { return .labelValueTooLong }
            if !UTF8Text.isValid(pair.value) { return .invalidUTF8 }
        }
        return nil
    }

    /// The labels that `beginStream` wrote last, when they had no flaw.
    var writtenLabels: UnsafeRawBufferPointer { canonical.bytes }

    // MARK: Rows

    /// Adds a row with the gathered `metadata`; or counts it as refused.
    @inline(__always)
    mutating func add(_ timestamp: Int64, line: UnsafeRawBufferPointer, to batch: LogBatch) {
        guard accepts(lineBytes: line.count) else { return }
        if options.addsDetectedLevel { DetectedLevel.add(to: &metadata, line: line) }
        if metadata.pairs.isEmpty {
            batch.append(timestamp: timestamp, line: line)
        } else {
            guard writeMetadata() else { return }
            batch.append(timestamp: timestamp, line: line, metadata: metadataBytes.bytes)
        }
        added()
    }

    /// As above, for a line in JSON: it is unescaped straight into the batch. False for a bad escape.
    @inline(__always)
    mutating func add(_ timestamp: Int64, line: JSONText, to batch: LogBatch) -> Bool {
        // Escapes only make a text longer, so a long one is looked at in its plain form.
        if options.addsDetectedLevel || (line.isEscaped && line.raw.count > options.limits.lineBytesMax) {
            guard let plain = line.plain(&scratch) else { return false }
            add(timestamp, line: plain, to: batch)
            return true
        }
        guard accepts(lineBytes: line.raw.count) else { return true }
        if !metadata.pairs.isEmpty { guard writeMetadata() else { return true } }
        guard
            batch.append(
                timestamp: timestamp, lineBytesMax: line.raw.count,
                fill: { room in
                    room.baseAddress.map { line.write(to: $0) } ?? 0
                })
        else { return false }
        if !metadata.pairs.isEmpty { batch.setLastMetadata(metadataBytes.bytes) }
        added()
        return true
    }

    /// Counts a row that can't be taken.
    mutating func refuse(_ reason: LogRejection, _ text: @autoclosure () -> String) {
        rowCount += 1
        report.reject(reason, text())
    }

    @inline(__always)
    private mutating func accepts(lineBytes: Int) -> Bool {
        rowCount += 1
        if streamFlaw == nil, lineBytes <= options.limits.lineBytesMax { return true }
        refuseRow(lineBytes)
        return false
    }

    @inline(__always)
    private mutating func added() {
        report.rows += 1
        streamTable.addRow()
    }

    private mutating func refuseRow(_ lineBytes: Int) {
        if let streamFlaw {
            let text = report.firstRejection == nil ? flawText(streamFlaw) : ""
            report.reject(streamFlaw, text)
        } else {
            let limit = options.limits.lineBytesMax
            report.reject(
                .lineTooLong,
                "a line of \(lineBytes) bytes is over the limit of \(limit) in stream \(Labels(canonical: canonical.bytes))"
            )
        }
    }

    private mutating func writeMetadata() -> Bool {
        metadataBytes.clear()
        metadata.writeLast(to: &metadataBytes)
        if metadataBytes.count <= options.limits.metadataBytesMax,
            metadata.pairs.count <= options.limits.metadataFieldsMax
        {
            return true
        }
        let (bytes, fields, limits) = (metadataBytes.count, metadata.pairs.count, options.limits)
        report.reject(
            .tooMuchMetadata,
            "structured metadata of \(fields) fields and \(bytes) bytes is over the limit of \(limits.metadataFieldsMax) fields or \(limits.metadataBytesMax) bytes"
        )
        return false
    }

    private func flawText(_ flaw: LogRejection) -> String {
        let limits = options.limits
        let why =
            switch flaw {
            case .malformedLabels: "the labels can't be read"
            case .noLabels: "a stream needs at least one label"
            case .badLabelName: "label names are letters, digits and underscores, and begin with no digit"
            case .duplicateLabel: "a label name occurs twice"
            case .invalidUTF8: "a label value is not valid UTF-8"
            case .tooManyLabels: "\(labels.pairs.count) labels are over the limit of \(limits.labelsPerStreamMax)"
            case .labelNameTooLong: "a label name is over the limit of \(limits.labelNameBytesMax) bytes"
            case .labelValueTooLong:
                "a label value is over the limit of \(limits.labelValueBytesMax) bytes; long values belong into the metadata"
            default: flaw.rawValue
            }
        var parts: [String] = []
        for pair in labels.pairs.prefix(8) {
            let name = String(decoding: pair.name.prefix(64), as: UTF8.self)
            parts.append("\(name)=\(quoted(String(decoding: pair.value.prefix(64), as: UTF8.self)))")
        }
        return "stream {\(parts.joined(separator: ", "))}: \(why)"
    }
}
