import Model

/// How far a delete has come. Kept for a month after its end, also over restarts.
public struct DeleteReceipt: Hashable, Sendable {
    public enum State: Int, Comparable, CaseIterable, Sendable {
        /// On its way into the shards.
        case accepted
        /// No query sees the rows any more.
        case hidden
        /// No live segment and no memtable holds the rows.
        case rewritten
        /// Nor does the log, a checkpoint, or an object that waits to be deleted. Records set aside as unreadable are not looked into.
        case gone

        public static func < (a: State, b: State) -> Bool { a.rawValue < b.rawValue }
    }

    public var id: String
    public var tenant: Tenant
    public var matchers: [Matcher]
    /// Milliseconds, both ends included.
    public var range: TimeRange
    /// As the signal writes it; empty: all rows.
    public var predicate: String
    /// Milliseconds since the Unix epoch.
    public var createdAt: Int64
    /// Of all shards, the one that is behind.
    public var state: State
    /// When the last of the bytes went, milliseconds since the Unix epoch.
    public var goneAt: Int64?

    init(_ tombstone: Tombstone, state: State, goneAt: Int64? = nil) {
        id = tombstone.id
        tenant = tombstone.tenant
        matchers = tombstone.matchers
        range = tombstone.range
        predicate = tombstone.predicate
        createdAt = tombstone.createdAt
        self.state = state
        self.goneAt = goneAt
    }
}

/// What one shard keeps of a delete that has an id.
public struct DeleteRecord: Hashable, Sendable {
    public var tombstone: Tombstone
    /// Compaction has dropped the rows: the tombstone hides nothing any more.
    public var isApplied: Bool
    /// When the last of the bytes went.
    public var goneAt: Int64?

    public init(tombstone: Tombstone, isApplied: Bool = false, goneAt: Int64? = nil) {
        self.tombstone = tombstone
        self.isApplied = isApplied
        self.goneAt = goneAt
    }

    var receipt: DeleteReceipt {
        DeleteReceipt(
            tombstone, state: goneAt != nil ? .gone : isApplied ? .rewritten : .hidden, goneAt: goneAt)
    }
}
