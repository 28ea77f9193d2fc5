import Bedrock

/// What an engine stands on: the three ports and the seams. Made by `DataDirectory.environment` for one process, by hand in tests.
public struct EngineEnvironment: Sendable {
    public var objects: any ObjectStore
    public var catalog: any Catalog
    /// Opens the shard's queue; the next record gets at least the offset given.
    public var openQueue: @Sendable (_ shard: ShardKey, _ firstOffset: UInt64) throws -> any WriteQueue
    public var fileSystem: any FileSystem
    public var clock: any ClockSource
    /// Holds `head/`.
    public var directory: String
    public var disk: DiskGuard
    public var damage: DamageLog
    public var budget: MemoryBudget
    /// Who takes the leases, for people.
    public var holder: String

    public init(
        objects: any ObjectStore, catalog: any Catalog,
        openQueue: @escaping @Sendable (_ shard: ShardKey, _ firstOffset: UInt64) throws -> any WriteQueue,
        fileSystem: any FileSystem, clock: any ClockSource, directory: String, disk: DiskGuard, damage: DamageLog,
        budget: MemoryBudget, holder: String
    ) {
        self.objects = objects
        self.catalog = catalog
        self.openQueue = openQueue
        self.fileSystem = fileSystem
        self.clock = clock
        self.directory = directory
        self.disk = disk
        self.damage = damage
        self.budget = budget
        self.holder = holder
    }
}
