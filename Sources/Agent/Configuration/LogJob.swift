import Bedrock
import LogQL
import Model

/// What an agent reads logs from: `log_configs` of a configuration file.
public struct LogConfiguration: Equatable, Sendable {
    public var jobs: [LogJob] = []

    public init() {}
}

/// One entry of `log_configs`, checked.
public struct LogJob: Equatable, Sendable {
    public var name: String
    var targets: [LogTarget] = []
    var journal: JournalSettings?
    var stages: [StageConfiguration] = []
    var relabelRules: [RelabelRule] = []
    var redactions: [RedactionRule] = []
    var tenant = Tenant.default.name
    /// How long an unfinished last line is held. Milliseconds.
    var unfinishedWait: Int64 = 5_000

    init(name: String) { self.name = name }
}

/// One entry of a job's `static_configs`.
struct LogTarget: Equatable, Sendable {
    var pattern: GlobPattern
    var excluded: [GlobPattern] = []
    var labels: [Label] = []
}

/// A job's `journal`.
struct JournalSettings: Equatable, Sendable {
    /// A directory of journal files; nil: the machine's own.
    var path: String?
    /// Entries older than this are passed over at the first start. Milliseconds.
    var maxAge: Int64 = 7 * 3_600_000
    /// The line is all fields as JSON instead of the message.
    var isJSON = false
    var labels: [Label] = []
    /// Fields (`_SYSTEMD_UNIT`) that become structured metadata, under a name.
    var fields: [Label] = []
}

/// A stage as the configuration has it, with everything compiled that can be.
indirect enum StageConfiguration: Equatable, Sendable {
    case extract(Plan, source: String?, dropsDamaged: Bool)
    case replace(Expression, Plan, source: String?)
    case template(Plan, source: String)
    case timestamp(TimestampStage.Rule)
    case assign([Label], toMetadata: Bool)
    case edit(LabelEditStage.Edit)
    case output(String)
    case tenant(TenantStage.From)
    case pack([String], stampsAnew: Bool)
    case drop(DropStage.Rule)
    case limit(LimitStage.Rule)
    case match([Matcher], Plan?, dropReason: String?, [StageConfiguration])
    case multiline(MultilineStage.Rule)
    case container(ContainerStage.Format)

    /// Stages of LogQL, which know what they were made from.
    struct Plan: Equatable, Sendable {
        let stages: [PipelineStage]
        let compiled: LogPipelinePlan

        init(_ stages: [PipelineStage]) throws(PipelineError) {
            self.stages = stages
            compiled = try LogPipelinePlan(stages)
        }

        static func == (a: Plan, b: Plan) -> Bool { a.stages == b.stages }
    }

    func make(_ context: StageContext) -> any LogStage {
        switch self {
        case .extract(let plan, let source, let drops):
            ExtractionStage(plan.compiled, source: source, dropsDamaged: drops)
        case .replace(let expression, let plan, let source):
            ReplaceStage(expression.compiled, plan.compiled, source: source)
        case .template(let plan, let source): TemplateStage(plan.compiled, source: source)
        case .timestamp(let rule):
            // The reader has checked that the plans compile.
            TimestampStage(rule, rule.formats.map { (try? $0.plan(zone: rule.zone)) ?? nil }, clock: context.clock)
        case .assign(let pairs, let toMetadata): AssignStage(pairs, toMetadata: toMetadata)
        case .edit(let edit): LabelEditStage(edit)
        case .output(let source): OutputStage(source: source)
        case .tenant(let from): TenantStage(from)
        case .pack(let names, let anew): PackStage(names, stampsAnew: anew, clock: context.clock)
        case .drop(let rule): DropStage(rule, clock: context.clock)
        case .limit(let rule): LimitStage(rule, clock: context.clock)
        case .match(let matchers, let plan, let reason, let stages):
            MatchStage(
                matchers, plan?.compiled, dropReason: reason,
                chain: StageChain(stages.map { $0.make(context) }, dropped: context.dropped))
        case .multiline(let rule): MultilineStage(rule, clock: context.clock)
        case .container(let format): ContainerStage(format, clock: context.clock)
        }
    }
}
