import Bedrock
import CObs
import Glibc
import Model
import Synchronization

/// A span that has begun. A value that may be copied to other threads and tasks; thread-safe.
///
/// What it records stands in memory of the telemetry's, found again by its number and a word that is this span's alone: whatever is done after `end`, or with a span
/// that isn't recorded, does nothing. Nothing allocates, except for texts of several hundred bytes, lists and maps.
public struct Span: Sendable {
    /// Nil for spans of other processes.
    let core: RecordCore?
    /// First block of the record; 0 when nothing is recorded.
    let record: UInt32
    let flags: UInt8
    let isRemote: Bool
    /// What the record begins with while it is this span's: most of the span's id.
    let word: UInt64
    public let traceID: TraceID
    public let spanID: SpanID
    let state: TraceState?

    /// What crosses borders between processes.
    public var context: SpanContext {
        SpanContext(traceID: traceID, spanID: spanID, flags: flags, isRemote: isRemote, traceState: state?.text ?? "")
    }

    /// Whether attributes and events are kept.
    public var isRecording: Bool { record != 0 }
    public var isSampled: Bool { flags & 1 != 0 }

    /// A span of another process.
    init(remote context: SpanContext) {
        core = nil
        record = 0
        word = 0
        flags = context.flags
        isRemote = context.isRemote
        traceID = context.traceID
        spanID = context.spanID
        state = context.traceState.isEmpty ? nil : TraceState(context.traceState)
    }

    @inline(__always)
    init(
        core: RecordCore, record: UInt32, word: UInt64, flags: UInt8, traceID: TraceID, spanID: SpanID,
        state: TraceState?
    ) {
        self.core = core
        self.record = record
        self.word = word
        self.flags = flags
        isRemote = false
        self.traceID = traceID
        self.spanID = spanID
        self.state = state
    }

    // MARK: Writing

    /// Runs `body` while nobody else writes to the record; not at all when the span has ended.
    @inline(__always)
    private func write(_ body: (RecordCore, RecordWriter) -> Void) {
        guard record != 0, let core else { return }
        let writer = RecordWriter(core.pool, record)
        guard Self.lock(writer.header, word, core) else { return }
        body(core, writer)
        Self.word(writer.header).pointee.store(word, ordering: .releasing)
    }

    @inline(__always)
    static func word(_ header: UnsafeMutablePointer<RecordHeader>) -> UnsafeMutablePointer<Atomic<UInt64>> {
        UnsafeMutableRawPointer(header).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inline(__always)
    private static func lock(
        _ header: UnsafeMutablePointer<RecordHeader>, _ word: UInt64, _ core: RecordCore
    ) -> Bool {
        let exchanged = Self.word(header).pointee.compareExchange(
            expected: word, desired: word | 1, successOrdering: .acquiring, failureOrdering: .relaxed
        ).exchanged
        return exchanged || lockSlowly(header, word, core)
    }

    /// Someone else is writing: waits as long as writing an attribute takes many times over, then gives up.
    @inline(never)
    private static func lockSlowly(
        _ header: UnsafeMutablePointer<RecordHeader>, _ word: UInt64, _ core: RecordCore
    ) -> Bool {
        for attempt in 0..<2000 {
            let (exchanged, current) = Self.word(header).pointee.compareExchange(
                expected: word, desired: word | 1, successOrdering: .acquiring, failureOrdering: .relaxed)
            if exchanged { return true }
            if current != word | 1 { return false }
            if attempt % 500 == 499 { sched_yield() }
        }
        core.contended.add()
        return false
    }

    @inline(__always)
    private func attribute(_ set: (inout AttributeWriter) -> Void) {
        write { core, writer in
            var attributes = AttributeWriter(
                writer, field: 9, countMax: core.spanLimits.attributesMax, valueBytesMax: core.spanLimits.valueBytesMax)
            set(&attributes)
        }
    }

    public func set(_ key: String, _ value: String) { attribute { $0.set(key, value) } }
    public func set(_ key: String, _ value: Int) { attribute { $0.set(key, value) } }
    public func set(_ key: String, _ value: Double) { attribute { $0.set(key, value) } }
    public func set(_ key: String, _ value: Bool) { attribute { $0.set(key, value) } }
    public func set(_ attributes: Attributes) { attribute { $0.set(attributes) } }

    /// Sets several attributes at once, which is cheaper than one by one. `body` must not touch the span itself.
    public func set(_ body: (inout AttributeWriter) -> Void) { attribute(body) }

    /// Gives the span another name.
    public func rename(_ name: String) {
        write { _, writer in
            var name = name
            _ = name.withUTF8 { writer.bytes(5, UnsafeRawBufferPointer($0)) }
        }
    }

    /// What came of it; the last call counts.
    public func setStatus(_ status: SpanStatus, _ message: String = "") {
        write { _, writer in
            var message = message
            message.withUTF8 { text in
                let text = UTF8Cut.prefix(UnsafeRawBufferPointer(text), 200)
                withUnsafeTemporaryAllocation(byteCount: text.count + 16, alignment: 8) { room in
                    guard let base = room.baseAddress else { return }
                    // The message even when it is empty: a later status replaces the one before wholly.
                    base.storeBytes(of: 2 << 3 | 2, as: UInt8.self)
                    var at = 1 + Varint.write(UInt64(text.count), to: base + 1)
                    if let start = text.baseAddress { memcpy(base + at, start, text.count) }
                    at += text.count
                    base.storeBytes(of: 3 << 3, toByteOffset: at, as: UInt8.self)
                    base.storeBytes(of: status.rawValue, toByteOffset: at + 1, as: UInt8.self)
                    _ = writer.bytes(15, UnsafeRawBufferPointer(start: base, count: at + 2))
                }
            }
        }
    }

    /// Something that happened, now. `attributes` must not touch the span itself.
    public func addEvent(_ name: String, _ attributes: (inout AttributeWriter) -> Void = { _ in }) {
        write { core, writer in
            let limits = core.spanLimits
            guard Int(writer.header.pointee.eventCount) < limits.eventsMax else {
                return writer.dropEvent()
            }
            let time = UInt64(clamping: Int64(clamping: core.clock.nanoseconds()) &+ writer.header.pointee.wallOffset)
            let isWritten = writer.nested(11) { head in
                head.storeBytes(of: 1 << 3 | 1, as: UInt8.self)
                (head + 1).storeBytes(of: time, as: UInt64.self)
                return 9
            } then: { () -> Int in
                var name = name
                var count = name.withUTF8 { text in
                    let text = UTF8Cut.prefix(UnsafeRawBufferPointer(text), 300)
                    return writer.bytes(2, text) ? 1 + Varint.length(text.count) + text.count : 0
                }
                var nested = AttributeWriter(
                    writer, field: 3, countMax: limits.attributesPerEventMax, valueBytesMax: limits.valueBytesMax,
                    isNested: true)
                attributes(&nested)
                count += nested.written
                if nested.dropped > 0, let room = writer.room(12) {
                    room.storeBytes(of: 4 << 3, as: UInt8.self)
                    let length = 1 + Varint.write(UInt64(nested.dropped), to: room + 1)
                    writer.commit(length)
                    count += length
                }
                return count
            }
            if isWritten {
                writer.header.pointee.eventCount += 1
            } else {
                writer.dropEvent()
            }
        }
    }

    /// A span that this one has to do with.
    public func addLink(_ context: SpanContext, _ attributes: (inout AttributeWriter) -> Void = { _ in }) {
        write { core, writer in
            let limits = core.spanLimits
            guard Int(writer.header.pointee.linkCount) < limits.linksMax else {
                return writer.dropLink()
            }
            let isWritten = writer.nested(13) { head in
                head.storeBytes(of: 1 << 3 | 2, as: UInt8.self)
                head.storeBytes(of: 16, toByteOffset: 1, as: UInt8.self)
                (head + 2).storeBytes(of: context.traceID.high.bigEndian, as: UInt64.self)
                (head + 10).storeBytes(of: context.traceID.low.bigEndian, as: UInt64.self)
                head.storeBytes(of: 2 << 3 | 2, toByteOffset: 18, as: UInt8.self)
                head.storeBytes(of: 8, toByteOffset: 19, as: UInt8.self)
                (head + 20).storeBytes(of: context.spanID.value.bigEndian, as: UInt64.self)
                head.storeBytes(of: 6 << 3 | 5, toByteOffset: 28, as: UInt8.self)
                let flags = UInt32(context.flags) | 0x100 | (context.isRemote ? 0x200 : 0)
                (head + 29).storeBytes(of: flags, as: UInt32.self)
                return 33
            } then: { () -> Int in
                var state = context.traceState
                var count = 0
                if !state.isEmpty {
                    count = state.withUTF8 { text in
                        let text = UTF8Cut.prefix(UnsafeRawBufferPointer(text), 300)
                        return writer.bytes(3, text) ? 1 + Varint.length(text.count) + text.count : 0
                    }
                }
                var nested = AttributeWriter(
                    writer, field: 4, countMax: limits.attributesPerEventMax, valueBytesMax: limits.valueBytesMax,
                    isNested: true)
                attributes(&nested)
                return count + nested.written
            }
            if isWritten {
                writer.header.pointee.linkCount += 1
            } else {
                writer.dropLink()
            }
        }
    }

    /// Records an error as an event of the name `exception` and makes the status an error (OpenTelemetry semantic conventions).
    public func recordError(_ error: any Error) {
        guard record != 0 else { return }
        let type = String(reflecting: Swift.type(of: error))
        let message = String(describing: error)
        addEvent("exception") {
            $0.set("exception.type", type)
            $0.set("exception.message", message)
        }
        setStatus(.error, message)
    }

    /// Ends the span and hands it over to be exported. Only the first call counts.
    public func end() {
        guard record != 0, let core else { return }
        let header = RecordWriter(core.pool, record).header
        guard Self.lock(header, word, core) else { return }
        header.pointee.end = core.clock.nanoseconds()
        // From here on this span's word fits no more.
        Self.word(header).pointee.store(0, ordering: .releasing)
        core.spans.put(record, header)
    }
}

/// A `tracestate` on its way from one border to another.
final class TraceState: Sendable {
    let text: String

    init(_ text: String) { self.text = text }
}

extension RecordWriter {
    func dropEvent() { if header.pointee.droppedEvents < .max { header.pointee.droppedEvents += 1 } }
    func dropLink() { if header.pointee.droppedLinks < .max { header.pointee.droppedLinks += 1 } }

    /// A message in field `number`: `head` fills up to 48 bytes and says how many, `then` appends fields and says how many bytes. False, and
    /// nothing written, when there is no room.
    @inline(__always)
    func nested(_ field: UInt8, _ head: (UnsafeMutableRawPointer) -> Int, then: () -> Int) -> Bool {
        guard let room = room(64) else { return false }
        room.storeBytes(of: field << 3 | 2, as: UInt8.self)
        let first = head(room + 5)
        commit(5 + first)
        let length = UInt32(first + then())
        // A length of always four bytes, as its value is known only now.
        let spread = length & 0x7F | (length >> 7 & 0x7F) << 8 | (length >> 14 & 0x7F) << 16 | (length >> 21) << 24
        (room + 1).storeBytes(of: spread | 0x0080_8080, as: UInt32.self)
        return true
    }
}
