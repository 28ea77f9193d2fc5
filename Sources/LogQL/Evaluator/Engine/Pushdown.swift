import Bedrock
import Model

/// A log query divided: what the source does for itself, and the stages that are left.
struct Pushdown: Sendable {
    let matchers: [Matcher]
    private(set) var filters: [LineFilter] = []
    private(set) var metadataMatchers: [Matcher] = []
    /// In order; together with the pushed conditions they say what the whole pipeline says.
    private(set) var stages: [PipelineStage] = []

    /// Line filters go down as long as no stage before them changes the line: dropping a row sooner or later is the same. Conditions on
    /// labels go down as long as no stage before them changes labels.
    init(_ query: LogQuery) throws(LogQLQueryError) {
        matchers = query.matchers
        var isLineAsStored = true
        var areLabelsAsStored = true
        for stage in query.stages {
            switch stage {
            case .lineFilter(let filter):
                if isLineAsStored, let pushed = try Self.pushed(filter) {
                    // A filter that every line passes asks for nothing.
                    if !pushed.alternatives.isEmpty { filters.append(pushed) }
                    continue
                }
            case .labelFilter(let filter):
                if areLabelsAsStored {
                    let rest = push(filter)
                    if let rest { stages.append(.labelFilter(rest)) }
                    continue
                }
            case .unpack, .lineFormat, .decolorize: isLineAsStored = false
            default: break
            }
            switch stage {
            case .json, .logfmt, .regexp, .pattern, .unpack, .labelFormat, .drop, .keep: areLabelsAsStored = false
            default: break
            }
            stages.append(stage)
        }
    }

    /// nil where the source can't: addresses and patterns. Without alternatives when every line passes.
    private static func pushed(_ stage: LineFilterStage) throws(LogQLQueryError) -> LineFilter? {
        var alternatives: [LineFilter.Match] = []
        for operand in stage.alternatives {
            switch operand {
            case .literal(let bytes):
                if bytes.isEmpty && !stage.isNegated { return LineFilter([]) }
                alternatives.append(.literal(bytes))
            case .regex(let pattern):
                do throws(RegexError) {
                    alternatives.append(.regex(try RegularExpression("(?s)" + pattern, anchored: false)))
                } catch {
                    throw .execution("error parsing regexp: \(error.reason)")
                }
            case .ip, .pattern: return nil
            }
        }
        return LineFilter(alternatives, isNegated: stage.isNegated)
    }

    /// Takes over what a source can decide; returns the rest.
    private mutating func push(_ filter: LabelFilter) -> LabelFilter? {
        switch filter {
        case .text(let matcher):
            // Names that only the pipeline makes.
            if matcher.name.hasPrefix("__error") || matcher.name.hasSuffix("_extracted") { return filter }
            metadataMatchers.append(matcher)
            return nil
        case .and(let a, let b):
            switch (push(a), push(b)) {
            case (let x?, let y?): return .and(x, y)
            case (let x?, nil), (nil, let x?): return x
            case (nil, nil): return nil
            }
        default: return filter
        }
    }

    /// Whether any stage left looks at lines.
    var needsLines: Bool {
        stages.contains { stage in
            switch stage {
            case .labelFilter, .drop, .keep, .unwrap: false
            case .labelFormat(let formats):
                formats.contains { if case .template = $0 { true } else { false } }
            default: true
            }
        }
    }
}
