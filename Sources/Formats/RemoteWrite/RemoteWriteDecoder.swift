import Bedrock
import Model

/// Decodes remote-write requests (after snappy) into batches: `decode` those of 1.0 (`prometheus.WriteRequest`), in one pass and without an
/// allocation per series or sample once its memory has grown; `decodeVersion2` those of 2.0. Reuse one per thread.
public struct RemoteWriteDecoder: ~Copyable {
    public let limits: RemoteWriteLimits
    var report = RemoteWriteReport()
    var labels = LabelSetWriter()
    /// The series being decoded, for texts about it.
    var labelsAt: ProtobufReader?
    private var scan = LabelScan()
    var canonical = ByteBuffer(capacity: 1024)
    var exemplar = ExemplarScratch()
    var symbols = Symbols()
    var seriesCount = 0
    /// Rows seen, whether they were taken or not.
    var sampleCount = 0
    var exemplarCount = 0
    var metadataCount = 0

    /// What was noticed of a series' labels while they were gathered.
    private struct LabelScan {
        var hasMetricName = false
        var nameBytesMax = 0
        var valueBytesMax = 0
        var isValidUTF8 = true
    }

    private let sortedLabels: SortedLabels
    /// End of the request being decoded.
    private var inputEnd: UnsafePointer<UInt8>

    public init(limits: RemoteWriteLimits = RemoteWriteLimits()) {
        self.limits = limits
        sortedLabels = SortedLabels(limits)
        inputEnd = ("" as StaticString).utf8Start
    }

    /// Appends the request's series and metadata to `batch`.
    ///
    /// Labels are sorted where the sender didn't; invalid series are left out and counted in the report.
    /// - Throws: when the request as a whole is unusable; clear the batch then.
    public mutating func decode(
        _ request: UnsafeRawBufferPointer, into batch: MetricBatch
    ) throws(RemoteWriteError) -> RemoteWriteReport {
        begin()
        do throws(DecodeError) { try decodeRequest(ProtobufReader(request), into: batch) } catch {
            throw .malformed(error)
        }
        try checkLimits()
        return report
    }

    mutating func begin() {
        report = RemoteWriteReport()
        seriesCount = 0
        sampleCount = 0
        exemplarCount = 0
        metadataCount = 0
        symbols.clear()
    }

    func checkLimits() throws(RemoteWriteError) {
        if let what = passedLimit { throw .tooLarge("the request has over \(what); send smaller ones") }
    }

    /// The per-request limit that was passed, if one was.
    var passedLimit: String? {
        if seriesCount > limits.seriesPerRequestMax { return "\(limits.seriesPerRequestMax) series" }
        if sampleCount > limits.samplesPerRequestMax { return "\(limits.samplesPerRequestMax) samples" }
        if symbols.texts.count > limits.symbolsPerRequestMax { return "\(limits.symbolsPerRequestMax) symbols" }
        if exemplarCount > limits.exemplarsPerRequestMax { return "\(limits.exemplarsPerRequestMax) exemplars" }
        if metadataCount > limits.metadataPerRequestMax { return "\(limits.metadataPerRequestMax) metadata" }
        return nil
    }

    /// `WriteRequest`: timeseries = 1, metadata = 3. Returns early once a per-request limit is passed.
    private mutating func decodeRequest(_ message: ProtobufReader, into batch: MetricBatch) throws(DecodeError) {
        var message = message
        inputEnd = message.end
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(1, .bytes):
                seriesCount += 1
                try decodeSeries(try message.message(), into: batch)
                guard sampleCount <= limits.samplesPerRequestMax, seriesCount <= limits.seriesPerRequestMax,
                    exemplarCount <= limits.exemplarsPerRequestMax
                else { return }
            case ProtobufReader.tag(3, .bytes):
                metadataCount += 1
                try decodeMetadata(try message.message(), into: batch)
                guard metadataCount <= limits.metadataPerRequestMax else { return }
            default: try message.skip(tag)
            }
        }
    }

    // MARK: Series

    /// `TimeSeries`: labels = 1, samples = 2, exemplars = 3, histograms = 4.
    private mutating func decodeSeries(_ message: ProtobufReader, into batch: MetricBatch) throws(DecodeError) {
        var rest = message
        let sortedLabels = sortedLabels
        let inputEnd = inputEnd
        let isBegun = batch.beginSeries(labelBytesMax: message.remaining + SortedLabels.slack) { room in
            room.baseAddress.flatMap { sortedLabels.copy(&rest, inputEnd: inputEnd, into: $0) }
        }
        // The general decoder also takes over when a label stands behind the rows, which is allowed and never seen.
        if isBegun {
            labelsAt = message
            if try decodeRows(rest, nil, into: batch) { return }
        }
        try decodeAnySeries(message, into: batch)
    }

    /// Labels in any order and place, valid or not.
    private mutating func decodeAnySeries(_ message: ProtobufReader, into batch: MetricBatch) throws(DecodeError) {
        try gatherLabels(message)
        let flaw = writeLabels()
        if flaw == nil { batch.beginSeries(canonical: canonical.bytes) }
        labelsAt = message
        _ = try decodeRows(message, flaw, into: batch, skippingLabels: true)
    }

    mutating func beginLabels() {
        labels.clear()
        scan = LabelScan()
    }

    private mutating func gatherLabels(_ message: ProtobufReader) throws(DecodeError) {
        beginLabels()
        var message = message
        while !message.isAtEnd {
            let tag = try message.tag()
            if tag == ProtobufReader.tag(1, .bytes) {
                try takeLabel(try message.message())
            } else {
                try message.skip(tag)
            }
        }
    }

    /// `Label`: name = 1, value = 2.
    @inline(__always)
    private mutating func takeLabel(_ message: ProtobufReader) throws(DecodeError) {
        var message = message
        var name = UnsafeRawBufferPointer(start: nil, count: 0)
        var value = UnsafeRawBufferPointer(start: nil, count: 0)
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(1, .bytes): name = try message.bytes()
            case ProtobufReader.tag(2, .bytes): value = try message.bytes()
            default: try message.skip(tag)
            }
        }
        addLabel(name, value, isValidUTF8: UTF8Text.isValid(name) && UTF8Text.isValid(value))
    }

    @inline(__always)
    mutating func addLabel(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, isValidUTF8: Bool) {
        if name.count == 8, !value.isEmpty, name.loadUnaligned(as: UInt64.self).littleEndian == Self.metricName {
            scan.hasMetricName = true
        }
        scan.isValidUTF8 = scan.isValidUTF8 && isValidUTF8
        scan.nameBytesMax = max(scan.nameBytesMax, name.count)
        scan.valueBytesMax = max(scan.valueBytesMax, value.count)
        labels.add(name, value)
    }

    /// The bytes of `__name__` as one little-endian number.
    private static let metricName: UInt64 = 0x5F5F_656D_616E_5F5F

    /// Writes the gathered labels into `canonical`, or says why they are no series.
    mutating func writeLabels() -> RemoteWriteRejection? {
        canonical.clear()
        if labels.pairs.count > limits.labelsPerSeriesMax { return .tooManyLabels }
        if scan.nameBytesMax > limits.labelNameBytesMax { return .labelNameTooLong }
        if scan.valueBytesMax > limits.labelValueBytesMax { return .labelValueTooLong }
        if !scan.isValidUTF8 { return .invalidUTF8 }
        switch labels.write(to: &canonical) {
        case nil: return scan.hasMetricName ? nil : .missingName
        case .emptyName: return .emptyLabelName
        case .duplicate: return .duplicateLabel
        }
    }

    /// Decodes the rows of a series. It has been begun in `batch`, unless its labels have a `flaw`, and goes again if nothing of it is left.
    ///
    /// - Returns: false when a label stands among the rows (and `skippingLabels` isn't set); nothing was appended then.
    private mutating func decodeRows(
        _ message: ProtobufReader, _ flaw: RemoteWriteRejection?, into batch: MetricBatch, skippingLabels: Bool = false
    ) throws(DecodeError) -> Bool {
        var message = message
        var taken = 0
        let before = report
        if flaw == nil { taken = batch.append { Self.simpleSample(&message) } }
        var seen = taken
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(2, .bytes):
                let sample = try decodeSample(try message.message())
                seen += 1
                guard flaw == nil else { continue }
                batch.append(timestamp: sample.timestamp, value: sample.value)
                taken += 1
            case ProtobufReader.tag(4, .bytes):
                let row = try decodeHistogram(try message.message())
                seen += 1
                guard flaw == nil, let row else { continue }
                batch.append(timestamp: row.timestamp, histogram: row.histogram)
                taken += 1
            case ProtobufReader.tag(3, .bytes):
                try decodeExemplar(try message.message(), into: flaw == nil ? batch : nil)
            case ProtobufReader.tag(1, .bytes) where !skippingLabels:
                if flaw == nil { batch.dropLastSeries() }
                report = before
                return false
            default: try message.skip(tag)
            }
        }
        // Prometheus sends exemplars as series of their own.
        if flaw == nil, taken == 0, report.exemplars == before.exemplars { batch.dropLastSeries() }
        sampleCount += seen
        report.samples += taken
        if let flaw { reject(flaw, samples: max(seen, 1)) }
        return true
    }

    /// Counts the current series as refused.
    mutating func reject(_ flaw: RemoteWriteRejection, samples: Int) {
        let text = report.firstRejection == nil ? rejectionText(flaw) : nil
        report.reject(flaw, samples: samples, text)
    }

    /// A sample as everybody writes it, both fields in order; nil, with nothing read, when there is none.
    @inline(__always)
    private static func simpleSample(_ message: inout ProtobufReader) -> (timestamp: Int64, value: Double)? {
        let p = message.cursor
        guard message.remaining >= 13, p.pointee == 0x12, (p + 2).pointee == 0x09, (p + 11).pointee == 0x10 else {
            return nil
        }
        let end = p + 2 + Int((p + 1).pointee)
        // A length of one byte, and at most nine bytes of timestamp.
        guard end <= message.end, end > p + 12, end <= p + 21 else { return nil }
        var timestamp: UInt64 = 0
        var shift: UInt64 = 0
        var t = p + 12
        while t < end {
            timestamp |= UInt64(t.pointee & 0x7F) &<< shift
            shift &+= 7
            t += 1
            if (t - 1).pointee < 0x80 { break }
        }
        guard t == end, (t - 1).pointee < 0x80 else { return nil }
        message.cursor = end
        let bits = UInt64(littleEndian: UnsafeRawPointer(p + 3).loadUnaligned(as: UInt64.self))
        return (Int64(bitPattern: timestamp), Double(bitPattern: bits))
    }

    /// `Sample`: value = 1, timestamp = 2.
    func decodeSample(_ message: ProtobufReader) throws(DecodeError) -> (timestamp: Int64, value: Double) {
        var message = message
        var value = 0.0
        var timestamp: Int64 = 0
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(1, .fixed64): value = try message.double()
            case ProtobufReader.tag(2, .varint): timestamp = Int64(bitPattern: try message.varint())
            default: try message.skip(tag)
            }
        }
        return (timestamp, value)
    }

    // MARK: Metadata

    /// `MetricMetadata`: type = 1, metric_family_name = 2, help = 4, unit = 5. Without a name it is dropped: nothing can be told of it.
    private func decodeMetadata(_ message: ProtobufReader, into batch: MetricBatch) throws(DecodeError) {
        var message = message
        var item = MetricMetadata(family: "", kind: .unknown)
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(1, .varint): item.kind = MetricMetadata.Kind(wireValue: try message.varint())
            case ProtobufReader.tag(2, .bytes): item.family = String(decoding: try message.bytes(), as: UTF8.self)
            case ProtobufReader.tag(4, .bytes): item.help = String(decoding: try message.bytes(), as: UTF8.self)
            case ProtobufReader.tag(5, .bytes): item.unit = String(decoding: try message.bytes(), as: UTF8.self)
            default: try message.skip(tag)
            }
        }
        if !item.family.isEmpty { batch.append(item) }
    }

    // MARK: Texts of rejections

    private mutating func rejectionText(_ flaw: RemoteWriteRejection) -> String {
        let why =
            switch flaw {
            case .missingName: "the label __name__ is missing"
            case .emptyLabelName: "a label has no name"
            case .duplicateLabel: "a label name occurs twice"
            case .invalidUTF8: "a label is not valid UTF-8"
            case .tooManyLabels: "\(labels.pairs.count) labels are over the limit of \(limits.labelsPerSeriesMax)"
            case .labelNameTooLong:
                "a label name of \(scan.nameBytesMax) bytes is over the limit of \(limits.labelNameBytesMax)"
            case .labelValueTooLong:
                "a label value of \(scan.valueBytesMax) bytes is over the limit of \(limits.labelValueBytesMax)"
            case .invalidHistogram: "a native histogram is not consistent"
            case .badReference: "a label refers to a symbol that is not there, or has no value"
            case .noSamples: "it has neither a sample nor a histogram"
            }
        return "series \(seriesText()): \(why)"
    }

    /// The series as far as it can be told, cut to a readable length.
    mutating func seriesText() -> String {
        if let labelsAt { try? gatherLabels(labelsAt) }
        var parts: [String] = []
        var length = 0
        for pair in labels.pairs {
            let name = String(decoding: pair.name.prefix(64), as: UTF8.self)
            let value = String(decoding: pair.value.prefix(64), as: UTF8.self) + (pair.value.count > 64 ? "…" : "")
            parts.append("\(name)=\(quoted(value))")
            length += parts.last?.utf8.count ?? 0
            if length > 300 {
                parts.append("…")
                break
            }
        }
        return "{" + parts.joined(separator: ", ") + "}"
    }
}

extension MetricMetadata.Kind {
    /// `MetricMetadata.MetricType` on the wire; what isn't known becomes `.unknown`.
    init(wireValue: UInt64) {
        self =
            Self.wireOrder.indices.contains(Int(truncatingIfNeeded: wireValue))
            ? Self.wireOrder[Int(wireValue)] : .unknown
    }

    var wireValue: UInt64 { UInt64(Self.wireOrder.firstIndex(of: self) ?? 0) }

    private static let wireOrder: [MetricMetadata.Kind] = [
        .unknown, .counter, .gauge, .histogram, .gaugehistogram, .summary, .info, .stateset,
    ]
}
