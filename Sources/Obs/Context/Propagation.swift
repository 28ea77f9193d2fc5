import Model

/// Reads and writes context at the borders between processes (W3C Trace Context level 1, W3C Baggage). Values of any kind that can be asked
/// for a header, or take one, will do. Thread-safe.
public enum Propagation {
    /// The context that a request's headers tell of. What is malformed is as if it were not there.
    /// - Parameter header: the value of a header, by its name in lower case; several lines joined by commas.
    public static func extract(
        _ propagators: [Propagator] = [.traceContext, .baggage], _ header: (String) -> String?
    ) -> Context {
        var context = Context()
        if propagators.contains(.traceContext), let text = header("traceparent"), var span = parse(traceparent: text) {
            if let state = header("tracestate"), state.utf8.count <= 4096, isTraceState(state) {
                span.traceState = state
            }
            context.span = Span(remote: span)
        }
        if propagators.contains(.baggage), let text = header("baggage") {
            let baggage = Baggage(header: text)
            if !baggage.isEmpty { context.baggage = baggage }
        }
        return context
    }

    /// Hands the headers that tell of `context` to `set`.
    public static func inject(
        _ context: Context = .current, _ propagators: [Propagator] = [.traceContext, .baggage],
        _ set: (_ name: String, _ value: String) -> Void
    ) {
        if propagators.contains(.traceContext), let span = context.span {
            set("traceparent", traceparent(span))
            if let state = span.state { set("tracestate", state.text) }
        }
        if propagators.contains(.baggage), let baggage = context.baggage, !baggage.isEmpty {
            set("baggage", baggage.header)
        }
    }

    /// `00-<trace id>-<span id>-<flags>`.
    static func traceparent(_ span: Span) -> String {
        "00-\(span.traceID)-\(span.spanID)-" + (span.flags < 16 ? "0" : "") + String(span.flags, radix: 16)
    }

    /// Reads a `traceparent`; a version after ours may have more behind what we know.
    static func parse(traceparent text: String) -> SpanContext? {
        let bytes = Array(text.trimmingBlanks().utf8)
        guard bytes.count >= 55, bytes[2] == 45, bytes[35] == 45, bytes[52] == 45,
            let version = hex(bytes[0..<2]), version != 255
        else { return nil }
        guard version == 0 ? bytes.count == 55 : bytes.count == 55 || bytes[55] == 45 else { return nil }
        guard let high = hex(bytes[3..<19]), let low = hex(bytes[19..<35]), let span = hex(bytes[36..<52]),
            let flags = hex(bytes[53..<55])
        else { return nil }
        // Of the flags only the first is known; the others are not passed on.
        let context = SpanContext(
            traceID: TraceID(high: high, low: low), spanID: SpanID(span), flags: UInt8(flags & 1), isRemote: true)
        return context.isValid ? context : nil
    }

    /// Lower-case digits only, as the specification has it.
    private static func hex(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case 48...57: value = value << 4 | UInt64(digit - 48)
            case 97...102: value = value << 4 | UInt64(digit - 87)
            default: return nil
            }
        }
        return value
    }

    /// At most 32 members of the form key=value, in printable characters.
    private static func isTraceState(_ text: String) -> Bool {
        guard text.utf8.allSatisfy({ $0 == 9 || (32..<127).contains($0) }) else { return false }
        var count = 0
        for member in text.split(separator: ",") {
            let member = String(member).trimmingBlanks()
            if member.isEmpty { continue }
            count += 1
            guard count <= 32, let equals = member.firstIndex(of: "="), equals != member.startIndex,
                equals != member.index(before: member.endIndex)
            else { return false }
        }
        return count > 0
    }
}
