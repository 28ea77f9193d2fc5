/// Constants of the log segment format, version 1. The README of this room draws it.
enum LogLayout {
    static let version = 1
    /// At the front and at the very end of an object.
    static let magic: [UInt8] = Array("OBSLOGS1".utf8)
    /// Footer offset u64, length u32, CRC-32C u32; version u32; CRC-32C of these 20 bytes u32; magic. Stands twice.
    static let tailBytes = 32

    /// Streams and blocks in one section; each section has a checksum of its own, and what is damaged is lost with its section only.
    static let streamsPerSection = 512
    static let blocksPerSection = 32
    /// zstd level of index sections: they are small and written once.
    static let indexCompressionLevel: Int32 = 9

    enum Section: UInt8, CaseIterable {
        /// Label sets, sorted. Items: streams.
        case streams = 1
        /// Where blocks and their chunks are. Items: blocks.
        case blocks = 2
        /// Names of metadata fields. Items: names.
        case fields = 3
        /// What the line chunks of all blocks refer to. Items: 1.
        case lines = 4

        /// So that the footer's size bounds what a reader makes room for.
        var itemsMax: Int {
            switch self {
            case .streams: streamsPerSection
            case .blocks: blocksPerSection
            case .fields: 1 << 20
            case .lines: 1
            }
        }

        var name: String {
            switch self {
            case .streams: "stream table"
            case .blocks: "block directory"
            case .fields: "field names"
            case .lines: "line dictionary"
            }
        }
    }
}
