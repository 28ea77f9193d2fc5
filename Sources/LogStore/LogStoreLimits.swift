/// Bounds of the log store, each with its reason.
public enum LogStoreLimits {
    /// Bytes of one line; a longer one is refused at admission, so that a block's arena stays bounded.
    public static let lineBytesMax = 2 << 20
    /// Rows of a block: what a reader decodes at once, and what one damaged byte can cost.
    public static let blockRowsMax = 16_384
    /// Raw bytes of the lines of a block, unless one line alone is longer.
    public static let blockLineBytesMax = 2 << 20
    /// Raw bytes of the structured metadata of a block, unless one row alone has more.
    public static let blockMetadataBytesMax = 2 << 20
    /// Rows of a part of a memtable, for the same reasons.
    static let memtablePartRowsMax = 16_384
    /// Structured metadata of one row, canonical bytes.
    public static let metadataBytesMax = 256 << 10
    /// What a reader allocates for one section or chunk at most, whatever a segment says.
    static let sectionBytesMax = 256 << 20
    /// Lines that a memtable or a segment without templates is clustered from for patterns.
    static let patternSampleRows = 20_000
}
