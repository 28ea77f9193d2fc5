import CObs
import Model

/// Writes structured log records of one scope, with the ids of the span that is going on. Thread-safe.
///
/// `logger.info("order placed") { $0.set("order.id", id) }`: attributes are set by a closure, which runs only when the record is kept, so that
/// a record with a literal as its message allocates nothing.
public struct Logger: Sendable {
    public let scope: InstrumentationScope
    let core: RecordCore
    let number: UInt32
    /// Records below are not made.
    public var lowest: Severity

    init(scope: InstrumentationScope, core: RecordCore, number: UInt32, lowest: Severity) {
        self.scope = scope
        self.core = core
        self.number = number
        self.lowest = lowest
    }

    /// Whether a record of this severity would be made.
    @inline(__always)
    public func isEnabled(_ severity: Severity) -> Bool { severity >= lowest && core.recordsLogs }

    /// Writes a record.
    /// - Parameter context: whose span the record belongs to; the current one by default.
    @inline(__always)
    public func log(
        _ severity: Severity, _ message: @autoclosure () -> String, context: Context? = nil,
        _ attributes: (inout AttributeWriter) -> Void = { _ in }
    ) {
        guard isEnabled(severity) else { return }
        write(severity, message(), context, attributes)
    }

    private func write(
        _ severity: Severity, _ message: String, _ context: Context?, _ attributes: (inout AttributeWriter) -> Void
    ) {
        let share = core.budget.share
        if share < 1, severity < .warn, Double(cobs_random() >> 11) * 0x1p-53 >= share { return }
        let record = core.begin(scope: number, kind: severity.rawValue)
        guard record != 0 else { return core.logs.noteFull() }
        let writer = RecordWriter(core.pool, record)
        writer.header.pointee.word = 0
        writer.header.pointee.wallOffset = core.clock.wallOffset
        writer.header.pointee.start = core.clock.nanoseconds()
        let span = context != nil ? context?.span : Context.current.span
        if let span {
            writer.header.pointee.traceHigh = span.traceID.high
            writer.header.pointee.traceLow = span.traceID.low
            writer.header.pointee.spanID = span.spanID.value
            writer.header.pointee.flags = UInt32(span.flags)
        } else {
            writer.header.pointee.traceHigh = 0
            writer.header.pointee.traceLow = 0
        }
        writeBody(message, writer)
        var values = AttributeWriter(
            writer, field: 6, countMax: core.logLimits.attributesMax, valueBytesMax: core.logLimits.valueBytesMax)
        attributes(&values)
        core.logs.put(record, writer.header)
    }

    /// `body`, an `AnyValue` of text.
    @inline(__always)
    private func writeBody(_ message: String, _ writer: RecordWriter) {
        message.withBytes { text in
            let text = UTF8Cut.prefix(UnsafeRawBufferPointer(text), core.logLimits.valueBytesMax)
            let any = 1 + Varint.length(text.count) + text.count
            let whole = 1 + Varint.length(any) + any
            guard whole <= 300, let room = writer.room(whole), let start = text.baseAddress else {
                return writeLong(text, writer)
            }
            room.storeBytes(of: 5 << 3 | 2, as: UInt8.self)
            var at = 1 + Varint.write(UInt64(any), to: room + 1)
            room.storeBytes(of: 1 << 3 | 2, toByteOffset: at, as: UInt8.self)
            at += 1
            at += Varint.write(UInt64(text.count), to: room + at)
            (room + at).copyMemory(from: start, byteCount: text.count)
            writer.commit(at + text.count)
        }
    }

    @inline(never)
    private func writeLong(_ text: UnsafeRawBufferPointer, _ writer: RecordWriter) {
        let any = EncodedAttribute.text(text)
        any.withUnsafeBytes { _ = writer.bytes(5, $0) }
    }

    public func trace(
        _ message: @autoclosure () -> String, _ attributes: (inout AttributeWriter) -> Void = { _ in }
    ) { log(.trace, message(), context: nil, attributes) }

    public func debug(
        _ message: @autoclosure () -> String, _ attributes: (inout AttributeWriter) -> Void = { _ in }
    ) { log(.debug, message(), context: nil, attributes) }

    public func info(
        _ message: @autoclosure () -> String, _ attributes: (inout AttributeWriter) -> Void = { _ in }
    ) { log(.info, message(), context: nil, attributes) }

    public func warn(
        _ message: @autoclosure () -> String, _ attributes: (inout AttributeWriter) -> Void = { _ in }
    ) { log(.warn, message(), context: nil, attributes) }

    public func error(
        _ message: @autoclosure () -> String, _ attributes: (inout AttributeWriter) -> Void = { _ in }
    ) { log(.error, message(), context: nil, attributes) }

    public func fatal(
        _ message: @autoclosure () -> String, _ attributes: (inout AttributeWriter) -> Void = { _ in }
    ) { log(.fatal, message(), context: nil, attributes) }
}
