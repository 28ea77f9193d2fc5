import Bedrock
import Model

/// How a signal plugs into the engine: its memtable, and how segments are written, read and merged. Stateless and thread-safe.
public protocol SegmentFormat: Sendable {
    associatedtype Table: Memtable
    associatedtype Segment: SegmentReader

    /// `metrics`, `logs` or `traces`: part of object names and of catalog rows.
    var signal: String { get }
    /// The version this code writes.
    var version: Int { get }

    /// An empty memtable. `previous`, when given, is the one just sealed: what should outlive a flush (the series table) may be taken over.
    func makeMemtable(after previous: Table?) -> Table
    /// Writes all rows of one tenant of a sealed memtable as one tier-0 object, without finishing the writer. Nil: there was no row.
    func flush(_ table: Table, tenant: Tenant, into writer: any ObjectWriter) throws -> SegmentSummary?
    /// Opens an object that the catalog lists. Reads the footer only.
    /// - Throws: `SegmentDamage` when the footer's checksum or structure is wrong.
    func open(_ object: any ObjectReader) throws -> Segment
    /// Merges `inputs` (oldest first: of equal series and timestamp the later input wins) into one object. Rows outside `clip` and rows hidden
    /// by `tombstones` are left out. Damaged blocks are skipped and reported. Nil: nothing was left.
    func merge(
        _ inputs: [Segment], clip: TimeRange, tombstones: [Tombstone], tier: Int, into writer: any ObjectWriter,
        damage: (SegmentDamage) -> Void, yield: () throws -> Void
    ) throws -> SegmentSummary?
    /// Whether a segment may have rows that a delete hides. False spares rewriting it.
    func mayHold(_ segment: Segment, _ tombstone: Tombstone) -> Bool
    /// Judges the predicate of a delete before it is accepted. Signals without predicates refuse every one but the empty.
    func check(predicate: String) throws
}

extension SegmentFormat {
    public func mayHold(_ segment: Segment, _ tombstone: Tombstone) -> Bool { true }

    public func check(predicate: String) throws {
        guard predicate.isEmpty else { throw WriteError.invalid("deletes of \(signal) take no predicate") }
    }
}

/// Rows of one (signal, shard) that are only in memory and in the write queue.
///
/// One thread, the shard's worker, applies and checkpoints; any number of readers look at once, and never block it. Rows only append.
public protocol Memtable: AnyObject, Sendable {
    /// Applies a queue record's payload. Deterministic: the same records give the same rows. A record the table can't decode throws, and leaves
    /// the table as it was.
    func apply(_ payload: UnsafeRawBufferPointer, tenant: Tenant, offset: UInt64) throws
    /// Bytes in memory, against the budget that triggers a seal.
    var byteCount: Int { get }
    var rowCount: Int { get }
    /// Tenants with rows.
    var tenants: [Tenant] { get }
    /// Timestamps of all rows; nil when there are none. Milliseconds.
    var timeRange: TimeRange? { get }
    /// Appends everything not yet checkpointed (new series, rows) to `block`, in a form that `restore` takes. Nothing new: appends nothing.
    func checkpoint(into block: inout ByteBuffer)
    /// Takes a checkpoint block back in, at recovery, in the order they were written. `owner` keeps `block` alive and may be kept.
    func restore(_ block: UnsafeRawBufferPointer, owner: AnyObject) throws
}

/// An open, immutable segment. Thread-safe.
public protocol SegmentReader: AnyObject, Sendable {
    var summary: SegmentSummary { get }
    /// Reads every block and checks every checksum; reports each damage. For `obsq verify`.
    func verify(_ report: (SegmentDamage) -> Void) throws
}

/// What the catalog keeps of a segment.
public struct SegmentSummary: Hashable, Sendable {
    /// Milliseconds, both ends included.
    public var timeRange: TimeRange
    public var seriesCount: Int
    public var rowCount: Int
    public var byteCount: Int
    public var formatVersion: Int

    public init(timeRange: TimeRange, seriesCount: Int, rowCount: Int, byteCount: Int, formatVersion: Int) {
        self.timeRange = timeRange
        self.seriesCount = seriesCount
        self.rowCount = rowCount
        self.byteCount = byteCount
        self.formatVersion = formatVersion
    }
}

/// Bytes on disk that fail their checksum, or don't decode although they pass it. Reported, never served.
public struct SegmentDamage: Error, Equatable, Sendable, CustomStringConvertible {
    public var object: String
    /// Section and number, such as `chunk page 12`.
    public var block: String
    /// Byte offset in the object.
    public var offset: Int
    /// What is lost by it, in an operator's words: series and minutes.
    public var lost: String
    public var reason: String

    public init(object: String, block: String, offset: Int, lost: String, reason: String) {
        self.object = object
        self.block = block
        self.offset = offset
        self.lost = lost
        self.reason = reason
    }

    public var description: String { "\(object): \(block) at byte \(offset): \(reason); lost: \(lost)" }
}

/// A delete: hides rows of lower offsets that match, from the moment it is applied.
public struct Tombstone: Hashable, Sendable {
    public var tenant: Tenant
    public var matchers: [Matcher]
    public var range: TimeRange
    /// What else a row must be to be hidden, in words of the signal; empty: every row is.
    public var predicate: String
    /// Rows at or above this offset are not hidden.
    public var offset: UInt64
    /// Of the receipt; empty: there is none.
    public var id: String
    /// Milliseconds since the Unix epoch; 0: unknown.
    public var createdAt: Int64

    public init(
        tenant: Tenant, matchers: [Matcher], range: TimeRange, predicate: String = "", offset: UInt64, id: String = "",
        createdAt: Int64 = 0
    ) {
        self.tenant = tenant
        self.matchers = matchers
        self.range = range
        self.predicate = predicate
        self.offset = offset
        self.id = id
        self.createdAt = createdAt
    }
}
