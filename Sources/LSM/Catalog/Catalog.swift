import Bedrock
import Model

/// Port 3: which segments exist, up to which offset they hold the queue's records, and who may say so. Transactional, durable, thread-safe.
public protocol Catalog: Sendable {
    /// Takes the shard's lease: its epoch grows, and commits of older epochs are refused from now on. Creates the shard if it is new.
    func acquire(_ shard: ShardKey, holder: String) throws(CatalogError) -> ShardState
    /// The shard as it is; nil when it doesn't exist. Takes nothing.
    func state(_ shard: ShardKey) throws(CatalogError) -> ShardState?
    /// All shards of all signals, sorted.
    func shards() throws(CatalogError) -> [ShardKey]
    /// Notes that an object of this name may come to exist, before it does. Names are never used twice.
    func reserve(_ object: String, shard: ShardKey, epoch: UInt64) throws(CatalogError)
    /// All of `edit`, or nothing.
    /// - Throws: `.conflict` when the epoch, the start offset or an input is not what `edit` assumes.
    func commit(_ edit: CatalogEdit) throws(CatalogError)
}

/// One transaction on one shard.
public struct CatalogEdit: Sendable {
    /// A move of the committed offset, with the lanes that changed on the way.
    public struct Advance: Sendable {
        /// The committed offset must be this.
        public var from: UInt64
        public var to: UInt64
        public var lanes: [Lane: LaneState]
        public var lanesForgotten: Set<Lane>

        public init(from: UInt64, to: UInt64, lanes: [Lane: LaneState] = [:], lanesForgotten: Set<Lane> = []) {
            self.from = from
            self.to = to
            self.lanes = lanes
            self.lanesForgotten = lanesForgotten
        }
    }

    public var shard: ShardKey
    /// Must be the lease's.
    public var epoch: UInt64
    public var advance: Advance?
    /// Their names must be reserved, and are not any more then.
    public var added: [SegmentRecord] = []
    /// Must be live. Their bytes may go from `deleteAfter` on.
    public var removed: [RemovedObject] = []
    /// Live segments in which deletes up to an offset have nothing to hide, by name.
    public var settled: [String: UInt64] = [:]
    /// Reserved names that no object will have, and removed objects whose bytes are gone.
    public var forgotten: [String] = []
    public var tombstonesAdded: [Tombstone] = []
    /// By offset: they have nothing left to hide. The records of those with an id stay.
    public var tombstonesDropped: [UInt64] = []
    /// Deletes with an id of which no byte is left, by offset, with the time, milliseconds since the Unix epoch.
    public var deletesGone: [UInt64: Int64] = [:]
    /// By offset.
    public var deletesForgotten: [UInt64] = []

    public init(shard: ShardKey, epoch: UInt64) {
        self.shard = shard
        self.epoch = epoch
    }
}

/// Why the catalog did not do what was asked. Nothing was changed, save for `.failed`, after which it may or may not have been.
public enum CatalogError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The lease has passed to another process.
    case fenced(String)
    /// The start offset, an input or a name is not as assumed.
    case conflict(String)
    case full(String)
    case failed(String)
    case newerVersion(found: Int, known: Int)

    public var description: String {
        switch self {
        case .fenced(let why), .conflict(let why), .full(let why), .failed(let why): why
        case .newerVersion(let found, let known):
            "the catalog has format version \(found), this program knows \(known): use a newer one"
        }
    }
}
