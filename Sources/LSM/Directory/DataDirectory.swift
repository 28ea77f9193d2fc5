import Bedrock
import Model

/// A data directory, opened by one process: `VERSION`, `LOCK`, `catalog.db`, `log/`, `head/`, `objects/`, `ballast`.
///
/// Holds the lock as long as it lives.
public final class DataDirectory: Sendable {
    /// The layout this program writes.
    public static let version = 1

    public let path: String
    public let fileSystem: any FileSystem
    public let clock: any ClockSource
    public let catalog: any Catalog
    public let objects: any ObjectStore
    public let disk: DiskGuard
    public let damage: DamageLog
    private let lock: any File

    /// Opens the directory, or makes it.
    ///
    /// - Parameters:
    ///   - ballastBytes: kept in reserve for a full disk.
    ///   - catalog: instead of `catalog.db`, for simulations.
    /// - Throws: `EngineError` when it is in use, of a newer version, or not a data directory.
    public init(
        _ path: String, fileSystem: any FileSystem = PosixFileSystem(), clock: any ClockSource = SystemClock(),
        ballastBytes: Int = 64 << 20, catalog: (any Catalog)? = nil
    ) throws {
        self.path = path
        self.fileSystem = fileSystem
        self.clock = clock
        try fileSystem.createDirectoryDurably(path)
        lock = try Self.takeLock(path, fileSystem)
        try fileSystem.syncDirectory(path)
        try Self.checkVersion(path, fileSystem)
        self.catalog = try catalog ?? SQLiteCatalog(path: Path.join(path, "catalog.db"))
        objects = try DirectoryStore(root: Path.join(path, "objects"), fileSystem: fileSystem)
        disk = DiskGuard(directory: path, ballastBytes: ballastBytes, fileSystem: fileSystem)
        damage = DamageLog(clock: clock)
    }

    static func takeLock(_ path: String, _ fileSystem: any FileSystem) throws(EngineError) -> any File {
        do throws(FileError) { return try fileSystem.lock(Path.join(path, "LOCK")) } catch {
            throw error.reason == .locked ? .inUse(directory: path) : .failed("\(error)")
        }
    }

    /// Makes `VERSION` in an empty directory; refuses what is newer or something else.
    static func checkVersion(_ path: String, _ fileSystem: any FileSystem) throws {
        let file = Path.join(path, "VERSION")
        guard try fileSystem.status(file) != nil else {
            // A directory of something else must not be taken over.
            let strangers = try fileSystem.list(path).filter { !["LOCK", "VERSION.tmp"].contains($0) }
            guard strangers.isEmpty else {
                throw EngineError.notADataDirectory(
                    "\(path) has no VERSION but holds \(strangers.prefix(3).joined(separator: ", ")): choose an empty directory"
                )
            }
            try fileSystem.replace(file, with: Array("\(version)\n".utf8))
            return
        }
        let text = String(decoding: try fileSystem.readAll(file, limit: 4096), as: UTF8.self)
        guard let found = Int(text.prefix { $0.isNumber }), found > 0 else {
            throw EngineError.notADataDirectory("\(file) does not begin with a version number")
        }
        if found > version { throw EngineError.newerVersion(what: path, found: found, known: version) }
    }

    /// What an engine in this directory stands on.
    /// - Parameter budget: memory shared by all engines and caches of the process.
    public func environment(options: EngineOptions, budget: MemoryBudget) -> EngineEnvironment {
        var log = LocalLogOptions()
        log.durability = options.durability
        log.fileBytes = max(options.logBytesMax / 8, 1)
        log.recordBytesMax = options.recordBytesMax
        let (path, fileSystem, clock, logOptions) = (path, fileSystem, clock, log)
        return EngineEnvironment(
            objects: objects, catalog: catalog,
            openQueue: { shard, firstOffset in
                try LocalLog(
                    directory: Path.join(path, "log/\(shard)"), firstOffset: firstOffset, options: logOptions,
                    fileSystem: fileSystem, clock: clock)
            }, fileSystem: fileSystem, clock: clock, directory: path, disk: disk, damage: damage, budget: budget,
            holder: "local")
    }
}
