import CObs
import Model

/// Begins spans of one scope. Thread-safe.
public struct Tracer: Sendable {
    public let scope: InstrumentationScope
    let core: RecordCore
    let number: UInt32

    /// Begins a span below the one in `parent`, or a new trace. The caller ends it.
    ///
    /// - Parameter start: monotonic nanoseconds of `CLOCK_MONOTONIC` when it began; now by default.
    public func startSpan(
        _ name: String, kind: SpanKind = .internal, parent: Context = .current, start: UInt64? = nil
    ) -> Span {
        begin(name, kind, parent.span, start)
    }

    @usableFromInline
    func begin(_ name: String, _ kind: SpanKind, _ parent: Span?, _ start: UInt64?) -> Span {
        var traceID: TraceID
        var isSampled: Bool
        if let parent {
            traceID = parent.traceID
            isSampled = sample(traceID, parent, name, kind)
        } else {
            traceID = TraceID(high: cobs_random(), low: cobs_random())
            if traceID.isZero { traceID.low = 1 }
            isSampled = sample(traceID, nil, name, kind)
        }
        var spanID = cobs_random()
        if spanID < 2 { spanID = 2 }
        var record: UInt32 = 0
        let word = spanID & ~1
        if isSampled, core.recordsSpans {
            record = core.begin(scope: number, kind: kind.rawValue)
            if record == 0 { core.spans.noteFull() }
        }
        let flags: UInt8 = isSampled ? 1 : 0
        if record != 0 {
            let writer = RecordWriter(core.pool, record)
            writer.header.pointee.traceHigh = traceID.high
            writer.header.pointee.traceLow = traceID.low
            writer.header.pointee.spanID = spanID
            writer.header.pointee.flags = UInt32(flags) | 0x100
            if let parent {
                writer.header.pointee.parentID = parent.spanID.value
                if parent.isRemote { writer.header.pointee.flags |= 0x200 }
                if let state = parent.state { writeState(state, writer) }
            }
            name.withBytes {
                _ = writer.bytes(5, UTF8Cut.prefix(UnsafeRawBufferPointer($0), core.spanLimits.valueBytesMax))
            }
            writer.header.pointee.wallOffset = core.clock.wallOffset
            writer.header.pointee.start = start ?? core.clock.nanoseconds()
            Span.word(writer.header).pointee.store(word, ordering: .releasing)
        }
        return Span(
            core: core, record: record, word: word, flags: flags, traceID: traceID, spanID: SpanID(spanID),
            state: parent?.state)
    }

    @inline(__always)
    private func sample(_ traceID: TraceID, _ parent: Span?, _ name: String, _ kind: SpanKind) -> Bool {
        // The usual samplers without detours.
        if case .parentBased(let root) = core.sampler {
            if let parent { return parent.isSampled }
            if case .alwaysOn = root { return Sampler.isWithin(core.budget.share, traceID) }
        }
        return core.sampler.samples(
            traceID, parent: parent?.context, name: name, kind: kind, share: parent == nil ? core.budget.share : 1)
    }

    @inline(never)
    private func writeState(_ state: TraceState, _ writer: RecordWriter) {
        var text = state.text
        text.withUTF8 { _ = writer.bytes(3, UnsafeRawBufferPointer($0)) }
    }

    /// Runs `body` within a span, which is the current one meanwhile, and ends it; an error that leaves `body` is recorded.
    @inlinable
    public func withSpan<R, E: Error>(
        _ name: String, kind: SpanKind = .internal, parent: Context = .current, _ body: (Span) throws(E) -> R
    ) throws(E) -> R {
        let span = begin(name, kind, parent.span, nil)
        defer { span.end() }
        return try Context(span: span, baggage: parent.baggage).run { () throws(E) -> R in
            do throws(E) { return try body(span) } catch {
                span.recordError(error)
                throw error
            }
        }
    }

    /// Runs `body` within a span, which is the current one meanwhile, in child tasks too, and ends it; an error that leaves `body` is
    /// recorded.
    @inlinable
    public func withSpan<R>(
        _ name: String, kind: SpanKind = .internal, parent: Context = .current,
        isolation: isolated (any Actor)? = #isolation, _ body: (Span) async throws -> R
    ) async rethrows -> R {
        let span = begin(name, kind, parent.span, nil)
        defer { span.end() }
        return try await Context.local.withValue(Context(span: span, baggage: parent.baggage)) {
            do { return try await body(span) } catch {
                span.recordError(error)
                throw error
            }
        }
    }
}
