import Formats
import Testing

@testable import Dashboards

@Suite struct LoaderTests {
    @Test func whatIsNoDashboardIsAnError() {
        #expect(throws: DashboardProblem(path: "", reason: "a dashboard is a JSON object")) {
            try DashboardLoader.load("[]")
        }
        #expect(throws: DashboardProblem.self) { try DashboardLoader.load("{") }
        #expect(throws: DashboardProblem.self) { try DashboardLoader.load("{\"a\": 1}") }
        #expect(
            throws: DashboardProblem(path: "spec.elements", reason: "dashboards of the v2 schema are not supported")
        ) {
            try DashboardLoader.load("{\"apiVersion\": \"x/v2\", \"spec\": {\"elements\": {}}}")
        }
    }

    @Test func slipsAreToldWithTheirPathAndCostNothingElse() throws {
        let dashboard = try DashboardLoader.load(
            """
            {"title": "T", "refresh": "soon", "panels": [
              {"id": 1, "type": "stat", "title": "good", "targets": [{"expr": "up"}]},
              {"id": 2, "type": "timeseries", "gridPos": {"x": "left", "w": 12, "h": 8}, "targets": 7,
               "fieldConfig": {"defaults": {"min": "low"}}},
              3
            ]}
            """)
        #expect(dashboard.panels.count == 3)
        #expect(
            dashboard.problems.map(\.description) == [
                "refresh: no duration of at least 1s: \"soon\"", "panels[1].gridPos.x: expected a number, not a string",
                "panels[1].targets: expected a list, not a number",
                "panels[1].fieldConfig.defaults.min: expected a number, not a string",
                "panels[2]: a panel is an object",
            ])
    }

    @Test func unknownPanelsKeepTheirQueries() throws {
        let dashboard = try DashboardLoader.load(
            "{\"title\": \"T\", \"panels\": [{\"type\": \"my-plugin\", \"targets\": [{\"expr\": \"up\"}]}]}")
        #expect(dashboard.panels[0].kind == .unknown("my-plugin"))
        #expect(dashboard.panels[0].targets[0].expression == "up")
    }

    @Test func doubledIdsAreMadeUnique() throws {
        let dashboard = try DashboardLoader.load(
            "{\"title\": \"T\", \"panels\": [{\"id\": 1, \"type\": \"stat\"}, {\"id\": 1, \"type\": \"stat\"}, {\"type\": \"stat\"}]}"
        )
        #expect(Set(dashboard.panels.map(\.id)).count == 3)
    }

    @Test func oldGraphsAndRows() throws {
        let dashboard = try DashboardLoader.load(
            """
            {"title": "Old", "rows": [{"title": "CPU", "height": "250px", "panels": [
              {"id": 1, "type": "graph", "span": 6, "stack": true, "fill": 3, "yaxes": [{"format": "bytes", "min": 0}, {}],
               "legend": {"show": true, "alignAsTable": true, "values": true, "avg": true, "current": true},
               "seriesOverrides": [{"alias": "/tx/", "transform": "negative-Y"}], "targets": [{"expr": "x"}]},
              {"id": 2, "type": "singlestat", "span": 6, "format": "percent", "thresholds": "50,80",
               "colors": ["#299c46", "orange", "red"], "valueName": "current", "gauge": {"show": true, "maxValue": 100}}
            ]}, {"title": "Hidden", "collapse": true, "panels": [{"id": 3, "type": "graph", "span": 12}]}]}
            """)
        #expect(dashboard.panels.map(\.kind) == [.timeSeries, .gauge, .row])
        let graph = dashboard.panels[0]
        #expect(graph.fields.defaults.unit == "bytes")
        #expect(graph.fields.defaults.stacking == .normal)
        #expect(graph.fields.defaults.fillOpacity == 30)
        #expect(graph.options.legend.isTable && graph.options.legend.calculations == ["mean", "lastNotNull"])
        #expect(graph.fields.overrides[0].settings.isNegated == true)
        #expect(graph.grid == GridPosition(x: 0, y: 0, width: 12, height: 7))
        #expect(dashboard.panels[1].grid.x == 12)
        #expect(dashboard.panels[1].fields.defaults.thresholds?.steps.map(\.value) == [-.infinity, 50, 80])
        #expect(dashboard.panels[2].isCollapsed && dashboard.panels[2].children.count == 1)
    }

    @Test func overridesLieOverDefaultsInOrder() throws {
        let dashboard = try DashboardLoader.load(
            """
            {"title": "T", "panels": [{"type": "timeseries", "fieldConfig": {
              "defaults": {"unit": "s", "min": 0, "thresholds": {"mode": "percentage", "steps": [{"color": "green", "value": null}, {"color": "red", "value": 80}]}},
              "overrides": [
                {"matcher": {"id": "byRegexp", "options": "/^a/"}, "properties": [{"id": "unit", "value": "bytes"}, {"id": "color", "value": {"mode": "fixed", "fixedColor": "#ff0000"}}]},
                {"matcher": {"id": "byName", "options": "ab"}, "properties": [{"id": "unit", "value": "percent"}]}]}}]}
            """)
        let styles = FieldStyles(dashboard.panels[0])
        let field = DataField("Value", .numbers([1]))
        #expect(styles.settings(name: "b", field: field, query: "A").unit == "s")
        #expect(styles.settings(name: "a", field: field, query: "A").unit == "bytes")
        let both = styles.settings(name: "ab", field: field, query: "A")
        #expect(both.unit == "percent" && both.fixedColor == RGBColor(0xFF0000) && both.minimum == 0)
        #expect(both.thresholds?.step(9, minimum: 0, maximum: 10)?.color == RGBColor("red"))
    }

    /// Any mutilation of a real document either loads or is refused; nothing traps.
    @Test func mutilatedDocumentsDoNotTrap() throws {
        let text = """
            {"title": "T", "time": {"from": "now-6h", "to": "now"}, "templating": {"list": [{"name": "a", "type": "query", "query": {"query": "label_values(up, job)"}, "current": {"text": ["x"], "value": ["x"]}, "sort": 99}]},
             "panels": [{"id": 1e300, "type": "timeseries", "gridPos": {"x": -5, "y": 1e99, "w": 0, "h": -2}, "maxDataPoints": -1, "repeat": "a",
              "targets": [{"expr": "rate(x[$__rate_interval])", "intervalFactor": -3, "interval": "1x"}], "transformations": [{"id": "organize", "options": null}],
              "fieldConfig": {"defaults": {"decimals": -4, "custom": {"stacking": 3, "thresholdsStyle": []}, "mappings": [{"type": "value", "options": []}]}, "overrides": [{}]}}]}
            """
        var bytes = Array(text.utf8)
        var state: UInt64 = 7
        func next(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        let alphabet = Array("0123456789\"{}[]:,.-ntfeE x".utf8)
        for _ in 0..<600 {
            let at = next(bytes.count)
            let old = bytes[at]
            bytes[at] = alphabet[next(alphabet.count)]
            if let dashboard = try? DashboardLoader.load(String(decoding: bytes, as: UTF8.self)) {
                _ = GridLayout.arrange(dashboard.panels, state: VariableState(), variables: dashboard.variables)
                let planner = PanelPlanner(
                    dashboard: dashboard, interpolation: Interpolation(), range: .init(0, 3_600_000))
                for panel in dashboard.allPanels { _ = planner.plan(panel, points: 100) }
            }
            if next(3) > 0 { bytes[at] = old }
        }
    }
}
