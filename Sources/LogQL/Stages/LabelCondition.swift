import Bedrock
import Model

/// A label filter, compiled for one pipeline. Not thread-safe.
///
/// A label that isn't there is the empty text for text filters; for the others the line goes. A value that can't be read as a number keeps the line,
/// as an error; the first error of a line stays.
indirect enum LabelCondition {
    case equal(Int32, [UInt8], isNegated: Bool)
    case regex(Int32, Matcher)
    case number(Int32, LabelFilter.Comparison, Double)
    case duration(Int32, LabelFilter.Comparison, Int64)
    case bytes(Int32, LabelFilter.Comparison, Double)
    case ip(Int32, isNegated: Bool, IPMatcher)
    case and(LabelCondition, LabelCondition)
    case or(LabelCondition, LabelCondition)

    init(_ filter: LabelFilter, _ names: LabelNames) throws(PipelineError) {
        switch filter {
        case .text(let matcher):
            let id = names.pin(matcher.name)
            switch matcher.operation {
            case .equal: self = .equal(id, Array(matcher.value.utf8), isNegated: false)
            case .notEqual: self = .equal(id, Array(matcher.value.utf8), isNegated: true)
            case .regex, .notRegex: self = .regex(id, matcher)
            }
        case .number(let name, let comparison, let value): self = .number(names.pin(name), comparison, value)
        case .duration(let name, let comparison, let value): self = .duration(names.pin(name), comparison, value)
        case .bytes(let name, let comparison, let value): self = .bytes(names.pin(name), comparison, Double(value))
        case .ip(let name, let isNegated, let pattern):
            self = .ip(names.pin(name), isNegated: isNegated, try IPMatcher(pattern))
        case .and(let a, let b): self = .and(try LabelCondition(a, names), try LabelCondition(b, names))
        case .or(let a, let b): self = .or(try LabelCondition(a, names), try LabelCondition(b, names))
        }
    }

    /// Whether the row stays.
    func passes(_ row: RowLabels, _ arena: ScratchArena) -> Bool {
        switch self {
        case .equal(let id, let wanted, let isNegated):
            let value = row.value(id) ?? UnsafeRawBufferPointer(start: nil, count: 0)
            return wanted.withUnsafeBytes { equalBytes($0, value) } != isNegated
        case .regex(let id, let matcher):
            return matcher.matches(row.value(id) ?? UnsafeRawBufferPointer(start: nil, count: 0))
        case .number(let id, let comparison, let wanted):
            return Self.compare(Self.operand(id, row), comparison, wanted, Conversion.float, row, arena)
        case .bytes(let id, let comparison, let wanted):
            return Self.compare(Self.operand(id, row), comparison, wanted, Conversion.bytes, row, arena)
        case .duration(let id, let comparison, let wanted):
            guard let value = Self.operand(id, row) else { return false }
            switch GoDuration.parse(value) {
            case .success(let found): return comparison.holds(found, wanted)
            case .failure(let failure): return Self.keep(Conversion.failure(failure, of: value), row, arena)
            }
        case .ip(let id, let isNegated, let matcher):
            // The only one that keeps all lines with an error.
            if row.error != nil { return true }
            guard let value = row.value(id) else { return false }
            return matcher.matchesAny(in: value) != isNegated
        case .and(let a, let b): return a.passes(row, arena) && b.passes(row, arena)
        case .or(let a, let b): return a.passes(row, arena) || b.passes(row, arena)
        }
    }

    /// Errors are no operands of comparisons.
    private static func operand(_ id: Int32, _ row: RowLabels) -> UnsafeRawBufferPointer? {
        row.isErrorLabel(id) ? nil : row.value(id)
    }

    @inline(__always)
    private static func compare(
        _ value: UnsafeRawBufferPointer?, _ comparison: LabelFilter.Comparison, _ wanted: Double,
        _ convert: (UnsafeRawBufferPointer) -> Conversion.Result, _ row: RowLabels, _ arena: ScratchArena
    ) -> Bool {
        guard let value else { return false }
        switch convert(value) {
        case .value(let found): return comparison.holds(found, wanted)
        case .failure(let failure): return keep(failure, row, arena)
        }
    }

    private static func keep(_ failure: ConversionFailure, _ row: RowLabels, _ arena: ScratchArena) -> Bool {
        if row.error == nil { row.setError(.labelFilter, details: arena.copy(failure.description)) }
        return true
    }
}

extension LabelFilter.Comparison {
    /// On whole numbers, which doubles would round.
    func holds(_ a: Int64, _ b: Int64) -> Bool {
        switch self {
        case .equal: a == b
        case .notEqual: a != b
        case .less: a < b
        case .lessOrEqual: a <= b
        case .greater: a > b
        case .greaterOrEqual: a >= b
        }
    }
}

extension LabelFilter {
    /// Names of the labels that it looks at.
    var names: [String] {
        switch self {
        case .text(let matcher): [matcher.name]
        case .number(let name, _, _), .duration(let name, _, _), .bytes(let name, _, _), .ip(let name, _, _): [name]
        case .and(let a, let b), .or(let a, let b): a.names + b.names
        }
    }
}
