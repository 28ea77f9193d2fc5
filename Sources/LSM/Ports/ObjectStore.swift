import Bedrock

/// Port 2: immutable objects by name. Names look like paths (`metrics/0/…`). Thread-safe.
public protocol ObjectStore: Sendable {
    /// Starts an object. It appears, whole and durable, when the writer's `finish` returns, and not before.
    func create(_ name: String) throws -> any ObjectWriter
    func open(_ name: String) throws -> any ObjectReader
    /// Names that begin with `prefix`, sorted.
    func list(_ prefix: String) throws -> [String]
    /// No error when it is missing.
    func delete(_ name: String) throws
}

/// Writes one object, front to back. One owner; abandoned (and cleaned up) when released before `finish`.
public protocol ObjectWriter: AnyObject {
    /// Bytes appended so far.
    var count: Int { get }
    func append(_ bytes: UnsafeRawBufferPointer) throws
    /// Syncs and publishes.
    func finish() throws
}

/// Reads ranges of one object. Thread-safe.
public protocol ObjectReader: AnyObject, Sendable {
    var name: String { get }
    var size: Int { get }
    /// The bytes of `range`: mapped where the object is local, fetched otherwise.
    func bytes(_ range: Range<Int>) throws -> ObjectBytes
}

/// Bytes of an object, kept alive by `owner`.
public struct ObjectBytes: @unchecked Sendable {
    public let bytes: UnsafeRawBufferPointer
    /// Whatever must stay alive for `bytes` to be valid.
    public let owner: AnyObject

    public init(_ bytes: UnsafeRawBufferPointer, owner: AnyObject) {
        self.bytes = bytes
        self.owner = owner
    }
}
