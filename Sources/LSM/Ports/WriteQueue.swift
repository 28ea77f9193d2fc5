import Bedrock

/// Port 1: the ordered, durable log of accepted records, one per (signal, shard).
///
/// Offsets count records, start at 1 and have no gaps. Used by one thread, the shard's worker.
public protocol WriteQueue: AnyObject, Sendable {
    /// Appends a record and returns its offset. Not durable before the next successful `sync`.
    func append(_ record: UnsafeRawBufferPointer) throws(QueueError) -> UInt64
    /// Makes everything appended durable. After an error none of the records since the last success may be acknowledged.
    func sync() throws(QueueError)
    /// Calls `body` with each durable record from `offset` on, in order; the bytes are valid within the call.
    /// A torn tail ends the replay quietly; damage before the tail throws `.corrupt`.
    func replay(from offset: UInt64, _ body: (UInt64, UnsafeRawBufferPointer) throws -> Void) throws
    /// Forgets records up to and including `offset`; may keep more.
    func trim(through offset: UInt64) throws(QueueError)
    /// The offset the next record will get.
    var nextOffset: UInt64 { get }
    /// Bytes kept, for the cap that bounds recovery time.
    var byteCount: Int { get }
}

/// Why a queue operation failed.
public enum QueueError: Error, Equatable, Sendable, CustomStringConvertible {
    case full(String)
    case tooLarge(bytes: Int, limit: Int)
    case corrupt(String)
    case failed(String)

    public var description: String {
        switch self {
        case .full(let why), .corrupt(let why), .failed(let why): why
        case .tooLarge(let bytes, let limit): "record of \(bytes) bytes is over the limit of \(limit)"
        }
    }
}
