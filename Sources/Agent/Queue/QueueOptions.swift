/// How a lane's queue behaves when it is full, and how big it may become.
public struct QueueOptions: Sendable, Equatable {
    public enum Overflow: String, Sendable, CaseIterable {
        /// The oldest records go, counted as lost; the newest are the ones that alerts look at.
        case dropOldest = "drop-oldest"
        /// New records are refused, counted as lost; what was taken first is kept.
        case refuse
    }

    /// Bytes on disk of one lane.
    public var bytesMax = 256 << 20
    public var overflow = Overflow.dropOldest
    /// A segment is ended once it has so many bytes; dropping the oldest drops a segment at a time.
    public var segmentBytes = 4 << 20
    /// Acknowledgements between two writes of the position; after a crash at most so many records are sent again, recognisably.
    public var acknowledgementsPerPosition = 64

    public init() {}
}

/// Bounds that no option changes.
enum QueueLimits {
    /// Payload of one record. Bigger batches are split before they come here.
    static let recordBytesMax = 32 << 20
    /// A decompressed record.
    static let batchBytesMax = 64 << 20
}
