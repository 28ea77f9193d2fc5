import Bedrock
import Model

/// What filters mean for one segment: which blocks may have a row that passes, and which entries of the dictionary decide without looking at rows.
/// Immutable and thread-safe.
public final class LineVerdicts: Sendable {
    /// All must pass; in each any test, or with `isNegated` none.
    let filters: [(tests: [LineTest], isNegated: Bool)]
    /// By entry.
    let verdicts: ContiguousArray<LineVerdict>
    /// For a filter of one program: where in the lines of a pattern a match may begin, into `starts`.
    let startRanges: [Int: Range<Int>]
    let starts: ContiguousArray<Int32>
    /// For a filter of one test.
    let wordKey: WordKey?
    /// No row of the segment passes.
    public let isNever: Bool
    /// Every row of the segment passes.
    public let isAlways: Bool
    /// Blocks that may have rows that pass; nil: any may.
    private let blocks: [Bool]?

    init(_ dictionary: LineDictionary, _ lineFilters: [LineFilter]) {
        filters = lineFilters.map { ($0.alternatives.map { LineTest($0) }, $0.isNegated) }
        var compiler = VerdictCompiler(dictionary)
        for filter in filters { compiler.add(filter.tests, isNegated: filter.isNegated) }
        verdicts = compiler.verdicts
        isAlways = lineFilters.isEmpty
        wordKey = filters.count == 1 && filters[0].tests.count == 1 ? WordKey(filters[0].tests[0], dictionary) : nil
        var hints = compiler
        if filters.count == 1, filters[0].tests.count == 1, filters[0].tests[0].programs.count == 1 {
            hints.findStarts(filters[0].tests[0])
        }
        startRanges = hints.startRanges
        starts = hints.starts
        blocks = compiler.possibleBlocks(filters)
        isNever = blocks.map { !$0.contains(true) } ?? false
    }

    /// Whether block `block`, in the order in which blocks were encoded, may have a row that passes.
    public func mayMatch(block: Int) -> Bool {
        guard let blocks else { return true }
        return block >= blocks.count || blocks[block]
    }

    /// Whether a line passes all filters.
    func matches(_ line: UnsafeRawBufferPointer) -> Bool {
        filters.allSatisfy { filter in filter.tests.contains { $0.matches(line) } != filter.isNegated }
    }
}

extension LineDictionary {
    /// What `filters`, all of which must pass, mean for the segment.
    public func compile(_ filters: [LineFilter]) -> LineVerdicts { LineVerdicts(self, filters) }
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
