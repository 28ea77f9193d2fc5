import Bedrock
import Model

/// OpenMetrics 1.0 as Prometheus' `openmetricslex.l` and its parser take it: single blanks, and `# EOF` at the end.
extension ExpositionParser {
    private static let missingEnd = "the text does not end with # EOF"

    mutating func nextOpenMetrics() throws(ExpositionError) -> Entry {
        if isEnded { return .end }
        beginEntry()
        guard offset < bytes.count else { throw error(Self.missingEnd) }
        switch bytes[offset] {
        case UInt8(ascii: "#"): return try openMetricsHash()
        case let c where Self.isNameStart(c) || c == UInt8(ascii: ":") || c == UInt8(ascii: "{"):
            try openMetricsSample()
            return .sample
        default: throw error("expected a metric name, '{' or '# '")
        }
    }

    private mutating func openMetricsSample() throws(ExpositionError) {
        try seriesName()
        let valueStart = try token("a value behind the metric")
        value = try float(from: valueStart)
        if current == UInt8(ascii: " "), !startsExemplar {
            let start = try token("a timestamp or an exemplar behind the value")
            rawTimestamp = slice(start, offset)
            timestamp = try seconds(from: start)
        }
        if startsExemplar { try exemplar() }
        try lineEnd()
    }

    private mutating func exemplar() throws(ExpositionError) {
        offset += 4
        hasExemplar = true
        rawExemplarLabels.removeAll(keepingCapacity: true)
        try labels(isExemplar: true)
        let valueStart = try token("a value behind the exemplar's labels")
        exemplarValue = try float(from: valueStart)
        if current == UInt8(ascii: " ") {
            let start = try token("a timestamp behind the exemplar's value")
            exemplarTimestamp = try seconds(from: start)
        }
    }

    /// Whether ` # {` stands here.
    private var startsExemplar: Bool {
        offset + 4 <= bytes.count && bytes[offset] == UInt8(ascii: " ") && bytes[offset + 1] == UInt8(ascii: "#")
            && bytes[offset + 2] == UInt8(ascii: " ") && bytes[offset + 3] == UInt8(ascii: "{")
    }

    /// One blank and the word behind it; returns where the word starts, `offset` is its end.
    private mutating func token(_ wanted: String) throws(ExpositionError) -> Int {
        guard offset < bytes.count else { throw error(Self.missingEnd) }
        guard bytes[offset] == UInt8(ascii: " ") else { throw error("expected one blank and \(wanted)") }
        let start = offset + 1
        offset = start
        while offset < bytes.count, bytes[offset] != UInt8(ascii: " "), bytes[offset] != UInt8(ascii: "\n") {
            offset += 1
        }
        guard offset > start else { throw error("expected \(wanted)") }
        return start
    }

    /// The timestamp in `start ..< offset`: seconds in the text, milliseconds here, cut towards zero. Beyond the range: the nearest one.
    private func seconds(from start: Int) throws(ExpositionError) -> Int64 {
        let seconds = try float(from: start)
        guard seconds.isFinite else { throw error("invalid timestamp", at: start) }
        let milliseconds = seconds * 1000
        if let exact = Int64(exactly: milliseconds.rounded(.towardZero)) { return exact }
        return milliseconds < 0 ? .min : .max
    }

    private mutating func lineEnd() throws(ExpositionError) {
        guard offset < bytes.count else { throw error(Self.missingEnd) }
        guard bytes[offset] == UInt8(ascii: "\n") else { throw error("expected the end of the line") }
        offset += 1
    }

    private mutating func openMetricsHash() throws(ExpositionError) -> Entry {
        if takePrefix("# EOF") {
            if offset < bytes.count, bytes[offset] == UInt8(ascii: "\n") { offset += 1 }
            guard offset == bytes.count else { throw error("unexpected text behind # EOF") }
            isEnded = true
            return .end
        }
        if takePrefix("# HELP ") {
            try metadata("HELP")
            if let bad = UTF8Text.firstInvalid(rawText) {
                throw error("invalid UTF-8 in the help text", at: rawText.startOffset(in: bytes) + bad)
            }
            return .help
        }
        if takePrefix("# TYPE ") {
            try metadata("TYPE")
            // Never "untyped": that is the classic format's word.
            guard let named = MetricMetadata.Kind(rawValue: text) else {
                let hint = Suggestion.hint(text, in: MetricMetadata.Kind.allCases.map(\.rawValue))
                throw error("invalid metric type \(quoted(text))\(hint)", at: rawText.startOffset(in: bytes))
            }
            kind = named
            kindFamily = rawFamily
            return .type
        }
        if takePrefix("# UNIT ") {
            try metadata("UNIT")
            guard unitIsSuffix else {
                throw error(
                    "unit \(quoted(text)) is not a suffix of the metric name \(quoted(family))",
                    at: rawText.startOffset(in: bytes))
            }
            return .unit
        }
        throw error("expected '# HELP ', '# TYPE ', '# UNIT ' or '# EOF'")
    }

    /// `name text\n`
    private mutating func metadata(_ word: String) throws(ExpositionError) {
        try familyName(behind: word)
        guard current == UInt8(ascii: " ") else {
            throw error("expected one blank and text behind the name in \(word)")
        }
        let start = offset + 1
        skipToLineEnd()
        guard offset < bytes.count else { throw error(Self.missingEnd) }
        rawText = slice(start, offset)
        offset += 1
    }

    /// `# UNIT x_seconds seconds`; the empty unit fits any name.
    private var unitIsSuffix: Bool {
        guard !rawText.isEmpty else { return true }
        let before = rawFamily.count - rawText.count - 1
        return before >= 0 && rawFamily[before] == UInt8(ascii: "_")
            && compareBytes(UnsafeRawBufferPointer(rebasing: rawFamily[(before + 1)...]), rawText) == 0
    }

    private mutating func takePrefix(_ prefix: StaticString) -> Bool {
        let count = prefix.utf8CodeUnitCount
        guard offset + count <= bytes.count else { return false }
        for i in 0..<count where bytes[offset + i] != prefix.utf8Start[i] { return false }
        offset += count
        return true
    }
}

extension UnsafeRawBufferPointer {
    /// Where this slice begins in `whole`, of which it is a part.
    func startOffset(in whole: UnsafeRawBufferPointer) -> Int {
        guard let start = baseAddress, let origin = whole.baseAddress else { return 0 }
        return start - origin
    }
}
