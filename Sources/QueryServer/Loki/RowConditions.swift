import Bedrock
import LogQL
import Model

extension LogQuery {
    /// The query's stages as conditions that a store can look up by itself; nil when a stage says more.
    func rowConditions() throws(RegexError) -> (filters: [LineFilter], metadata: [Matcher])? {
        var filters: [LineFilter] = []
        var metadata: [Matcher] = []
        for stage in stages {
            switch stage {
            case .lineFilter(let filter):
                var alternatives: [LineFilter.Match] = []
                for operand in filter.alternatives {
                    switch operand {
                    case .literal(let bytes): alternatives.append(.literal(bytes))
                    case .regex(let text):
                        alternatives.append(.regex(try RegularExpression("(?s)" + text, anchored: false)))
                    case .ip, .pattern: return nil
                    }
                }
                filters.append(LineFilter(alternatives, isNegated: filter.isNegated))
            case .labelFilter(let filter):
                guard let matchers = filter.matchers else { return nil }
                metadata += matchers
            default: return nil
            }
        }
        return (filters, metadata)
    }
}

extension LabelFilter {
    /// Conditions on texts that must all hold; nil when it is something else.
    fileprivate var matchers: [Matcher]? {
        switch self {
        case .text(let matcher): [matcher]
        case .and(let a, let b):
            if let first = a.matchers, let second = b.matchers { first + second } else { nil }
        case .number, .duration, .bytes, .ip, .or: nil
        }
    }
}
