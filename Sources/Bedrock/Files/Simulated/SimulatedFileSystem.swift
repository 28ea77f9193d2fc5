import Synchronization

/// Files in memory that fail as disks do, deterministic from a seed.
///
/// It keeps apart what programs see and what a power cut leaves: content is safe after `sync`, names after `syncDirectory`. `crash` and
/// `SimulatedFaults.crashAt` cut the power; `restart` decides what is left of the unsynced and serves again. Handles of before stay dead.
/// Thread-safe.
public final class SimulatedFileSystem: FileSystem {
    let disk: Mutex<SimulatedDisk>

    /// - Parameter capacity: bytes of content it takes before it is full.
    public init(seed: UInt64, capacity: UInt64 = 1 << 40, clock: (any ClockSource)? = nil) {
        disk = Mutex(SimulatedDisk(seed: seed, capacity: capacity, clock: clock))
    }

    // MARK: Faults

    /// Changes (all operations but reads) made so far.
    public var changeCount: Int { disk.withLock { $0.changeCount } }

    /// Whether the power is off.
    public var isDown: Bool { disk.withLock { $0.isDown } }

    public func setFaults(_ change: (inout SimulatedFaults) -> Void) { disk.withLock { change(&$0.faults) } }

    /// Bytes it can hold; lower than what it holds means full.
    public func setCapacity(_ bytes: UInt64) { disk.withLock { $0.capacity = bytes } }

    public var usedBytes: UInt64 { disk.withLock { $0.used } }

    /// Cuts the power now.
    public func crash() { disk.withLock { $0.isDown = true } }

    /// Power returns. Unless only the process died (`keepingCache`), what was not synced is forgotten, kept or torn.
    public func restart(keepingCache: Bool = false) {
        disk.withLock { $0.restart(keepingCache: keepingCache) }
    }

    /// Bit rot in a file at rest; `bit` counts from the first byte's lowest.
    public func flip(bit: Int, of path: String) { disk.withLock { $0.names[path]?.flip(bit: bit) } }

    // MARK: FileSystem

    public func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File {
        try locked { disk throws(FileError) in
            let existing = disk.names[path]
            if existing?.isDirectory ?? false { throw FileError("open", path, .other, text: "is a directory") }
            switch (mode, existing) {
            case (.read, nil): throw FileError("open", path, .notFound, text: "no such file")
            case (.createNew, .some): throw FileError("open", path, .exists, text: "file exists")
            case (_, let node?): return self.handle(path, node, &disk)
            case (_, nil):
                try disk.requireDirectory(Path.parent(path), for: "open", path)
                let node = SimulatedNode(isDirectory: false)
                try disk.change(.create, path) { disk in disk.name(.create(path, node)) }
                return self.handle(path, node, &disk)
            }
        }
    }

    public func createDirectory(_ path: String) throws(FileError) {
        try locked { disk throws(FileError) in try disk.createDirectory(path) }
    }

    public func list(_ directory: String) throws(FileError) -> [String] {
        try locked { disk throws(FileError) in
            try disk.requireDirectory(directory, for: "list", directory)
            return disk.names.keys.filter { Path.parent($0) == directory }.map(Path.name).sorted()
        }
    }

    public func status(_ path: String) throws(FileError) -> FileStatus? {
        try locked { disk throws(FileError) in
            if let node = disk.names[path] {
                return node.status
            }
            return SimulatedDisk.isRoot(path) ? FileStatus(size: 0, isDirectory: true) : nil
        }
    }

    public func remove(_ path: String) throws(FileError) {
        try locked { disk throws(FileError) in
            guard let node = disk.names[path] else { return }
            if node.isDirectory && disk.names.keys.contains(where: { Path.parent($0) == path }) {
                throw FileError("remove", path, .other, text: "directory is not empty")
            }
            try disk.change(.remove, path) { disk in disk.name(.remove(path)) }
        }
    }

    public func rename(_ source: String, to target: String) throws(FileError) {
        try locked { disk throws(FileError) in
            guard let node = disk.names[source] else {
                throw FileError("rename", source, .notFound, text: "no such file")
            }
            try disk.requireDirectory(Path.parent(target), for: "rename", target)
            try disk.change(.rename, source) { disk in disk.name(.rename(source, target, node)) }
        }
    }

    public func syncDirectory(_ path: String) throws(FileError) {
        try locked { disk throws(FileError) in
            try disk.requireDirectory(path, for: "sync", path)
            try disk.change(.syncDirectory, path) { disk in disk.syncNames(in: path) }
        }
    }

    public func space(_ path: String) throws(FileError) -> (available: UInt64, total: UInt64) {
        try locked { disk throws(FileError) in
            (available: disk.capacity > disk.used ? disk.capacity - disk.used : 0, total: disk.capacity)
        }
    }

    public func lock(_ path: String) throws(FileError) -> any File {
        let file = try open(path, .readWrite)
        return try locked { disk throws(FileError) in
            guard disk.locks.insert(path).inserted else {
                throw FileError("lock", path, .locked, text: "another process holds it")
            }
            (file as? SimulatedFile)?.holdsLock.store(true, ordering: .relaxed)
            return file
        }
    }

    private func handle(_ path: String, _ node: SimulatedNode, _ disk: inout SimulatedDisk) -> any File {
        SimulatedFile(path: path, node: node, incarnation: disk.incarnation, of: self)
    }

    fileprivate func locked<R>(_ body: (inout sending SimulatedDisk) throws(FileError) -> R) throws(FileError) -> R {
        // Mutex's typed throws and closures returning class instances don't mix well; a result does.
        let result = disk.withLock { disk -> UncheckedResult<R> in
            if disk.isDown { return UncheckedResult(.failure(SimulatedDisk.powerIsOff("reach", "the disk"))) }
            do throws(FileError) { return UncheckedResult(.success(try body(&disk))) } catch {
                return UncheckedResult(.failure(error))
            }
        }
        return try result.value.get()
    }
}

/// Carries a value out of the lock; values that leave are either plain data or guarded by the lock again.
private struct UncheckedResult<R>: @unchecked Sendable {
    let value: Result<R, FileError>
    init(_ value: Result<R, FileError>) { self.value = value }
}

extension SimulatedFileSystem {
    /// Counts `body` as a change that is durable at once, so that crashes and faults hit it as they hit files: a database's commit.
    public func external(_ name: String, _ body: () -> Void) throws(FileError) {
        try locked { disk throws(FileError) in try disk.change(.sync, name) { _ in body() } }
    }
}
