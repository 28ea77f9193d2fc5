import Bedrock
import LSM
import Model
import Synchronization

/// The memtable of the test format: rows in arrival order.
public final class RowTable: Memtable {
    public struct Entry: Sendable {
        public var row: Row
        public var tenant: Tenant
    }

    private struct State {
        var entries: [Entry] = []
        var checkpointed = 0
        var bytes = 0
    }

    private let state = Mutex(State())

    public init() {}

    public func apply(_ payload: UnsafeRawBufferPointer, tenant: Tenant, offset: UInt64) throws {
        add(try RowCoding.read(payload), tenant)
    }

    private func add(_ rows: [Row], _ tenant: Tenant) {
        state.withLock { state in
            for row in rows {
                state.entries.append(Entry(row: row, tenant: tenant))
                state.bytes += 32 + row.key.utf8.count
            }
        }
    }

    public var byteCount: Int { state.withLock { $0.bytes } }
    public var rowCount: Int { state.withLock { $0.entries.count } }
    public var tenants: [Tenant] { state.withLock { Array(Set($0.entries.map(\.tenant))) } }
    public var timeRange: TimeRange? {
        state.withLock { state in
            guard let first = state.entries.first else { return nil }
            return state.entries.reduce(TimeRange(first.row.time, first.row.time)) {
                TimeRange(min($0.start, $1.row.time), max($0.end, $1.row.time))
            }
        }
    }

    /// In arrival order.
    public func rows(_ tenant: Tenant) -> [Row] {
        state.withLock { $0.entries.filter { $0.tenant == tenant }.map(\.row) }
    }

    public func checkpoint(into block: inout ByteBuffer) {
        let new = state.withLock { state in
            defer { state.checkpointed = state.entries.count }
            return Array(state.entries[state.checkpointed...])
        }
        var rest = new[...]
        while let first = rest.first {
            let run = rest.prefix { $0.tenant == first.tenant }
            var rows = ByteBuffer()
            RowCoding.append(run.map(\.row), to: &rows)
            block.append(prefixed: first.tenant.name)
            block.append(prefixed: rows.bytes)
            rest = rest.dropFirst(run.count)
        }
    }

    public func restore(_ block: UnsafeRawBufferPointer, owner: AnyObject) throws {
        var reader = ByteReader(block)
        while !reader.isAtEnd {
            let tenant = Tenant(String(decoding: try reader.prefixed(), as: UTF8.self))
            add(try RowCoding.read(try reader.prefixed()), tenant)
        }
        state.withLock { $0.checkpointed = $0.entries.count }
    }
}
