import Bedrock
import Model

/// Remote write 2.0 (`io.prometheus.write.v2.Request`): texts stand once per request, as symbols, and everything refers to them.
extension RemoteWriteDecoder {
    /// The texts of a request, with what has to be known of each only once.
    struct Symbols {
        var texts: ContiguousArray<UnsafeRawBufferPointer> = []
        /// Metadata seen in this request: name, kind, help and unit by their numbers.
        var metadata: Set<SIMD4<UInt32>> = []
        var references: ContiguousArray<UInt32> = []
        /// Symbols that aren't UTF-8; there mostly are none.
        var invalid: Set<UInt32> = []
        /// The current series' metric name.
        var metricName: UInt32?

        mutating func clear() {
            texts.removeAll(keepingCapacity: true)
            metadata.removeAll(keepingCapacity: true)
            invalid.removeAll(keepingCapacity: true)
        }

        func text(_ reference: UInt32) -> UnsafeRawBufferPointer? {
            Int(reference) < texts.count ? texts[Int(reference)] : nil
        }
    }

    /// As `decode`, of a request of version 2.0.
    ///
    /// Series without a sample or histogram, and those that refer to symbols that aren't there, are refused, too.
    /// - Throws: when the request as a whole is unusable; clear the batch then.
    public mutating func decodeVersion2(
        _ request: UnsafeRawBufferPointer, into batch: MetricBatch
    ) throws(RemoteWriteError) -> RemoteWriteReport {
        begin()
        do throws(DecodeError) {
            try readSymbols(ProtobufReader(request))
            guard symbols.texts.first?.isEmpty ?? true else {
                throw DecodeError("the first symbol must be empty", at: 0)
            }
            try decodeSeriesList(ProtobufReader(request), into: batch)
        } catch {
            throw .malformed(error)
        }
        try checkLimits()
        return report
    }

    /// `Request`: symbols = 4, timeseries = 5. The symbols may stand behind the series.
    private mutating func readSymbols(_ message: ProtobufReader) throws(DecodeError) {
        symbols.clear()
        var message = message
        while !message.isAtEnd {
            let tag = try message.tag()
            guard tag == ProtobufReader.tag(4, .bytes) else {
                try message.skip(tag)
                continue
            }
            let text = try message.bytes()
            guard symbols.texts.count <= limits.symbolsPerRequestMax else { return }
            if !UTF8Text.isValid(text) { symbols.invalid.insert(UInt32(symbols.texts.count)) }
            symbols.texts.append(text)
        }
    }

    private mutating func decodeSeriesList(_ message: ProtobufReader, into batch: MetricBatch) throws(DecodeError) {
        var message = message
        while !message.isAtEnd {
            let tag = try message.tag()
            guard tag == ProtobufReader.tag(5, .bytes) else {
                try message.skip(tag)
                continue
            }
            seriesCount += 1
            try decodeReferringSeries(try message.message(), into: batch)
            if passedLimit != nil { return }
        }
    }

    /// `TimeSeries`: labels_refs = 1, samples = 2, histograms = 3, exemplars = 4, metadata = 5.
    private mutating func decodeReferringSeries(
        _ message: ProtobufReader, into batch: MetricBatch
    ) throws(DecodeError) {
        try gatherReferences(message, field: 1)
        var flaw = gatherReferredLabels()
        if flaw == nil { flaw = writeLabels() }
        if flaw == nil { batch.beginSeries(canonical: canonical.bytes) }
        labelsAt = nil
        var message = message
        var seen = 0
        var taken = 0
        let exemplarsBefore = report.exemplars
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(2, .bytes):
                let sample = try decodeSample(try message.message())
                seen += 1
                guard flaw == nil else { continue }
                batch.append(timestamp: sample.timestamp, value: sample.value)
                taken += 1
            case ProtobufReader.tag(3, .bytes):
                let row = try decodeHistogram(try message.message())
                seen += 1
                guard flaw == nil, let row else { continue }
                batch.append(timestamp: row.timestamp, histogram: row.histogram)
                taken += 1
            case ProtobufReader.tag(4, .bytes):
                try decodeReferringExemplar(try message.message(), into: flaw == nil ? batch : nil)
            case ProtobufReader.tag(5, .bytes):
                let message = try message.message()
                if flaw == nil { try decodeReferringMetadata(message, into: batch) }
            default: try message.skip(tag)
            }
        }
        if flaw == nil, taken == 0 {
            batch.dropLastSeries()
            report.dropExemplars(since: exemplarsBefore)
            if seen == 0 { flaw = .noSamples }
        }
        sampleCount += seen
        report.samples += taken
        if let flaw { reject(flaw, samples: max(seen, 1)) }
    }

    /// The numbers of a repeated uint32 field, packed or not.
    private mutating func gatherReferences(_ message: ProtobufReader, field: UInt64) throws(DecodeError) {
        symbols.references.removeAll(keepingCapacity: true)
        var message = message
        // Twice as many as labels may be, and some more, so that there are too many labels of them.
        let most = limits.labelsPerSeriesMax * 2 + 2
        while !message.isAtEnd {
            let tag = try message.tag()
            if tag == ProtobufReader.tag(field, .bytes) {
                var packed = try message.message()
                while !packed.isAtEnd { addReference(try packed.varint(), most) }
            } else if tag == ProtobufReader.tag(field, .varint) {
                addReference(try message.varint(), most)
            } else {
                try message.skip(tag)
            }
        }
    }

    private mutating func addReference(_ value: UInt64, _ most: Int) {
        if symbols.references.count < most { symbols.references.append(UInt32(clamping: value)) }
    }

    private mutating func gatherReferredLabels() -> RemoteWriteRejection? {
        beginLabels()
        symbols.metricName = nil
        let references = symbols.references
        guard references.count % 2 == 0 else { return .badReference }
        for i in stride(from: 0, to: references.count, by: 2) {
            guard let name = symbols.text(references[i]), let value = symbols.text(references[i + 1]) else {
                return .badReference
            }
            if name.spells(metricNameLabel) { symbols.metricName = references[i + 1] }
            addLabel(name, value, isValidUTF8: isValidText(references[i]) && isValidText(references[i + 1]))
        }
        return nil
    }

    private func isValidText(_ reference: UInt32) -> Bool {
        symbols.invalid.isEmpty || !symbols.invalid.contains(reference)
    }

    /// `Exemplar` of 2.0: labels_refs = 1, value = 2, timestamp = 3.
    private mutating func decodeReferringExemplar(
        _ message: ProtobufReader, into batch: MetricBatch?
    ) throws(DecodeError) {
        exemplar.clear()
        try gatherReferences(message, field: 1)
        let references = symbols.references
        exemplar.isValid = references.count % 2 == 0
        for i in stride(from: 0, to: references.count - 1, by: 2) {
            if let name = symbols.text(references[i]), let value = symbols.text(references[i + 1]) {
                exemplar.add(name, value)
            } else {
                exemplar.isValid = false
            }
        }
        var message = message
        var value = 0.0
        var timestamp: Int64 = 0
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(2, .fixed64): value = try message.double()
            case ProtobufReader.tag(3, .varint): timestamp = Int64(bitPattern: try message.varint())
            default: try message.skip(tag)
            }
        }
        takeExemplar(value: value, timestamp: timestamp, into: batch)
    }

    /// `Metadata`: type = 1, help_ref = 3, unit_ref = 4; it comes with every series, and counts once per request.
    private mutating func decodeReferringMetadata(
        _ message: ProtobufReader, into batch: MetricBatch
    ) throws(DecodeError) {
        var message = message
        var kind: UInt64 = 0
        var (help, unit) = (UInt32(0), UInt32(0))
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(1, .varint): kind = try message.varint()
            case ProtobufReader.tag(3, .varint): help = UInt32(clamping: try message.varint())
            case ProtobufReader.tag(4, .varint): unit = UInt32(clamping: try message.varint())
            default: try message.skip(tag)
            }
        }
        guard kind != 0 || help != 0 || unit != 0, let name = symbols.metricName,
            symbols.metadata.insert(SIMD4(name, UInt32(clamping: kind), help, unit)).inserted
        else { return }
        metadataCount += 1
        let text = { (symbols: Symbols, reference: UInt32) in
            symbols.text(reference).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
        var item = MetricMetadata(
            family: text(symbols, name), kind: MetricMetadata.Kind(wireValue: kind), help: text(symbols, help),
            unit: text(symbols, unit))
        item.family = Self.family(item.family, item.kind)
        batch.append(item)
    }

    /// Series of a classic histogram or summary carry the metadata of their family.
    private static func family(_ name: String, _ kind: MetricMetadata.Kind) -> String {
        let suffixes =
            switch kind {
            case .histogram: ["_bucket", "_count", "_sum"]
            case .gaugehistogram: ["_bucket", "_gcount", "_gsum"]
            case .summary: ["_count", "_sum"]
            default: [String]()
            }
        for suffix in suffixes where name.hasSuffix(suffix) { return String(name.dropLast(suffix.count)) }
        return name
    }
}
