import Bedrock
import Formats

/// Reads dashboards in Grafana's JSON, of every schema version that was ever exported, as far as this knows them.
public enum DashboardLoader {
    /// Panels of one dashboard, rows included; more are refused.
    public static let panelsMax = 5_000

    /// - Throws: where it is no dashboard at all: the text is no JSON, or the document of another kind. What is merely wrong in parts is
    ///   found in `problems` of the result.
    public static func load(_ text: String) throws(DashboardProblem) -> Dashboard {
        let document: JSONValue
        do throws(JSONError) { document = try JSONValue(parsing: text) } catch {
            throw DashboardProblem(path: "", reason: "not JSON: \(error.description)")
        }
        return try load(document)
    }

    public static func load(_ document: JSONValue) throws(DashboardProblem) -> Dashboard {
        let notes = DocumentNotes()
        var root = DocumentNode(value: document, path: "", notes: notes)
        guard root.isObject else { throw DashboardProblem(path: "", reason: "a dashboard is a JSON object") }
        // Exports by API wrap the dashboard; newer exports of the same schema put it under `spec`.
        if root["dashboard"].isObject { root = root["dashboard"] }
        if root["spec"].isObject {
            guard root["spec"]["elements"].isAbsent else {
                throw DashboardProblem(path: "spec.elements", reason: "dashboards of the v2 schema are not supported")
            }
            root = root["spec"]
        }
        guard root["panels"].exists || root["rows"].exists || root["title"].exists else {
            throw DashboardProblem(path: root.path, reason: "no dashboard: it has neither panels, rows nor a title")
        }
        var dashboard = read(root)
        if PanelReader.count(dashboard.panels) > panelsMax {
            throw DashboardProblem(path: "panels", reason: "more than \(panelsMax) panels")
        }
        dashboard.problems = notes.problems
        return dashboard
    }

    private static func read(_ root: DocumentNode) -> Dashboard {
        var dashboard = Dashboard()
        dashboard.title = root["title"].looseString ?? ""
        dashboard.uid = root["uid"].looseString ?? ""
        dashboard.tags = root["tags"].exists ? root["tags"].strings : []
        dashboard.schemaVersion = root["schemaVersion"].int ?? 0
        dashboard.from = root["time"]["from"].looseString ?? dashboard.from
        dashboard.to = root["time"]["to"].looseString ?? dashboard.to
        dashboard.timeZone = root["timezone"].looseString ?? ""
        dashboard.refresh = refresh(root["refresh"])
        dashboard.variables =
            root["templating"]["list"].exists ? root["templating"]["list"].list.compactMap(VariableReader.read) : []
        let panels = root["panels"].exists ? root["panels"].list.map(PanelReader.read) : []
        let rows =
            root["rows"].exists
            ? LegacyRows.read(root["rows"], below: panels.map { $0.grid.y + $0.grid.height }.max() ?? 0) : []
        dashboard.panels = numbered(panels + rows)
        return dashboard
    }

    /// `"30s"`, `""`, `false`, `"auto"`.
    private static func refresh(_ node: DocumentNode) -> Int64? {
        guard let text = node.value?.string, !text.isEmpty, text != "auto" else { return nil }
        guard let milliseconds = DurationText.parse(text), milliseconds >= 1000 else {
            node.note("no duration of at least 1s: \"\(text)\"")
            return nil
        }
        return milliseconds
    }

    /// Ids tell panels apart while they are shown: missing and doubled ones are replaced.
    private static func numbered(_ panels: [Panel]) -> [Panel] {
        var used: Set<Int> = []
        var next = 1_000_000
        func renumber(_ panel: inout Panel) {
            if panel.id <= 0 || !used.insert(panel.id).inserted {
                panel.id = next
                used.insert(next)
                next += 1
            }
            for index in panel.children.indices { renumber(&panel.children[index]) }
        }
        var result = panels
        for index in result.indices { renumber(&result[index]) }
        return result
    }
}
