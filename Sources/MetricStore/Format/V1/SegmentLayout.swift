/// Constants of the metric segment format, versions 1 and 2. The README of this room draws it.
enum SegmentLayout {
    /// The newest version. A segment without exemplars and native histograms is written as version 1.
    static let version = 2
    /// At the front and at the very end of an object.
    static let magic: [UInt8] = Array("OBSMETR1".utf8)
    /// Directory offset u64, length u32, CRC-32C u32; version u32; CRC-32C of these 20 bytes u32; magic.
    static let tailBytes = 32

    /// Series whose labels, and whose chunk lists, stand in one block.
    static let seriesPerGroup = 512
    /// A page of chunks is closed once it is this large, or with its group of series.
    static let pageBytesTarget = 64 << 10
    /// The same for blocks of symbols, postings and timestamps.
    static let indexBytesTarget = 32 << 10
    /// Pairs, symbols or timestamp columns in one block.
    static let itemsPerBlockMax = 1 << 14
    /// What a reader allocates for one block at most.
    static let blockBytesMax = 256 << 20
    /// Rows of a chunk that a writer aims for, and never exceeds.
    static let chunkRowsTarget = 512
    static let chunkRowsMax = 1024
    /// Native histograms in one chunk; version 1 had up to 128.
    static let histogramRowsMax = 512

    /// What a block holds. Blocks of a kind count their items through: symbol ids, series ordinals, chunks …
    enum Kind: UInt8, CaseIterable {
        /// Value columns of chunks, one behind the other. Items: chunks.
        case chunkPage = 1
        /// Native histogram chunks, likewise.
        case histogramPage = 2
        /// Which chunks the series of a group have. Items: series.
        case chunkDirectory = 3
        /// Distinct timestamp columns. Items: columns.
        case timestamps = 4
        /// Sorted strings, front-coded. Items: symbols.
        case symbols = 5
        /// Label pairs of the series of a group. Items: series.
        case series = 6
        /// Which series have a label pair. Items: pairs.
        case postings = 7
        /// Metric families. Items: families.
        case metadata = 8
        /// Exemplars, by series. Items: exemplars. From version 2 on.
        case exemplars = 9

        var name: String {
            switch self {
            case .chunkPage: "chunk page"
            case .histogramPage: "histogram page"
            case .chunkDirectory: "chunk directory"
            case .timestamps: "timestamp block"
            case .symbols: "symbol block"
            case .series: "series block"
            case .postings: "postings block"
            case .metadata: "metadata block"
            case .exemplars: "exemplar block"
            }
        }
    }
}
