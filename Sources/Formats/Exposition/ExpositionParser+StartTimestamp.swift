import Bedrock
import Model

/// The start times met so far; the last one is remembered, because samples of its metric may stand on both sides of it.
struct StartTimes {
    /// Label bytes of the metric without suffix, `le` and `quantile`.
    var key: [UInt8] = []
    /// Milliseconds.
    var value: Int64?
}

/// OpenMetrics' `_created` lines, read as the start timestamps of the counters, histograms and summaries they stand with.
extension ExpositionParser {
    /// When the current sample's metric began to count, milliseconds; nil when the text doesn't say.
    ///
    /// Only with `readsStartTimestamps`. It may have to look ahead to the end of the metric, so ask once per series, not per sample.
    public mutating func startTimestamp() throws(ExpositionError) -> Int64? {
        guard readsStartTimestamps, let base = startTimeBase else { return nil }
        let key = try startTimeKey(base)
        if startTimes.key == key, let known = startTimes.value { return known }
        var ahead = ExpositionParser(bytes, format: format)
        ahead.offset = offset
        ahead.kind = kind
        ahead.kindFamily = kindFamily
        while let entry = try? ahead.nextOpenMetrics(), entry == .sample, let other = ahead.startTimeBase,
            compareBytes(other, base) == 0
        {
            guard ahead.isCreated, try ahead.startTimeKey(other) == key else { continue }
            startTimes = StartTimes(key: key, value: ahead.startMilliseconds)
            return startTimes.value
        }
        return nil
    }

    /// Takes the current sample as a start time if it is one; false when it is a sample like others.
    mutating func noteStartTime() throws(ExpositionError) -> Bool {
        guard isCreated, let base = startTimeBase else { return false }
        startTimes = StartTimes(key: try startTimeKey(base), value: startMilliseconds)
        return true
    }

    private var isCreated: Bool { startTimeBase != nil && rawName.ends(with: "_created") }

    /// The value of a `_created` line: seconds.
    private var startMilliseconds: Int64? { Int64(exactly: (value * 1000).rounded(.towardZero)) }

    /// The sample's name without its suffix, when that is the family of the last `# TYPE` and of a kind that has start times.
    private var startTimeBase: UnsafeRawBufferPointer? {
        let suffixes: [StaticString]
        switch kind {
        case .counter: suffixes = ["_total", "_created"]
        case .summary: suffixes = ["", "_count", "_sum", "_created"]
        case .histogram: suffixes = ["_bucket", "_count", "_sum", "_created"]
        default: return nil
        }
        for suffix in suffixes
        where rawName.count == kindFamily.count + suffix.utf8CodeUnitCount && rawName.ends(with: suffix) {
            return compareBytes(UnsafeRawBufferPointer(rebasing: rawName[..<kindFamily.count]), kindFamily) == 0
                ? kindFamily : nil
        }
        return nil
    }

    private mutating func startTimeKey(_ base: UnsafeRawBufferPointer) throws(ExpositionError) -> [UInt8] {
        var buffer = ByteBuffer()
        let dropped: StaticString? = kind == .histogram ? "le" : kind == .summary ? "quantile" : nil
        try writeLabels(to: &buffer, name: base, normalising: false, without: dropped)
        return buffer.array()
    }
}
