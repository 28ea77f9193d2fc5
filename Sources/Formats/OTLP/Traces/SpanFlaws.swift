import Bedrock
import Model

/// An identifier as it came, with how many bytes it has; a number of them that is none when it isn't what it should be.
struct WireIdentifier {
    private(set) var high: UInt64 = 0
    private(set) var low: UInt64 = 0
    /// 0: there is none.
    private(set) var byteCount = 0
    /// In place of hexadecimal digits there was something else.
    private(set) var isBadText = false

    init() {}

    /// The low 8 bytes of a trace's id, and those above.
    init(high: UInt64, low: UInt64, byteCount: Int = 16) {
        self.high = high
        self.low = low
        self.byteCount = byteCount
    }

    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer) {
        byteCount = bytes.count
        if let id = TraceID(bytes: bytes) {
            (high, low) = (id.high, id.low)
        } else if let id = SpanID(bytes: bytes) {
            low = id.value
        }
    }

    /// From hexadecimal digits, two a byte.
    init(hex text: UnsafeRawBufferPointer) {
        byteCount = (text.count + 1) / 2
        isBadText = text.count % 2 != 0
        for byte in text {
            guard let digit = Self.digit(byte) else {
                isBadText = true
                return
            }
            high = high << 4 | low >> 60
            low = low << 4 | UInt64(digit)
        }
    }

    /// From up to twice as many digits as an id has bytes, with zeros in front of fewer. Without digits there is no id.
    init(hex text: UnsafeRawBufferPointer, paddedTo byteCount: Int) {
        self.init(hex: text)
        guard text.count > 0, text.count <= 2 * byteCount else { return }
        self.byteCount = byteCount
        isBadText = !text.allSatisfy { Self.digit($0) != nil }
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// Nil when it isn't 16 bytes, or zero.
    @inline(__always)
    var traceID: TraceID? {
        guard byteCount == 16, !isBadText, high | low != 0 else { return nil }
        return TraceID(high: high, low: low)
    }

    /// Nil when it isn't 8 bytes; may be zero.
    @inline(__always)
    var spanID: SpanID? { byteCount == 8 && !isBadText ? SpanID(low) : nil }

    /// For texts of rejections.
    var summary: String {
        if isBadText { return "that is not hexadecimal" }
        return "of \(byteCount) bytes" + (byteCount > 0 && high | low == 0 ? ", all zero" : "")
    }
}

/// What a span on the wire must have to be taken: ids of the right size that are not zero (OTLP, `trace.proto`), times that fit.
struct SpanDraft {
    var trace = WireIdentifier()
    var span = WireIdentifier()
    var parent = WireIdentifier()
    /// Nanoseconds since the Unix epoch.
    var start: UInt64 = 0
    var end: UInt64 = 0

    /// Why there is no row for it.
    @inline(__always)
    var flaw: Flaw? {
        if trace.traceID != nil, let id = span.spanID, !id.isZero, parent.byteCount == 0 || parent.spanID != nil,
            start <= UInt64(Int64.max), end <= UInt64(Int64.max)
        {
            return nil
        }
        return findFlaw()
    }

    @inline(never)
    private func findFlaw() -> Flaw {
        guard let trace = trace.traceID else { return Flaw(.badTraceID, "a trace id \(trace.summary)") }
        guard let span = span.spanID, !span.isZero else {
            return Flaw(.badSpanID, "trace \(trace): a span id \(span.summary)")
        }
        guard parent.byteCount == 0 || parent.spanID != nil else {
            return Flaw(.badSpanID, "trace \(trace), span \(span): a parent's id \(parent.summary)")
        }
        return Flaw(.badTime, "trace \(trace), span \(span): a time beyond the year 2262")
    }

    /// The row with ids and times filled in; only of a draft without a flaw.
    @inline(__always)
    func row(resource: Int32, scope: Int32) -> SpanBatch.Row {
        SpanBatch.Row(
            traceID: TraceID(high: trace.high, low: trace.low), spanID: SpanID(span.low),
            parentID: parent.spanID ?? .none, start: Int64(clamping: start), end: Int64(clamping: end),
            resource: resource, scope: scope)
    }

    struct Flaw {
        let reason: SpanRejection
        let text: String

        init(_ reason: SpanRejection, _ text: String) {
            self.reason = reason
            self.text = text
        }
    }
}

extension SpanKind {
    /// What a newer protocol may add is unspecified.
    init(wire code: UInt64) { self = UInt8(exactly: code).flatMap(SpanKind.init(rawValue:)) ?? .unspecified }
}

extension SpanStatus {
    init(wire code: UInt64) { self = UInt8(exactly: code).flatMap(SpanStatus.init(rawValue:)) ?? .unset }
}
