import Formats
import LogQL
import Model

/// The selector of a `match` stage: `{app="x"} |= "y"`, in LogQL.
struct LogSelector {
    let matchers: [Matcher]
    /// The filters behind the matchers; nil: none.
    let plan: StageConfiguration.Plan?

    /// Nil, with a note at `value`, for anything else.
    static func parse(_ value: YAMLValue) -> LogSelector? {
        let text = value.string ?? ""
        do {
            guard case .log(let query) = try LogQLParser.parse(text) else {
                value.note("a selector chooses lines; this is a metric query")
                return nil
            }
            let plan = query.stages.isEmpty ? nil : try StageConfiguration.Plan(query.stages)
            return LogSelector(matchers: query.matchers, plan: plan)
        } catch {
            value.note("\(error)")
            return nil
        }
    }
}
