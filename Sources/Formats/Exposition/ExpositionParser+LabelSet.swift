import Bedrock
import Model

/// From raw labels to canonical label bytes: escapes resolved, `le` and `quantile` normalised, sorted.
extension ExpositionParser {
    /// Appends the current sample's label set, metric name included, as canonical bytes (see `Labels`).
    ///
    /// As Prometheus 3 does, `le` of histograms and `quantile` of summaries are written in one form (`1` becomes `1.0`), so that a target's
    /// change of client library doesn't change its series.
    /// - Throws: for a label name that occurs twice, and for an empty one.
    public mutating func appendLabels(to target: inout ByteBuffer) throws(ExpositionError) {
        try writeLabels(to: &target, name: rawName, normalising: true, without: nil)
    }

    /// The current sample's label set; for cold paths.
    public mutating func labels() throws(ExpositionError) -> Labels {
        var buffer = ByteBuffer()
        try appendLabels(to: &buffer)
        return Labels(canonical: buffer.bytes)
    }

    /// Appends the current exemplar's label set as canonical bytes.
    /// - Throws: for a label name that occurs twice, and for an empty one.
    public mutating func appendExemplarLabels(to target: inout ByteBuffer) throws(ExpositionError) {
        labelSet.clear()
        unescaped.clear()
        unescaped.reserve(rawExemplarLabels.reduce(0) { $0 + $1.name.count + $1.value.count })
        for label in rawExemplarLabels { addUnescaped(label) }
        try finishLabels(into: &target)
    }

    /// The current exemplar's label set; for cold paths.
    public mutating func exemplarLabels() throws(ExpositionError) -> Labels {
        var buffer = ByteBuffer()
        try appendExemplarLabels(to: &buffer)
        return Labels(canonical: buffer.bytes)
    }

    mutating func writeLabels(
        to target: inout ByteBuffer, name: UnsafeRawBufferPointer, normalising: Bool, without dropped: StaticString?
    ) throws(ExpositionError) {
        labelSet.clear()
        unescaped.clear()
        let normalised = normalising ? normalisedLabel : nil
        var room = nameHasEscapes ? name.count : 0
        for label in rawLabels where label.hasEscapes || normalised != nil {
            room += label.name.count + label.value.count + 32
        }
        // Slices of this buffer are handed out below, so it must not move.
        unescaped.reserve(room)
        labelSet.add(
            UnsafeRawBufferPointer(start: metricNameLabel.utf8Start, count: metricNameLabel.utf8CodeUnitCount),
            nameHasEscapes ? unescape(name) : name)
        for label in rawLabels {
            if let dropped, label.name.spells(dropped) { continue }
            if let normalised, label.name.spells(normalised) {
                labelSet.add(label.name, normalise(label.value))
            } else {
                addUnescaped(label)
            }
        }
        try finishLabels(into: &target)
    }

    private mutating func finishLabels(into target: inout ByteBuffer) throws(ExpositionError) {
        switch labelSet.write(to: &target) {
        case nil: return
        case .emptyName: throw error("a label name is empty", at: entryStart)
        case .duplicate(let name):
            throw error("label name \(quoted(String(decoding: name, as: UTF8.self))) is not unique", at: entryStart)
        }
    }

    private mutating func addUnescaped(_ label: RawLabel) {
        if label.hasEscapes {
            let name = unescape(label.name)
            labelSet.add(name, unescape(label.value))
        } else {
            labelSet.add(label.name, label.value)
        }
    }

    /// `le` or `quantile`, when the current sample is of a family of that kind.
    private var normalisedLabel: StaticString? {
        switch kind {
        case .histogram where rawName.count == kindFamily.count + 7:
            guard compareBytes(UnsafeRawBufferPointer(rebasing: rawName[..<kindFamily.count]), kindFamily) == 0,
                UnsafeRawBufferPointer(rebasing: rawName[kindFamily.count...]).spells("_bucket")
            else { return nil }
            return "le"
        case .summary where rawName.count == kindFamily.count:
            return compareBytes(rawName, kindFamily) == 0 ? "quantile" : nil
        default: return nil
        }
    }

    /// A float in one form: what `%g` gives, with `.0` where that looks like an integer. Other texts stay.
    private mutating func normalise(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard let value = NumberText.parseFloat(text, syntax: .go) else { return unescape(text) }
        let start = unescaped.count
        unescaped.append(float: value, .general)
        if value.isFinite,
            !unescaped.bytes[start...].contains(where: { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "e") })
        {
            unescaped.append(utf8: ".0" as StaticString)
        }
        return UnsafeRawBufferPointer(rebasing: unescaped.bytes[start...])
    }

    /// `\\`, `\"` and `\n` resolved; other escapes stay as they are.
    private mutating func unescape(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard text.contains(UInt8(ascii: "\\")) else { return text }
        let start = unescaped.count
        Self.unescape(text, quotes: true, into: &unescaped)
        return UnsafeRawBufferPointer(rebasing: unescaped.bytes[start...])
    }

    private static func unescape(_ text: UnsafeRawBufferPointer, quotes: Bool, into target: inout ByteBuffer) {
        var i = 0
        while i < text.count {
            if text[i] == UInt8(ascii: "\\"), i + 1 < text.count {
                let next = text[i + 1]
                let plain: UInt8? =
                    switch next {
                    case UInt8(ascii: "\\"): next
                    case UInt8(ascii: "\"") where quotes: next
                    case UInt8(ascii: "n"): UInt8(ascii: "\n")
                    default: nil
                    }
                if let plain {
                    target.append(plain)
                    i += 2
                    continue
                }
            }
            target.append(text[i])
            i += 1
        }
    }

    func unescapedText(_ text: UnsafeRawBufferPointer) -> String {
        var buffer = ByteBuffer(capacity: text.count)
        Self.unescape(text, quotes: true, into: &buffer)
        return String(decoding: buffer.bytes, as: UTF8.self)
    }

    /// The classic format knows no `\"` in help texts.
    func unescapedHelp() -> String {
        var buffer = ByteBuffer(capacity: rawText.count)
        Self.unescape(rawText, quotes: format == .openMetrics, into: &buffer)
        return String(decoding: buffer.bytes, as: UTF8.self)
    }
}

let metricNameLabel: StaticString = "__name__"

extension UnsafeRawBufferPointer {
    @inline(__always)
    func spells(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        for i in 0..<count where self[i] != word.utf8Start[i] { return false }
        return true
    }

    func ends(with suffix: StaticString) -> Bool {
        count >= suffix.utf8CodeUnitCount
            && UnsafeRawBufferPointer(rebasing: self[(count - suffix.utf8CodeUnitCount)...]).spells(suffix)
    }
}
