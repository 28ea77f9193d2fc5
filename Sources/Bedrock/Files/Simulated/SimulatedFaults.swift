/// What the simulated file system does to files and names: the operations that can fail or be cut short by a crash.
public enum FileOperation: String, Sendable, CaseIterable {
    case create
    case write
    case sync
    case truncate
    case rename
    case remove
    case createDirectory
    case syncDirectory
    case read
}

/// What goes wrong with a read.
public enum ReadFault: Equatable, Sendable {
    /// So many bytes are missing at the end.
    case short(by: Int)
    /// One bit of the answer is wrong; counted from the first byte's lowest.
    case flip(bit: Int)
    case fail
}

/// When the simulated machine loses power and which operations fail. Changes (all operations but reads) are numbered from 1.
public struct SimulatedFaults: Sendable {
    /// At the change of this number the power goes: the change may or may not have taken effect, and all that follows fails until `restart`.
    public var crashAt: Int?
    /// Changes of these numbers fail with an I/O error.
    public var failAt: Set<Int> = []
    /// Fails a change by its kind and path.
    public var fail: (@Sendable (FileOperation, String) -> FileError.Reason?)?
    /// Spoils a read of `count` bytes at `offset` of a path (a map reads the whole file).
    public var spoilRead: (@Sendable (_ path: String, _ offset: Int, _ count: Int) -> ReadFault?)?

    public init() {}
}
