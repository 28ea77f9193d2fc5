import Bedrock
import Model

/// What the blocks of a segment share: the fixed texts of lines. Immutable and thread-safe.
public final class LineDictionary: Sendable {
    public init(_ bytes: UnsafeRawBufferPointer) throws(ColumnError) {
        guard bytes.first == 0 else { throw ColumnError("a line dictionary of an unknown form") }
    }

    /// Memory, for budgets.
    public var byteCount: Int { 64 }

    /// What `filters`, all of which must pass, mean for the segment.
    public func compile(_ filters: [LineFilter]) -> LineVerdicts { LineVerdicts(filters: filters) }

    /// Entries; pattern ids are below.
    public var patternCount: Int { 0 }

    /// The fixed text of a pattern, variable parts as `<_>`.
    public func patternText(_ id: Int) -> String { "" }
}
