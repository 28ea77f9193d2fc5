import Bedrock
import LSM
import Model
import Synchronization

/// Spans of one tenant in one memtable, by trace.
///
/// One thread inserts; any number of readers look at it meanwhile without locks. Numbers count up from 0 in order of arrival.
final class SpanTable: @unchecked Sendable {
    /// Where a span's bytes are. Immutable once it is appended.
    struct Row {
        /// Of its `SpanBytes`.
        let address: UInt
        let start: Int64
        let length: UInt32
        let resource: Int32
        let scope: Int32
        /// The row of the same trace before it; -1: there is none.
        let previous: Int32
        let tick: UInt32
        let trace: Int32

        /// Bytes that `SpanRecordReader` found sound before.
        var bytes: UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: Int(length))
        }
    }

    struct Trace: ~Copyable {
        let id: TraceID
        let newestRow = Atomic<Int32>(-1)
        /// Of all its rows, and perhaps of some that a view does not show: they only widen.
        let firstStart = Atomic<Int64>(.max)
        let lastStart = Atomic<Int64>(.min)
    }

    /// A resource or scope, as its record has it.
    struct Entity {
        let bytes: UnsafeRawBufferPointer
        let hash: UInt64
        /// Of the record that brought it first.
        let tick: UInt32
    }

    let tenant: Tenant
    /// Of all rows' starts, and perhaps of rows that a view does not show.
    let firstStart = Atomic<Int64>(.max)
    let lastStart = Atomic<Int64>(.min)
    let rows = PagedArray<Row>()
    let traces = PagedArray<Trace>()
    let resources = PagedArray<Entity>()
    let scopes = PagedArray<Entity>()
    private let traceTable = IdentityTable()
    private let resourceTable = IdentityTable()
    private let scopeTable = IdentityTable()

    init(_ tenant: Tenant) { self.tenant = tenant }

    /// Bytes beside the memtable's arena; for the writer.
    var byteCount: Int {
        rows.byteCount + traces.byteCount + resources.byteCount + scopes.byteCount + traceTable.byteCount
            + resourceTable.byteCount + scopeTable.byteCount
    }

    /// The number of a trace. Thread-safe.
    func find(_ id: TraceID) -> Int? { traceTable.find(TraceHash.of(id)) { traces.pointer($0).pointee.id == id } }

    // MARK: Writing

    func resource(_ bytes: UnsafeRawBufferPointer, tick: UInt32) -> Int32 {
        Self.findOrAdd(bytes, resources, resourceTable, tick)
    }

    func scope(_ bytes: UnsafeRawBufferPointer, tick: UInt32) -> Int32 {
        Self.findOrAdd(bytes, scopes, scopeTable, tick)
    }

    private static func findOrAdd(
        _ bytes: UnsafeRawBufferPointer, _ list: PagedArray<Entity>, _ table: IdentityTable, _ tick: UInt32
    ) -> Int32 {
        let hash = Hash128(of: bytes).low
        if let known = table.find(hash, { compareMemory(list.pointer($0).pointee.bytes, bytes) == 0 }) {
            return Int32(truncatingIfNeeded: known)
        }
        let number = list.append(Entity(bytes: bytes, hash: hash, tick: tick))
        table.insert(hash, number) { list.pointer($0).pointee.hash }
        return Int32(truncatingIfNeeded: number)
    }

    func append(
        _ id: TraceID, address: UInt, length: Int, start: Int64, resource: Int32, scope: Int32, tick: UInt32
    ) {
        let number = find(id) ?? add(id)
        let trace = traces.pointer(number)
        let row = rows.append(
            Row(
                address: address, start: start, length: UInt32(truncatingIfNeeded: length), resource: resource,
                scope: scope, previous: trace.pointee.newestRow.load(ordering: .relaxed), tick: tick,
                trace: Int32(truncatingIfNeeded: number)))
        if start < trace.pointee.firstStart.load(ordering: .relaxed) {
            trace.pointee.firstStart.store(start, ordering: .relaxed)
        }
        if start > trace.pointee.lastStart.load(ordering: .relaxed) {
            trace.pointee.lastStart.store(start, ordering: .relaxed)
        }
        if start < firstStart.load(ordering: .relaxed) { firstStart.store(start, ordering: .relaxed) }
        if start > lastStart.load(ordering: .relaxed) { lastStart.store(start, ordering: .relaxed) }
        trace.pointee.newestRow.store(Int32(truncatingIfNeeded: row), ordering: .releasing)
    }

    private func add(_ id: TraceID) -> Int {
        let number = traces.append(Trace(id: id))
        traceTable.insert(TraceHash.of(id), number) { TraceHash.of(traces.pointer($0).pointee.id) }
        return number
    }
}
