import Bedrock

/// Port 1: the ordered, durable log of accepted records, one per (signal, shard).
///
/// Offsets count records, start at 1 and have no gaps. Used by one thread, the shard's worker.
public protocol WriteQueue: AnyObject, Sendable {
    /// Appends a record and returns its offset. Not durable before the next successful `sync`.
    func append(_ record: UnsafeRawBufferPointer) throws(QueueError) -> UInt64
    /// Makes everything appended durable (or, where the operator chose a sync interval, as safe as that says). After an error none of the
    /// records since the last success may be acknowledged; they are forgotten, and their offsets are given out again.
    func sync() throws(QueueError)
    /// Calls `body` with each durable record from `offset` on, in order; the bytes are valid within the call.
    /// A torn tail ends the replay quietly; damage before the tail is told to `damage`, and the replay goes on behind it.
    func replay(
        from offset: UInt64, damage: (QueueDamage) throws -> Void,
        _ body: (UInt64, UnsafeRawBufferPointer) throws -> Void
    ) throws
    /// Forgets records up to and including `offset`; may keep more.
    func trim(through offset: UInt64) throws(QueueError)
    /// Parts what was accepted from what comes, so that `trim` can let go of the one without the other. Best effort.
    func cut()
    /// The first record that may still be kept.
    var firstOffset: UInt64 { get }
    /// Whether accepted records wait for a sync that only a later call of `sync` will bring.
    var hasUnsynced: Bool { get }
    /// The offset the next record will get.
    var nextOffset: UInt64 { get }
    /// Bytes kept, for the cap that bounds recovery time.
    var byteCount: Int { get }
}

extension WriteQueue {
    /// As `replay(from:damage:_:)`, but damage before the tail throws `.corrupt`.
    public func replay(from offset: UInt64, _ body: (UInt64, UnsafeRawBufferPointer) throws -> Void) throws {
        try replay(from: offset, damage: { damage in throw QueueError.corrupt("\(damage)") }, body)
    }
}

/// Records that were durable once and can't be read any more.
public struct QueueDamage: Error, Equatable, Sendable, CustomStringConvertible {
    /// Offsets lost.
    public var offsets: ClosedRange<UInt64>
    /// The file, for an operator.
    public var place: String
    public var reason: String

    public init(offsets: ClosedRange<UInt64>, place: String, reason: String) {
        self.offsets = offsets
        self.place = place
        self.reason = reason
    }

    public var description: String {
        "\(place): \(reason); records \(offsets.lowerBound) to \(offsets.upperBound) are lost"
    }
}

/// Why a queue operation failed.
public enum QueueError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No room on the medium.
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

    init(_ error: FileError) {
        self = error.reason == .full ? .full("\(error)") : .failed("\(error)")
    }
}
