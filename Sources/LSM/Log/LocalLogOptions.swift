/// When an accepted record is on the medium.
public enum Durability: Equatable, Sendable {
    /// Before it is acknowledged.
    case sync
    /// At most so many nanoseconds later; until then it survives the death of the process, not of the machine.
    case interval(nanoseconds: UInt64)
}

public struct LocalLogOptions: Sendable {
    public var durability: Durability = .sync
    /// A file of this size is followed by a new one; trimming removes whole files.
    public var fileBytes = 8 << 20
    /// Bounds what a damaged length can claim, and a request.
    public var recordBytesMax = 64 << 20
    /// Accepted but unsynced bytes that are kept in memory, to write them again elsewhere if their sync fails.
    public var unsyncedBytesMax = 16 << 20

    public init() {}
}
