import Bedrock
import Formats
import Testing

@testable import Dashboards

#if canImport(Glibc)
    import Glibc
#endif

/// The shared conformance data: `OBS_SHARED`, else `../shared` beside the package.
enum SharedData {
    static let dashboards: String? = {
        let root = getenv("OBS_SHARED").map { String(cString: $0) } ?? Path.join(packageRoot, "../shared")
        let folder = Path.join(root, "conformance/dashboards")
        guard access(Path.join(folder, "manifest.json"), R_OK) == 0 else {
            print("skipped: no conformance dashboards in \(folder)")
            return nil
        }
        return folder
    }()

    static var packageRoot: String { Path.parent(Path.parent(Path.parent(#filePath))) }

    static func text(_ path: String) throws -> String {
        String(decoding: try PosixFileSystem().readAll(path), as: UTF8.self)
    }
}

/// One line of the manifest.
struct ManifestEntry: Sendable, CustomTestStringConvertible {
    var file: String
    var title: String
    var schemaVersion: Int
    var panels: [String: Int]
    var targets: Int
    var variables: [String]

    var testDescription: String { file }

    static let all: [ManifestEntry] = {
        guard let folder = SharedData.dashboards, let text = try? SharedData.text(Path.join(folder, "manifest.json")),
            let list = try? JSONValue(parsing: text).array
        else { return [] }
        return list.map { entry in
            ManifestEntry(
                file: entry["file"]?.string ?? "", title: entry["title"]?.string ?? "",
                schemaVersion: entry["schemaVersion"]?.int ?? 0,
                panels: Dictionary(
                    uniqueKeysWithValues: (entry["panels"]?.object?.members ?? []).map { ($0.key, $0.value.int ?? 0) }),
                targets: entry["targets"]?.int ?? 0, variables: entry["variables"]?.array?.compactMap(\.string) ?? [])
        }
    }()
}

@Suite struct DashboardConformanceTests {
    private func load(_ entry: ManifestEntry) throws -> Dashboard {
        try DashboardLoader.load(SharedData.text(Path.join(try #require(SharedData.dashboards), entry.file)))
    }

    @Test(arguments: ManifestEntry.all) func loadsWithEveryPanelTargetAndVariable(_ entry: ManifestEntry) throws {
        let dashboard = try load(entry)
        #expect(dashboard.title == entry.title)
        #expect(dashboard.schemaVersion == entry.schemaVersion)
        #expect(dashboard.problems == [])
        #expect(
            dashboard.panels.count + dashboard.panels.reduce(0) { $0 + $1.children.count }
                == entry.panels.values.reduce(0, +))
        // Rows may carry targets too, which nobody asks.
        let everything = dashboard.panels + dashboard.panels.flatMap(\.children)
        #expect(everything.reduce(0) { $0 + $1.targets.count } == entry.targets)
        #expect(dashboard.variables.map(\.name) == entry.variables.map { String($0.split(separator: ":")[0]) })
        for panel in dashboard.allPanels {
            if case .unknown(let type) = panel.kind { #expect(type == "logs") }
        }
    }

    @Test(arguments: ManifestEntry.all) func laysOutWithoutOverlaps(_ entry: ManifestEntry) throws {
        let dashboard = try load(entry)
        let rows = dashboard.panels.filter { $0.kind == .row && $0.isCollapsed }.map(\.id)
        for toggled in [[], Set(rows)] {
            let placed = GridLayout.arrange(
                dashboard.panels, state: VariableState(), variables: dashboard.variables, toggled: toggled)
            var taken: [Int: [Bool]] = [:]
            for one in placed {
                #expect(one.grid.x >= 0 && one.grid.x + one.grid.width <= GridPosition.columns)
                for y in one.grid.y..<one.grid.y + one.grid.height {
                    for x in one.grid.x..<one.grid.x + one.grid.width {
                        #expect(taken[y, default: [Bool](repeating: false, count: 24)][x] == false)
                        taken[y, default: [Bool](repeating: false, count: 24)][x] = true
                    }
                }
            }
            if !toggled.isEmpty {
                #expect(placed.count == dashboard.panels.count + dashboard.panels.reduce(0) { $0 + $1.children.count })
            }
        }
    }

    @Test(arguments: ManifestEntry.all) func everyTargetGetsAQueryWithoutVariablesLeft(_ entry: ManifestEntry) throws {
        let dashboard = try load(entry)
        var interpolation = Interpolation()
        for variable in dashboard.variables {
            interpolation.values[variable.name] = Interpolation.Value("value-of-" + variable.name)
        }
        let planner = PanelPlanner(
            dashboard: dashboard, interpolation: interpolation, range: .init(1_700_000_000_000, 1_700_003_600_000))
        for panel in dashboard.allPanels {
            let plan = planner.plan(panel, points: 200)
            let expected = panel.targets.filter { !$0.isHidden && !$0.expression.isEmpty }.count
            #expect(plan.queries.count + plan.unsupported.count == expected)
            for text in plan.queries.map(\.expression) + plan.unsupported.map(\.expression) {
                #expect(!text.isEmpty)
                // `$1` of label_replace is the one dollar that stays.
                for name in VariableReferences.names(in: text) where !name.allSatisfy(\.isNumber) {
                    Issue.record("\(panel.title): $\(name) is left in \(text)")
                }
            }
        }
    }
}
