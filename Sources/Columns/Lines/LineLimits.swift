/// Bounds of the line codec, each with its reason.
public enum LineLimits {
    /// Rows of one block: numbers of rows and entries take 16 bits.
    public static let rowsMax = 1 << 16
    /// A longer line is not taken apart: it would make a pattern of its own.
    static let patternBytesMax = 8192
    /// Variable parts of one line.
    static let slotsMax = 250
    /// Entries of a segment's dictionary; lines that would need more go to arenas.
    static let entriesMax = 1 << 18
    /// Bytes of all patterns of a dictionary, likewise.
    static let dictionaryBytesMax = 4 << 20
    /// Patterns that are taken for a single line: so many at once, and one more for so many rows, so that odd lines don't swell the dictionary.
    static let singlesFree = 4096
    static let rowsPerSingle = 256
    /// Values of one block, so that a damaged block makes nobody allocate without bound.
    static let valuesMax = 1 << 22
    /// A pattern in more blocks than this has no list of them.
    static let blockListMax = 8
    /// Blocks of one segment.
    static let blocksMax = 1 << 20
}
