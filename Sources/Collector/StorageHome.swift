import Bedrock
import LSM

/// One data directory, open, and the memory that its signals share. Thread-safe.
public final class StorageHome: Sendable {
    public let directory: DataDirectory
    public let budget: MemoryBudget
    public let clock: any ClockSource

    /// Opens the directory (made when missing).
    ///
    /// - Parameters:
    ///   - memoryBytesMax: of all queues, memtables and caches together.
    ///   - ballastBytes: kept in reserve for a full disk.
    /// - Throws: `EngineError` when it is in use, of a newer version, or not a data directory.
    public init(
        _ path: String, memoryBytesMax: Int = 4 << 30, ballastBytes: Int = 64 << 20,
        clock: any ClockSource = SystemClock(), fileSystem: any FileSystem = PosixFileSystem()
    ) throws {
        directory = try DataDirectory(path, fileSystem: fileSystem, clock: clock, ballastBytes: ballastBytes)
        budget = MemoryBudget(byteCountMax: memoryBytesMax)
        self.clock = clock
    }
}
