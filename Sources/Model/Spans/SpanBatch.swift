import Bedrock

/// Where something of variable length lies in an arena.
public struct ByteRange: Hashable, Sendable {
    public var offset: UInt32
    public var count: UInt32

    @inlinable public init(offset: UInt32, count: UInt32) {
        self.offset = offset
        self.count = count
    }

    public static let empty = ByteRange(offset: 0, count: 0)
    @inlinable public var isEmpty: Bool { count == 0 }
}

/// OTLP's `SpanKind`.
public enum SpanKind: UInt8, Sendable, CaseIterable {
    case unspecified = 0
    case `internal` = 1
    case server = 2
    case client = 3
    case producer = 4
    case consumer = 5
}

/// OTLP's `StatusCode`.
public enum SpanStatus: UInt8, Sendable, CaseIterable {
    case unset = 0
    case ok = 1
    case error = 2
}

/// Whole spans in columns: what every trace receiver decodes into, every store takes, and a look-up by id gives back.
///
/// Everything of variable length stands in one arena: texts as the bytes that came, attributes as `AttributeCursor` reads them, events and
/// links as `SpanEventCursor` and `SpanLinkCursor` do. Resources and scopes stand once, spans refer to them by number; equal ones may occur
/// several times. `clear` keeps the memory, so receivers reuse batches from a pool.
/// A batch has one owner at a time: handing it on hands over the right to touch it. Not thread-safe.
public final class SpanBatch: @unchecked Sendable {
    /// What sent the spans.
    public struct Resource: Sendable {
        public var attributes = ByteRange.empty
        public var schemaURL = ByteRange.empty
        public var droppedAttributes: UInt32 = 0

        public init() {}
    }

    /// The instrumentation that made the spans.
    public struct Scope: Sendable {
        public var name = ByteRange.empty
        public var version = ByteRange.empty
        public var attributes = ByteRange.empty
        public var schemaURL = ByteRange.empty
        public var droppedAttributes: UInt32 = 0

        public init() {}
    }

    /// One span.
    public struct Row: Sendable {
        public var traceID: TraceID
        public var spanID: SpanID
        /// `.none`: a root.
        public var parentID: SpanID
        /// Nanoseconds since the Unix epoch.
        public var start: Int64
        public var end: Int64
        /// Into `resources` and `scopes`.
        public var resource: Int32
        public var scope: Int32
        public var kind = SpanKind.unspecified
        public var status = SpanStatus.unset
        /// W3C trace flags and OTLP's bits beside them.
        public var flags: UInt32 = 0
        public var name = ByteRange.empty
        public var statusMessage = ByteRange.empty
        public var traceState = ByteRange.empty
        public var attributes = ByteRange.empty
        public var events = ByteRange.empty
        public var links = ByteRange.empty
        public var droppedAttributes: UInt32 = 0
        public var droppedEvents: UInt32 = 0
        public var droppedLinks: UInt32 = 0

        @inlinable public init(
            traceID: TraceID, spanID: SpanID, parentID: SpanID = .none, start: Int64, end: Int64, resource: Int32,
            scope: Int32
        ) {
            self.traceID = traceID
            self.spanID = spanID
            self.parentID = parentID
            self.start = start
            self.end = end
            self.resource = resource
            self.scope = scope
        }

        /// Nanoseconds; 0 where the end lies before the start.
        @inlinable public var duration: Int64 {
            let (difference, overflow) = end.subtractingReportingOverflow(start)
            return overflow || difference < 0 ? 0 : difference
        }
    }

    /// Everything, behind a pointer of its own; see `MetricBatch`.
    @usableFromInline struct State: ~Copyable {
        @usableFromInline var resources: ContiguousArray<Resource> = []
        @usableFromInline var scopes: ContiguousArray<Scope> = []
        @usableFromInline var rows: ContiguousArray<Row> = []
        @usableFromInline var arena = ByteBuffer(capacity: 4096)

        @usableFromInline init() {}
    }

    @usableFromInline let state: UnsafeMutablePointer<State>

    public init() {
        state = .allocate(capacity: 1)
        state.initialize(to: State())
    }

    deinit {
        state.deinitialize(count: 1)
        state.deallocate()
    }

    @inlinable public var resources: ContiguousArray<Resource> { _read { yield state.pointee.resources } }
    @inlinable public var scopes: ContiguousArray<Scope> { _read { yield state.pointee.scopes } }
    @inlinable public var rows: ContiguousArray<Row> { _read { yield state.pointee.rows } }
    @inlinable public var rowCount: Int { state.pointee.rows.count }
    public var isEmpty: Bool { rows.isEmpty }
    /// Bytes in the arena; callers keep it below `UInt32.max` by limiting what they take in.
    @inlinable public var arenaByteCount: Int { state.pointee.arena.count }
    /// Rough size in memory, for budgets.
    public var byteCount: Int {
        state.pointee.arena.count + rows.count * MemoryLayout<Row>.stride
            + resources.count * MemoryLayout<Resource>.stride + scopes.count * MemoryLayout<Scope>.stride
    }

    public func clear() {
        state.pointee.resources.removeAll(keepingCapacity: true)
        state.pointee.scopes.removeAll(keepingCapacity: true)
        state.pointee.rows.removeAll(keepingCapacity: true)
        state.pointee.arena.clear()
    }

    /// Appends to the arena what `body` writes, and tells where it lies. What `body` writes before it throws is taken back.
    @inlinable public func write<E: Error>(_ body: (inout ByteBuffer) throws(E) -> Void) throws(E) -> ByteRange {
        let from = state.pointee.arena.count
        do { try body(&state.pointee.arena) } catch {
            state.pointee.arena.truncate(to: from)
            throw error
        }
        let count = state.pointee.arena.count - from
        return count == 0 ? .empty : ByteRange(offset: UInt32(from), count: UInt32(count))
    }

    /// Appends bytes to the arena.
    @inlinable public func write(_ bytes: UnsafeRawBufferPointer) -> ByteRange {
        guard bytes.count > 0 else { return .empty }
        let from = state.pointee.arena.count
        state.pointee.arena.append(bytes)
        return ByteRange(offset: UInt32(from), count: UInt32(bytes.count))
    }

    /// Adds a resource, whose ranges point into this batch's arena; gives its number.
    @discardableResult
    public func append(_ resource: Resource) -> Int32 {
        state.pointee.resources.append(resource)
        return Int32(state.pointee.resources.count - 1)
    }

    /// Adds a scope, likewise.
    @discardableResult
    public func append(_ scope: Scope) -> Int32 {
        state.pointee.scopes.append(scope)
        return Int32(state.pointee.scopes.count - 1)
    }

    /// Adds a span, whose ranges point into this batch's arena and whose numbers are those of resources and scopes added before.
    @inlinable public func append(_ row: Row) {
        precondition(
            row.resource >= 0 && Int(row.resource) < state.pointee.resources.count && row.scope >= 0
                && Int(row.scope) < state.pointee.scopes.count, "a span before its resource or scope")
        state.pointee.rows.append(row)
    }

    /// Calls `body` with the arena that all ranges point into, valid only within the call.
    @inlinable public func withArena<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try body(state.pointee.arena.bytes)
    }

    /// A copy of the text at `range`; for cold paths.
    public func text(_ range: ByteRange) -> String {
        String(decoding: state.pointee.arena.bytes[range], as: UTF8.self)
    }

    /// A copy of the attributes at `range`; for cold paths.
    public func attributes(_ range: ByteRange) -> [Attribute] { Model.attributes(state.pointee.arena.bytes[range]) }
}

extension UnsafeRawBufferPointer {
    /// What lies at `range`.
    @inlinable public subscript(range: ByteRange) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[Int(range.offset)..<Int(range.offset) + Int(range.count)])
    }
}
