import Client
import Dashboards
import Model

/// All that the dashboard application knows, and how it changes: events go in, effects come out, nothing here waits or does I/O.
struct DashState {
    /// What is known of a panel's data.
    struct PanelResult {
        var content: PanelContent?
        var plan: PanelPlan?
        var errors: [String] = []
        var isLoading = false
    }

    struct Message: Equatable {
        var text: String
        var isError: Bool
    }

    private(set) var dashboard: Dashboard
    var settings: DashSettings
    private(set) var width: Int
    private(set) var height: Int
    /// As of the last refresh.
    private(set) var range: TimeRange
    private(set) var variables = VariableState()
    /// Choices made by flags and by hand; the resolver keeps those that exist.
    var wanted: [String: [String]]
    /// Counts refreshes: answers to earlier ones are dropped.
    private(set) var generation = 0
    private(set) var exploreGeneration = 0
    var toggledRows: Set<Int> = []
    private(set) var layout = ScreenLayout()
    var scroll = 0
    var focus = 0
    var mode = DashMode.grid
    /// What is under a menu, a prompt or the help.
    var behind = DashMode.grid
    private(set) var results: [Int: PanelResult] = [:]
    /// Panels asked in this generation.
    private var asked: Set<Int> = []
    private(set) var health = ServerHealth.unknown
    var filter = ""
    var message: Message?
    private(set) var refreshedAt: Int64 = 0
    /// Of the panel in full screen.
    var cursor: Int64?
    var panelScroll = 0
    private var hasVariables = false
    /// Every panel is asked, seen or not; for a single frame.
    let asksEverything: Bool

    init(
        _ dashboard: Dashboard, _ settings: DashSettings, width: Int, height: Int, now: Int64,
        asksEverything: Bool = false
    ) {
        self.dashboard = dashboard
        self.settings = settings
        self.width = width
        self.height = height
        self.asksEverything = asksEverything
        wanted = settings.variables
        range = settings.window.resolve(now: now, zone: settings.zone) ?? TimeRange(now - 3_600_000, now)
        refreshedAt = now
        arrange()
    }

    // MARK: events

    mutating func handle(_ event: DashEvent, now: Int64) -> [DashEffect] {
        switch event {
        case .terminal(.key(let key)): return press(key, now: now)
        case .terminal(.click(let x, let y)): return click(x, y, now: now)
        case .terminal(.wheel(let direction, _, _)): return turnWheel(direction)
        case .terminal(.resize(let width, let height)): return resize(width, height)
        case .terminal(.redraw): return [.redraw]
        case .terminal(.hangup): return [.quit]
        case .refreshDue: return refresh(now: now)
        case .variables(let state, let generation): return take(state, generation)
        case .panel(let id, let outcome, let generation): take(outcome, id, generation)
        case .explored(let outcome, let generation): takeExplored(outcome, generation)
        case .health(let found): health = found
        case .opened(let result): return open(result, now: now)
        case .draw: break
        }
        return []
    }

    /// The first questions.
    mutating func start(now: Int64) -> [DashEffect] { refresh(now: now) }

    /// Asks everything that is seen anew.
    mutating func refresh(now: Int64) -> [DashEffect] {
        generation += 1
        asked = []
        refreshedAt = now
        if let resolved = settings.window.resolve(now: now, zone: settings.zone) { range = resolved }
        var effects: [DashEffect] = [.cancelQueries, .checkHealth, .schedule(settings.refresh)]
        let asksAgain =
            !hasVariables || !variables.errors.isEmpty || dashboard.variables.contains { $0.refreshesWithTime }
        if asksAgain, !dashboard.variables.isEmpty {
            effects.append(.resolveVariables(wanted: wanted, range: range, generation: generation))
            // Later refreshes go on with the values known: asking for them again mostly changes nothing.
            if !hasVariables { return effects }
        }
        hasVariables = true
        return effects + queries()
    }

    private mutating func take(_ state: VariableState, _ generation: Int) -> [DashEffect] {
        guard generation == self.generation else { return [] }
        let isNew = !hasVariables || state.chosen != variables.chosen
        variables = state
        hasVariables = true
        if isNew {
            asked = []
            arrange()
        }
        return queries()
    }

    private mutating func take(_ outcome: PanelOutcome, _ id: Int, _ generation: Int) {
        guard generation == self.generation else { return }
        var result = results[id] ?? PanelResult()
        result.isLoading = false
        result.errors = outcome.errors
        // A failed refresh leaves what was there, which the frame marks with the error.
        if outcome.errors.isEmpty || !outcome.content.isEmpty || result.content == nil {
            result.content = outcome.content
            result.plan = outcome.plan
        }
        results[id] = result
    }

    private mutating func takeExplored(_ outcome: PanelOutcome, _ generation: Int) {
        guard case .explore(var explore) = mode, explore.generation == generation else { return }
        explore.outcome = outcome
        explore.isLoading = false
        mode = .explore(explore)
    }

    private mutating func open(_ result: Result<Dashboard, DashboardProblem>, now: Int64) -> [DashEffect] {
        switch result {
        case .failure(let problem):
            message = Message(text: problem.description, isError: true)
            return []
        case .success(let opened):
            dashboard = opened
            results = [:]
            (scroll, focus, filter, mode, behind) = (0, 0, "", .grid, .grid)
            hasVariables = false
            variables = VariableState()
            arrange()
            if let problem = opened.problems.first { message = Message(text: problem.description, isError: true) }
            return refresh(now: now)
        }
    }

    // MARK: screen

    private mutating func resize(_ width: Int, _ height: Int) -> [DashEffect] {
        self.width = width
        self.height = height
        arrange()
        keepFocusVisible()
        asked = []
        return [.redraw] + queries()
    }

    /// Places all panels anew.
    mutating func arrange() {
        let focused = focusedPlace?.panel.id
        let placed = GridLayout.arrange(
            dashboard.panels, state: variables, variables: dashboard.variables, toggled: toggledRows)
        layout = ScreenLayout(placed, width: width, height: viewport.height)
        if let focused, let found = layout.places.firstIndex(where: { $0.panel.id == focused }) {
            focus = found
        } else {
            focus = min(focus, max(0, layout.places.count - 1))
            // A row header is a poor place to begin at.
            if layout.places.indices.contains(focus), layout.places[focus].panel.kind == .row,
                layout.places[focus].isOpen, layout.places.count > focus + 1
            {
                focus += 1
            }
        }
        scroll = max(0, min(scroll, layout.height - viewport.height))
    }

    var shownVariables: [Variable] {
        dashboard.variables.filter {
            !$0.isHidden && $0.kind != .adHoc && $0.kind != .dataSource && $0.kind != .constant
        }
    }

    /// The part of the screen that panels have.
    var viewport: Rect {
        let top = height >= 20 && !shownVariables.isEmpty ? 2 : 1
        return Rect(x: 0, y: top, width: width, height: height - top - 1)
    }

    var isTooSmall: Bool { width < 30 || height < 8 }

    var focusedPlace: ScreenLayout.Place? { layout.places.indices.contains(focus) ? layout.places[focus] : nil }

    var isPanelFullScreen: Bool { mode == .panel || behind == .panel && mode != .grid }

    mutating func keepFocusVisible() {
        guard let rect = focusedPlace?.rect else { return }
        if rect.y < scroll { scroll = rect.y }
        if rect.maxY > scroll + viewport.height { scroll = min(rect.y, rect.maxY - viewport.height) }
        // At the top nothing is hidden by a few rows.
        if focus == layout.places.indices.first(where: { layout.places[$0].panel.kind != .row }) { scroll = 0 }
    }

    // MARK: queries

    var planner: PanelPlanner {
        PanelPlanner(
            dashboard: dashboard, interpolation: variables.interpolation(dashboard.variables), range: range,
            scrapeInterval: settings.scrapeInterval)
    }

    /// Questions of the panels in sight that this generation hasn't asked.
    mutating func queries() -> [DashEffect] {
        guard hasVariables || dashboard.variables.isEmpty else { return [] }
        let planner = planner
        var effects: [DashEffect] = []
        for place in seenPlaces() where !asked.contains(place.panel.id) {
            guard place.panel.kind != .row, place.panel.kind != .text else { continue }
            asked.insert(place.panel.id)
            let columns = isPanelFullScreen ? width : place.rect.width
            let plan = planner.plan(place.panel, points: max(40, columns * 2))
            results[place.panel.id, default: PanelResult()].isLoading = !plan.queries.isEmpty
            if plan.queries.isEmpty {
                results[place.panel.id]?.plan = plan
                results[place.panel.id]?.content = PanelContent()
                results[place.panel.id]?.errors = []
            } else {
                effects.append(.query(id: place.panel.id, panel: place.panel, plan: plan, generation: generation))
            }
        }
        return effects
    }

    private func seenPlaces() -> [ScreenLayout.Place] {
        if isPanelFullScreen { return focusedPlace.map { [$0] } ?? [] }
        if asksEverything { return layout.places }
        // Half a screen ahead is asked too, so that scrolling meets data.
        let margin = viewport.height / 2
        return layout.places.filter { $0.rect.maxY > scroll - margin && $0.rect.y < scroll + viewport.height + margin }
    }

    /// The panel in full screen is asked for its own width.
    mutating func askFocused() -> [DashEffect] {
        if let id = focusedPlace?.panel.id { asked.remove(id) }
        return queries()
    }

    mutating func explore(_ explore: Explore) -> [DashEffect] {
        exploreGeneration += 1
        var next = explore
        next.generation = exploreGeneration
        next.isLoading = true
        mode = .explore(next)
        var panel = next.panel
        panel.kind = panel.kind == .logs ? .logs : .timeSeries
        panel.transformations = []
        var target = panel.targets.indices.contains(next.index) ? panel.targets[next.index] : Target()
        target.expression = next.editor.text
        target.isInstant = next.isInstant
        target.isRange = !next.isInstant
        target.isHidden = false
        panel.targets = [target]
        next.panel.title = explore.panel.title
        let plan = planner.plan(panel, points: max(40, width * 2))
        return [.explore(panel, plan, generation: exploreGeneration)]
    }
}
