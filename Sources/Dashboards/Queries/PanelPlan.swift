import Client
import Model

/// A query ready to be sent.
public struct PlannedQuery: Equatable, Sendable {
    public enum Timing: Equatable, Sendable {
        case instant(Int64)
        case range(start: Int64, end: Int64, step: Int64)
    }

    public var target: String
    public var expression: String
    public var timing: Timing
    public var legend: String
    public var format: Target.Format
    public var language: Language
    /// Entries of a log query.
    public var linesMax: Int

    public enum Language: Equatable, Sendable {
        case promQL
        case logQL
    }

    /// Entries of a log query, where the target doesn't say.
    public static let linesMaxStandard = 1_000

    public init(
        target: String, expression: String, timing: Timing, legend: String, format: Target.Format,
        language: Language = .promQL, linesMax: Int = PlannedQuery.linesMaxStandard
    ) {
        self.language = language
        self.linesMax = linesMax
        self.target = target
        self.expression = expression
        self.timing = timing
        self.legend = legend
        self.format = format
    }
}

/// What a panel asks: its queries for a time range and a width.
public struct PanelPlan: Equatable, Sendable {
    public var range: TimeRange
    public var step: Int64
    public var queries: [PlannedQuery] = []
    /// Targets that this can't ask: another data source, an expression of Grafana's own.
    public var unsupported: [(target: String, reason: String, expression: String)] = []

    public static func == (a: PanelPlan, b: PanelPlan) -> Bool {
        a.range == b.range && a.step == b.step && a.queries == b.queries
            && a.unsupported.elementsEqual(b.unsupported) { $0 == $1 }
    }
}

/// Plans panels of one dashboard in one state.
public struct PanelPlanner: Sendable {
    public var variables: [Variable]
    public var interpolation: Interpolation
    /// The dashboard's range, in milliseconds.
    public var range: TimeRange
    /// What Grafana calls the data source's scrape interval, in milliseconds.
    public var scrapeInterval: Int64
    public var dashboard: Dashboard

    public init(dashboard: Dashboard, interpolation: Interpolation, range: TimeRange, scrapeInterval: Int64 = 15_000) {
        self.dashboard = dashboard
        variables = dashboard.variables
        self.interpolation = interpolation
        self.range = range
        self.scrapeInterval = max(1000, scrapeInterval)
    }

    /// - Parameter points: how many points across the panel can show.
    public func plan(_ panel: Panel, points: Int) -> PanelPlan {
        let range = panelRange(panel)
        let span = range.end - range.start
        let pointsMax = max(2, min(points, max(2, panel.maxDataPoints ?? points)))
        let scoped = self.scoped(panel)
        let least = minimumStep(panel.interval, scoped) ?? scrapeInterval
        let step = StepChoice.step(span: span, pointsMax: pointsMax, minimum: least)
        var plan = PanelPlan(range: range, step: step)
        for target in panel.targets where !target.isHidden {
            add(target, panel, scoped, pointsMax, to: &plan)
        }
        return plan
    }

    /// The panel's title with its variables.
    public func title(_ panel: Panel) -> String { scoped(panel).expand(panel.title, .title) }

    /// Variables as they are within a panel: repeated panels fix some.
    public func scoped(_ panel: Panel) -> Interpolation {
        guard !panel.scopedVariables.isEmpty else { return interpolation }
        var result = interpolation
        for (name, value) in panel.scopedVariables {
            let isPattern = interpolation.values[name]?.isPattern ?? false
            result.values[name] = Interpolation.Value([Variable.Option(value)], isPattern: isPattern)
        }
        return result
    }

    private func add(
        _ target: Target, _ panel: Panel, _ scoped: Interpolation, _ pointsMax: Int, to plan: inout PanelPlan
    ) {
        let source = target.dataSource == .standard ? panel.dataSource : target.dataSource
        let kind = source.kind(variables) ?? Self.usualKind(panel)
        let least = target.interval.flatMap { minimumStep($0, scoped) }
        var step = StepChoice.step(
            span: plan.range.end - plan.range.start, pointsMax: pointsMax,
            minimum: max(least ?? 0, least == nil ? plan.step : 1))
        step = step * Int64(target.intervalFactor)
        var interpolation = scoped
        interpolation.builtIns = builtIns(plan.range, step)
        let expression = interpolation.expand(target.expression)
        guard kind == "prometheus" || kind == "loki" else {
            let reason =
                kind == "__expr__" ? "expressions of Grafana's own are not evaluated" : "no data source of type \(kind)"
            plan.unsupported.append((target.id, reason, expression))
            return
        }
        guard expression.contains(where: { !$0.isWhitespace }) else { return }
        let legend = interpolation.expand(target.legend, .title)
        let isInstant = target.isInstant && !target.isRange || (target.isInstant && panel.kind != .timeSeries)
        // Entries are wanted up to the very end; points stand on multiples of the step.
        let timing: PlannedQuery.Timing =
            panel.kind == .logs
            ? .range(start: plan.range.start, end: plan.range.end, step: step)
            : isInstant
                ? .instant(plan.range.end)
                : .range(start: plan.range.start / step * step, end: plan.range.end / step * step, step: step)
        plan.queries.append(
            PlannedQuery(
                target: target.id, expression: expression, timing: timing, legend: legend, format: target.format,
                language: kind == "loki" ? .logQL : .promQL,
                linesMax: target.linesMax ?? PlannedQuery.linesMaxStandard))
    }

    /// Of panels that don't say where their data comes from.
    private static func usualKind(_ panel: Panel) -> String {
        if panel.kind == .logs { return "loki" }
        return panel.kind == .unknown("traces") ? "tempo" : "prometheus"
    }

    private func panelRange(_ panel: Panel) -> TimeRange {
        var result = range
        if let text = panel.timeFrom.map({ interpolation.expand($0) }), let span = DurationText.parse(text), span > 0 {
            result.start = result.end - span
        }
        if let text = panel.timeShift.map({ interpolation.expand($0) }), let shift = DurationText.parse(text) {
            result = TimeRange(result.start - shift, result.end - shift)
        }
        return result
    }

    private func minimumStep(_ text: String?, _ scoped: Interpolation) -> Int64? {
        guard let text, !text.isEmpty else { return nil }
        // `>1m` is an old way to write a minimum.
        let cleaned = scoped.expand(text).filter { $0 != ">" && $0 != " " }
        return DurationText.parse(cleaned).flatMap { $0 > 0 ? $0 : nil }
    }

    private func builtIns(_ range: TimeRange, _ step: Int64) -> [String: String] {
        let span = range.end - range.start
        return [
            "__interval": DurationText.prometheus(step), "__interval_ms": String(step),
            "__rate_interval": DurationText.prometheus(StepChoice.rateInterval(step: step, scrape: scrapeInterval)),
            "__rate_interval_ms": String(StepChoice.rateInterval(step: step, scrape: scrapeInterval)),
            "__range": String((span + 500) / 1000) + "s", "__range_s": String((span + 500) / 1000),
            "__range_ms": String(span),
            "__from": String(range.start), "__to": String(range.end), "__auto": DurationText.prometheus(step),
            "__dashboard": dashboard.title, "__org": "1", "__org.name": "main", "__user": "obsq",
            "__user.login": "obsq",
        ]
    }

    /// `prometheus`, `loki`, `tempo`, …
}

extension DataSource {
    /// The plugin type: what it says, else that of the variable it names; nil where nothing is said.
    func kind(_ variables: [Variable]) -> String? {
        if !type.isEmpty, type != "datasource" { return type }
        if let reference = VariableReferences.names(in: name).first,
            let variable = variables.first(where: { $0.name == reference && $0.kind == .dataSource })
        {
            return variable.query.isEmpty ? "prometheus" : variable.query
        }
        return ["loki", "tempo", "__expr__"].first { name.lowercased() == $0 }
    }
}
