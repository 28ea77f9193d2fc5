import Bedrock
import Model

/// What filters mean for one segment: which blocks may have a row that passes, and which entries of the dictionary decide without looking at rows.
/// Immutable and thread-safe.
public final class LineVerdicts: Sendable {
    let filters: [LineFilter]

    init(filters: [LineFilter]) { self.filters = filters }

    /// No row of the segment passes.
    public var isNever: Bool { false }
    /// Every row of the segment passes.
    public var isAlways: Bool { filters.isEmpty }

    /// Whether block `block`, in the order in which blocks were encoded, may have a row that passes.
    public func mayMatch(block: Int) -> Bool { !isNever }

    /// Whether a line passes all filters.
    func matches(_ line: UnsafeRawBufferPointer) -> Bool {
        for filter in filters where filter.passes(line) == false { return false }
        return true
    }
}

extension LineFilter {
    /// Whether a line passes.
    public func passes(_ line: UnsafeRawBufferPointer) -> Bool {
        for alternative in alternatives {
            switch alternative {
            case .literal(let literal):
                if literal.withUnsafeBytes({ line.firstOffset(of: $0) }) != nil { return !isNegated }
            case .regex(let expression):
                if expression.matches(line) { return !isNegated }
            }
        }
        return isNegated
    }
}

extension LineDictionary {
    /// What `filters`, all of which must pass, mean for the segment.
    public func compile(_ filters: [LineFilter]) -> LineVerdicts { LineVerdicts(filters: filters) }
}
