import Bedrock
import Model

/// Writes a text exposition, for `/federate` and the like: a family's metadata, its samples, the next family, at last `end`.
///
/// The caller keeps the samples of a family together. One owner at a time.
public struct ExpositionWriter: ~Copyable {
    public let format: ExpositionFormat
    /// The text so far.
    public var buffer: ByteBuffer

    public init(format: ExpositionFormat, capacity: Int = 4096) {
        self.format = format
        buffer = ByteBuffer(capacity: capacity)
    }

    /// Begins a family with its `# HELP`, `# TYPE` and `# UNIT` lines, as far as the format has words for them.
    ///
    /// Counters are named as the format wants it: with `_total` in the classic one, without in OpenMetrics.
    public mutating func beginFamily(_ metadata: MetricMetadata) {
        let family = familyName(metadata)
        if !metadata.help.isEmpty {
            beginMetadata("# HELP ", family)
            buffer.append(escaped: metadata.help, quotes: format == .openMetrics)
            buffer.append(UInt8(ascii: "\n"))
        }
        beginMetadata("# TYPE ", family)
        buffer.append(utf8: typeWord(metadata.kind))
        buffer.append(UInt8(ascii: "\n"))
        if format == .openMetrics, !metadata.unit.isEmpty, family.hasSuffix("_" + metadata.unit),
            metadata.kind != .info, metadata.kind != .stateset
        {
            beginMetadata("# UNIT ", family)
            buffer.append(utf8: metadata.unit)
            buffer.append(UInt8(ascii: "\n"))
        }
    }

    /// One sample; `labels` are canonical bytes with the metric name among them, `timestamp` is in milliseconds.
    public mutating func sample(labels: UnsafeRawBufferPointer, value: Double, timestamp: Int64? = nil) {
        var cursor = LabelCursor(labels)
        var name = UnsafeRawBufferPointer(start: nil, count: 0)
        while cursor.next() { if cursor.name.spells(metricNameLabel) { name = cursor.value } }
        var hasBraces = false
        if isLegacyMetricName(name) {
            buffer.append(name)
        } else {
            buffer.append(UInt8(ascii: "{"))
            hasBraces = true
            quote(name)
        }
        cursor = LabelCursor(labels)
        while cursor.next() {
            if cursor.name.spells(metricNameLabel) { continue }
            buffer.append(hasBraces ? UInt8(ascii: ",") : UInt8(ascii: "{"))
            hasBraces = true
            if isLegacyLabelName(cursor.name) { buffer.append(cursor.name) } else { quote(cursor.name) }
            buffer.append(UInt8(ascii: "="))
            quote(cursor.value)
        }
        if hasBraces { buffer.append(UInt8(ascii: "}")) }
        buffer.append(UInt8(ascii: " "))
        buffer.append(float: value, .api)
        if let timestamp { append(timestamp) }
        buffer.append(UInt8(ascii: "\n"))
    }

    /// Ends the text.
    public mutating func end() {
        if format == .openMetrics { buffer.append(utf8: "# EOF\n" as StaticString) }
    }

    private func familyName(_ metadata: MetricMetadata) -> String {
        guard metadata.kind == .counter else { return metadata.family }
        let hasSuffix = metadata.family.hasSuffix("_total")
        switch format {
        case .classic: return hasSuffix ? metadata.family : metadata.family + "_total"
        case .openMetrics: return hasSuffix ? String(metadata.family.dropLast(6)) : metadata.family
        }
    }

    private func typeWord(_ kind: MetricMetadata.Kind) -> String {
        guard format == .classic else { return kind.rawValue }
        switch kind {
        case .counter, .gauge, .histogram, .summary: return kind.rawValue
        case .info, .stateset: return "gauge"
        case .unknown, .gaugehistogram: return "untyped"
        }
    }

    private mutating func beginMetadata(_ word: StaticString, _ family: String) {
        buffer.append(utf8: word)
        if Model.isLegacyMetricName(family) {
            buffer.append(utf8: family)
        } else {
            var family = family
            family.withUTF8 { quote(UnsafeRawBufferPointer($0)) }
        }
        buffer.append(UInt8(ascii: " "))
    }

    private mutating func quote(_ text: UnsafeRawBufferPointer) {
        buffer.append(UInt8(ascii: "\""))
        buffer.append(escaped: text, quotes: true)
        buffer.append(UInt8(ascii: "\""))
    }

    /// Milliseconds in the classic format, seconds in OpenMetrics.
    private mutating func append(_ timestamp: Int64) {
        buffer.append(UInt8(ascii: " "))
        guard format == .openMetrics else { return buffer.append(decimal: timestamp) }
        buffer.append(seconds: timestamp)
    }

    private func isLegacyMetricName(_ name: UnsafeRawBufferPointer) -> Bool { isIdentifier(name, colon: true) }
    private func isLegacyLabelName(_ name: UnsafeRawBufferPointer) -> Bool { isIdentifier(name, colon: false) }

    private func isIdentifier(_ name: UnsafeRawBufferPointer, colon: Bool) -> Bool {
        guard let first = name.first, !ExpositionParser.isDigit(first) else { return false }
        return name.allSatisfy {
            ExpositionParser.isNameStart($0) || ExpositionParser.isDigit($0) || (colon && $0 == UInt8(ascii: ":"))
        }
    }
}
