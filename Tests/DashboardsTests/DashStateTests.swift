import Client
import Model
import Testing

@testable import Dashboards
@testable import TerminalUI

/// A dashboard of four panels and a folded row.
private func exampleDashboard() throws -> Dashboard {
    try DashboardLoader.load(
        """
        {"title": "Example", "refresh": "10s", "time": {"from": "now-1h", "to": "now"},
         "templating": {"list": [{"name": "job", "type": "query", "query": "label_values(up, job)"}]},
         "panels": [
          {"id": 1, "type": "stat", "title": "One", "gridPos": {"x": 0, "y": 0, "w": 12, "h": 4}, "targets": [{"expr": "up{job=\\"$job\\"}", "instant": true}]},
          {"id": 2, "type": "timeseries", "title": "Two of $job", "gridPos": {"x": 12, "y": 0, "w": 12, "h": 4}, "targets": [{"expr": "b", "legendFormat": "{{x}}"}]},
          {"id": 3, "type": "timeseries", "title": "Three", "gridPos": {"x": 0, "y": 4, "w": 24, "h": 30}, "targets": [{"expr": "c"}]},
          {"id": 4, "type": "row", "title": "More", "collapsed": true, "gridPos": {"x": 0, "y": 34, "w": 24, "h": 1}, "panels": [
            {"id": 5, "type": "text", "title": "Text", "gridPos": {"x": 0, "y": 35, "w": 24, "h": 3}, "options": {"content": "# Hello\\n- **one**"}}]}
         ]}
        """)
}

@Suite struct DashStateTests {
    private let now: Int64 = 1_700_000_000_000

    private func state(width: Int = 80, height: Int = 24) throws -> DashState {
        let settings = DashSettings(
            window: TimeWindow(from: "now-1h"), refresh: 10_000, zone: .utc, theme: .monochrome, server: "http://s:1")
        return DashState(try exampleDashboard(), settings, width: width, height: height, now: now)
    }

    /// A state whose variables and panels are answered.
    private func loaded(width: Int = 80, height: Int = 24) throws -> DashState {
        var state = try state(width: width, height: height)
        let effects = state.start(now: now)
        answer(effects, &state)
        return state
    }

    private func answer(_ effects: [DashEffect], _ state: inout DashState, fails: Bool = false) {
        for effect in effects {
            switch effect {
            case .resolveVariables(_, _, let generation):
                var variables = VariableState()
                variables.options["job"] = [.init("node"), .init("db")]
                variables.chosen["job"] = ["node"]
                answer(state.handle(.variables(variables, generation: generation), now: now), &state, fails: fails)
            case .query(let id, let panel, let plan, let generation):
                let outcome =
                    fails
                    ? PanelOutcome(plan: plan, content: PanelContent(), errors: ["1:2: parse error: bad"])
                    : PanelOutcome(plan: plan, content: content(panel, plan), errors: [])
                answer(state.handle(.panel(id: id, outcome, generation: generation), now: now), &state)
            default: break
            }
        }
    }

    private func content(_ panel: Panel, _ plan: PanelPlan) -> PanelContent {
        var answers: [String: QueryAnswer] = [:]
        for query in plan.queries {
            var table = SeriesTable()
            switch query.timing {
            case .instant(let time): table.append(Labels(["x": "a"]), [Sample(time, 42)])
            case .range(let start, _, let step):
                table.append(Labels(["x": "a"]), (0..<50).map { Sample(start + $0 * step, Double($0)) })
            }
            answers[query.target] = QueryAnswer(.matrix(table))
        }
        return PanelContent(panel, plan: plan, answers: answers)
    }

    private func press(_ keys: [Key], _ state: inout DashState) -> [DashEffect] {
        keys.flatMap { state.handle(.terminal(.key($0)), now: now) }
    }

    private func queries(_ effects: [DashEffect]) -> [Int] {
        effects.compactMap { if case .query(let id, _, _, _) = $0 { id } else { nil } }
    }

    // MARK: questions

    @Test func variablesAreAskedBeforePanels() throws {
        var state = try state()
        let first = state.start(now: now)
        #expect(queries(first) == [])
        #expect(first.contains { if case .resolveVariables = $0 { true } else { false } })
        var variables = VariableState()
        variables.chosen["job"] = ["node"]
        let second = state.handle(.variables(variables, generation: state.generation), now: now)
        #expect(queries(second) == [1, 2, 3])
        guard case .query(_, _, let plan, _)? = second.first else {
            Issue.record("no query")
            return
        }
        #expect(plan.queries[0].expression == "up{job=\"node\"}")
        #expect(plan.queries[0].timing == .instant(now))
    }

    @Test func answersToEarlierQuestionsAreDropped() throws {
        var state = try loaded()
        let old = state.generation
        _ = state.refresh(now: now + 10_000)
        let plan = PanelPlan(range: TimeRange(0, 1), step: 1)
        _ = state.handle(
            .panel(id: 1, PanelOutcome(plan: plan, content: PanelContent(), errors: ["late"]), generation: old),
            now: now)
        #expect(state.results[1]?.errors == [])
        #expect(state.results[1]?.isLoading == true)
    }

    @Test func aFailedRefreshKeepsWhatWasThere() throws {
        var state = try loaded()
        #expect(state.frame(now: now).plainText().contains("┗━┫"))
        answer(state.refresh(now: now), &state, fails: true)
        let text = state.frame(now: now).plainText()
        #expect(text.contains("┗━┫") && text.contains("! 1:2: parse error: bad"))
    }

    @Test func refreshesAreScheduledAndCancelled() throws {
        var state = try loaded()
        let effects = state.handle(.refreshDue, now: now + 10_000)
        #expect(effects.contains(.cancelQueries) && effects.contains(.schedule(10_000)) && queries(effects).count == 3)
        #expect(press([.character(":")] + "refresh off".map { .character($0) } + [.enter], &state) == [.schedule(nil)])
    }

    // MARK: keys

    @Test func arrowsMoveBetweenPanels() throws {
        var state = try loaded()
        #expect(state.focusedPlace?.panel.id == 1)
        _ = press([.right], &state)
        #expect(state.focusedPlace?.panel.id == 2)
        _ = press([.character("j")], &state)
        #expect(state.focusedPlace?.panel.id == 3)
        _ = press([.down], &state)
        #expect(state.focusedPlace?.panel.id == 4)
        #expect(state.scroll > 0)
        _ = press([.character("k"), .up, .left, .left, .up], &state)
        #expect(state.focusedPlace?.panel.id == 1 && state.scroll == 0)
    }

    @Test func enterOpensPanelsAndRows() throws {
        var state = try loaded()
        _ = press([.enter], &state)
        #expect(state.mode == .panel)
        let text = state.frame(now: now).plainText()
        #expect(text.contains("One") && !text.contains("Three") && text.contains("Esc back"))
        _ = press([.escape, .end], &state)
        #expect(state.mode == .grid)
        _ = press([.down, .down, .down], &state)
        #expect(state.focusedPlace?.panel.kind == .row)
        _ = press([.enter, .end], &state)
        #expect(state.frame(now: now).plainText().contains("• one"))
    }

    @Test func zoomAndShift() throws {
        var state = try loaded()
        _ = press([.character("+")], &state)
        #expect(state.settings.window == TimeWindow(from: "now-30m"))
        _ = press([.character("-"), .character("-")], &state)
        #expect(state.settings.window == TimeWindow(from: "now-2h"))
        _ = press([.character("[")], &state)
        #expect(state.range == TimeRange(now - 10_800_000, now - 3_600_000))
        _ = press([.character("]")], &state)
        #expect(state.settings.window == TimeWindow(from: "now-2h"))
    }

    @Test func timeMenuAndTypedRanges() throws {
        var state = try loaded()
        _ = press([.character("t")], &state)
        #expect(state.frame(now: now).plainText().contains("Last 6h"))
        _ = press("7d".map { .character($0) } + [.enter], &state)
        #expect(state.settings.window == TimeWindow(from: "now-7d", to: "now"))
        let effects = press([.character(":")] + "range 2023-11-14 now".map { .character($0) } + [.enter], &state)
        #expect(!effects.isEmpty && state.range.start == 1_699_920_000_000)
        _ = press([.character(":")] + "range soon".map { .character($0) } + [.enter], &state)
        #expect(state.message?.isError == true)
    }

    @Test func filterNarrowsSeriesWhileTyping() throws {
        var state = try loaded()
        _ = press([.character("/")] + "zz".map { .character($0) }, &state)
        #expect(state.frame(now: now).plainText().contains("no series has \"zz\""))
        _ = press([.escape], &state)
        #expect(state.filter.isEmpty && state.mode == .grid)
    }

    @Test func variablesAreChosenFromAMenu() throws {
        var state = try loaded()
        _ = press([.character("v")], &state)
        #expect(state.frame(now: now).plainText().contains("job: node"))
        _ = press([.enter, .down], &state)
        let effects = press([.enter], &state)
        #expect(
            effects.contains {
                if case .resolveVariables(let wanted, _, _) = $0 { wanted["job"] == ["db"] } else { false }
            })
        // Panels wait for the variables.
        #expect(queries(effects) == [])
    }

    @Test func exploreEditsAndRunsTheQuery() throws {
        var state = try loaded()
        _ = press([.right], &state)
        let first = press([.character("e")], &state)
        guard case .explore(let panel, let plan, let generation)? = first.first else {
            Issue.record("nothing explored")
            return
        }
        #expect(plan.queries[0].expression == "b")
        _ = state.handle(
            .explored(PanelOutcome(plan: plan, content: content(panel, plan), errors: []), generation: generation),
            now: now)
        #expect(state.frame(now: now).plainText().contains("Two of node"))
        let second = press([.backspace] + "sum(x)".map { .character($0) } + [.enter], &state)
        guard case .explore(_, let edited, _)? = second.first else {
            Issue.record("nothing run")
            return
        }
        #expect(edited.queries[0].expression == "sum(x)")
        _ = press([.escape], &state)
        #expect(state.mode == .grid)
    }

    @Test func theCursorReadsValues() throws {
        var state = try loaded()
        answer(press([.right, .enter, .left, .left], &state), &state)
        #expect(state.cursor != nil)
        #expect(state.frame(now: now).plainText().contains("at 2"))
    }

    @Test func mouse() throws {
        var state = try loaded()
        _ = state.handle(.terminal(.click(x: 60, y: 4)), now: now)
        #expect(state.focusedPlace?.panel.id == 2)
        _ = state.handle(.terminal(.click(x: 60, y: 4)), now: now)
        #expect(state.mode == .panel)
        _ = press([.escape], &state)
        _ = state.handle(.terminal(.wheel(1, x: 0, y: 0)), now: now)
        #expect(state.scroll == 3)
    }

    @Test func quitting() throws {
        var state = try loaded()
        #expect(press([.character("q")], &state) == [.quit])
        #expect(press([.control("c")], &state) == [.quit])
        #expect(state.handle(.terminal(.hangup), now: now) == [.quit])
        #expect(press([.character(":"), .character("q"), .enter], &state) == [.quit])
    }

    // MARK: robustness

    @Test func everySizeDraws() throws {
        for (width, height) in [
            (0, 0), (1, 1), (10, 3), (29, 8), (30, 8), (40, 10), (80, 24), (132, 43), (200, 60), (500, 150),
        ] {
            var state = try loaded(width: width, height: height)
            _ = state.frame(now: now)
            for key in [
                Key.enter, .character("e"), .escape, .character("?"), .escape, .character("t"), .escape,
                .character(":"),
            ] {
                _ = press([key], &state)
                let frame = state.frame(now: now)
                #expect(frame.width == width && frame.height == height)
            }
            _ = state.handle(.terminal(.resize(width: 37, height: 11)), now: now)
            #expect(state.frame(now: now).width == 37)
        }
        #expect(try loaded(width: 20, height: 6).frame(now: now).plainText().contains("too small"))
    }

    /// Whatever is typed, in whatever order: no trap, and the frame has the screen's size.
    @Test func anyKeysInAnyOrder() throws {
        var state = try loaded()
        var random: UInt64 = 99
        func next(_ limit: Int) -> Int {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(random >> 33) % limit
        }
        let keys: [Key] =
            [
                .up, .down, .left, .right, .enter, .enter, .escape, .tab, .backTab, .backspace, .delete, .pageUp,
                .pageDown, .home, .end, .function(1), .control("t"), .control("w"), .control("u"), .control("l"),
            ] + "hjklqtv/:+-[]reu?gGnp 日x".map { .character($0) }
        for round in 0..<3_000 {
            let effects = state.handle(.terminal(.key(keys[next(keys.count)])), now: now + Int64(round) * 100)
            if next(4) == 0 { answer(effects, &state, fails: next(5) == 0) }
            if next(20) == 0 { _ = state.handle(.terminal(.resize(width: next(200), height: next(60))), now: now) }
            if next(10) == 0 {
                _ = state.handle(.terminal(.wheel(next(2) * 2 - 1, x: next(80), y: next(24))), now: now)
            }
            if next(10) == 0 { _ = state.handle(.terminal(.click(x: next(80), y: next(24))), now: now) }
            if next(5) == 0 { _ = state.frame(now: now) }
        }
    }
}

@Suite struct LineEditorTests {
    @Test func editing() {
        var editor = LineEditor("rate(x)")
        for key: Key in [.home, .character("s"), .right, .delete, .end, .backspace, .control("w")] {
            _ = editor.handle(key)
        }
        #expect(editor.text == "srte(")
        _ = editor.handle(.control("u"))
        #expect(editor.text == "" && editor.cursor == 0)
        let isUpTaken = editor.handle(.up)
        #expect(!isUpTaken)
    }
}

@Suite struct ScreenLayoutTests {
    @Test func narrowScreensWidenPanels() throws {
        var panels: [Panel] = []
        for index in 0..<6 {
            var panel = Panel()
            panel.id = index + 1
            panel.kind = .timeSeries
            panel.grid = GridPosition(x: index * 4, y: 0, width: 4, height: 5)
            panels.append(panel)
        }
        let placed = GridLayout.arrange(panels, state: VariableState(), variables: [])
        let wide = ScreenLayout(placed, width: 200, height: 57)
        #expect(wide.places.allSatisfy { $0.rect.y == 0 })
        let narrow = ScreenLayout(placed, width: 80, height: 21)
        #expect(narrow.places.allSatisfy { $0.rect.width >= 24 })
        #expect(Set(narrow.places.map(\.rect.y)).count == 2)
    }
}
