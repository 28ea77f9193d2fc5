import Bedrock
import Model

/// Stages of a query or an agent, compiled: expressions, patterns, paths and templates are checked once, here. Immutable and thread-safe; each
/// thread makes a `LogPipeline` of its own from it.
public final class LogPipelinePlan: Sendable {
    let stages: [PlannedStage]
    let wanted: WantedNames
    /// Line filters that come before anything else.
    let leadingFilterCount: Int
    let clock: any ClockSource

    /// - Parameters:
    ///   - wanted: names of the labels that the caller will look at, `<name>_extracted` ones by that name; nil: all. Extractors may leave out what
    ///     neither the caller nor a stage needs, and stop reading a line once they have it all.
    ///   - needsErrors: lines are read to their end, so that damage behind the last wanted label is found, too. True anyway when all labels are
    ///     wanted, and when a stage mentions `__error__`.
    ///   - clock: for the template function `now`.
    /// - Throws: what is wrong with a stage.
    public init(
        _ stages: [PipelineStage], wanted: Set<String>? = nil, needsErrors: Bool = false,
        clock: any ClockSource = SystemClock()
    ) throws(PipelineError) {
        var planned: [PlannedStage] = []
        for stage in stages { planned.append(try PlannedStage(stage)) }
        self.stages = planned
        leadingFilterCount = planned.prefix { if case .lineFilter = $0 { true } else { false } }.count
        self.wanted = Self.wanted(by: planned, caller: wanted, needsErrors: needsErrors)
        self.clock = clock
    }

    private static func wanted(
        by planned: [PlannedStage], caller: Set<String>?, needsErrors: Bool
    ) -> WantedNames {
        guard var names = caller else { return .all }
        for plan in planned {
            guard let more = plan.names else { return .all }
            names.formUnion(more)
        }
        let errors = ["__error__", "__error_details__"]
        let asksForErrors = errors.contains { names.contains($0) }
        names.subtract(errors)
        return WantedNames(names: names.sorted(), needsErrors: needsErrors || asksForErrors)
    }
}

/// A stage with everything compiled that can be shared.
enum PlannedStage: Sendable {
    case lineFilter(LinePredicate)
    case json
    case jsonPaths([(label: String, path: JSONPath)])
    case logfmt(LogfmtOptions)
    case logfmtKeys([(label: String, key: [UInt8])], LogfmtOptions)
    case regexp(RegexpExpression)
    case pattern(PatternExpression)
    case unpack
    case labelFilter(LabelFilter)
    case lineFormat(Template)
    case labelFormat([PlannedLabelFormat])
    case decolorize
    case drop([LabelSelection])
    case keep([LabelSelection])
    case unwrap(UnwrapStage)

    init(_ stage: PipelineStage) throws(PipelineError) {
        switch stage {
        case .lineFilter(let filter): self = .lineFilter(try LinePredicate(filter))
        case .json(let extractions):
            var paths: [(label: String, path: JSONPath)] = []
            for extraction in extractions { paths.append((extraction.label, try JSONPath(extraction.expression))) }
            self = paths.isEmpty ? .json : .jsonPaths(paths)
        case .logfmt(let logfmt):
            let options = LogfmtOptions(isStrict: logfmt.isStrict, keepsEmpty: logfmt.keepsEmpty)
            let keys = logfmt.extractions.map { (label: $0.label, key: Array($0.expression.utf8)) }
            self = keys.isEmpty ? .logfmt(options) : .logfmtKeys(keys, options)
        case .regexp(let text): self = .regexp(try RegexpExpression(text))
        case .pattern(let text): self = .pattern(try PatternExpression.parser(text))
        case .unpack: self = .unpack
        case .labelFilter(let filter):
            for pattern in filter.ipPatterns { _ = try IPMatcher(pattern) }
            self = .labelFilter(filter)
        case .lineFormat(let text): self = .lineFormat(try Self.template(text, "line"))
        case .labelFormat(let formats):
            var planned: [PlannedLabelFormat] = []
            for format in formats {
                switch format {
                case .rename(let target, let source): planned.append(.rename(target: target, source: source))
                case .template(let target, let text):
                    planned.append(.template(target: target, try Self.template(text, "label_format")))
                }
            }
            self = .labelFormat(planned)
        case .decolorize: self = .decolorize
        case .drop(let selections): self = .drop(selections)
        case .keep(let selections): self = .keep(selections)
        case .unwrap(let stage): self = .unwrap(stage)
        }
    }

    private static func template(_ text: String, _ name: String) throws(PipelineError) -> Template {
        do throws(TemplateFailure) {
            return try Template(text, name: name, functions: LogTemplateFunctions.table)
        } catch {
            throw PipelineError("invalid \(name == "line" ? "line" : "label") template: \(error.message)")
        }
    }

    /// Names of the labels that the stage reads; nil: it may read any.
    var names: [String]? {
        switch self {
        case .labelFilter(let filter): return filter.names
        case .lineFormat(let template): return template.usesWholeRoot ? nil : template.fieldNames
        case .labelFormat(let formats):
            var names: [String] = []
            for format in formats {
                switch format {
                case .rename(_, let source): names.append(source)
                case .template(_, let template):
                    if template.usesWholeRoot { return nil }
                    names += template.fieldNames
                }
            }
            return names
        case .drop(let selections), .keep(let selections):
            return selections.compactMap { if case .matcher(let matcher) = $0 { matcher.name } else { nil } }
        case .unwrap(let stage): return [stage.label]
        case .lineFilter, .json, .jsonPaths, .logfmt, .logfmtKeys, .regexp, .pattern, .unpack, .decolorize: return []
        }
    }
}

/// An operation of `label_format`, compiled.
enum PlannedLabelFormat: Sendable {
    case rename(target: String, source: String)
    case template(target: String, Template)
}

extension LabelFilter {
    /// Patterns of `ip(...)`.
    var ipPatterns: [String] {
        switch self {
        case .ip(_, _, let pattern): [pattern]
        case .and(let a, let b), .or(let a, let b): a.ipPatterns + b.ipPatterns
        case .text, .number, .duration, .bytes: []
        }
    }
}
