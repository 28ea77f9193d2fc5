/// Bounds of the trace store, each with its reason.
public enum TraceStoreLimits {
    /// Spans after which a block ends at the next trace: what a reader decodes at once, and what one damaged byte can cost.
    public static let blockRowsMin = 8_192
    /// Spans at which a block ends within a trace.
    public static let blockRowsMax = 32_768
    /// Bytes of attributes, names, events and links at which a block ends at the next trace, and four times that within one.
    public static let blockBytesMin = 4 << 20
    /// Attribute keys (by type) with a column of their own in a block; further ones share the map column.
    public static let blockColumnsMax = 400
    /// Likewise in a segment.
    public static let segmentColumnsMax = 10_000
    /// Different texts of an attribute that a segment lists; beyond it each block has its own.
    public static let dictionaryEntriesMax = 8_192
    public static let dictionaryBytesMax = 1 << 20
    /// Keys of events, links and scopes that a segment notes for listing.
    public static let notedKeysMax = 10_000
    /// Spans of a part of a memtable, for the same reasons as those of a block.
    static let memtablePartRowsMax = 8_192
    /// What a reader allocates for one section or chunk at most, whatever a segment says.
    static let sectionBytesMax = 256 << 20
    /// Entries of one page of the id index.
    static let idPageEntries = 1_024
}
