import Synchronization

/// What every span and log record has, at the start of its first block. The protobuf fields that the program adds follow.
struct RecordHeader {
    /// The owning span's id without its lowest bit, which is set while someone writes; 0: nobody's. Read and changed atomically.
    var word: UInt64
    var traceHigh: UInt64
    var traceLow: UInt64
    var spanID: UInt64
    var parentID: UInt64
    /// Monotonic nanoseconds, and what to add for those since the epoch.
    var start: UInt64
    var end: UInt64
    var wallOffset: Int64
    /// A bit for each attribute name's hash; a second name on the same bit makes the exporter look for names given twice.
    var keyBits: UInt64
    /// Next of the records that wait for the exporter; 0: none.
    var nextDone: UInt32
    /// The block that is written to.
    var tail: UInt32
    var scope: UInt32
    var flags: UInt32
    var attributeCount: UInt16
    var eventCount: UInt16
    var linkCount: UInt16
    var droppedAttributes: UInt16
    var droppedEvents: UInt16
    var droppedLinks: UInt16
    /// Span kind, or severity.
    var kind: UInt8
    var stripe: UInt8
    var hasRepeatedNames: Bool

    static let bytes = MemoryLayout<RecordHeader>.stride
}
