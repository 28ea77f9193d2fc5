/// A dashboard: what a Grafana JSON document says, as far as a terminal shows it.
public struct Dashboard: Equatable, Sendable {
    public var title = ""
    public var uid = ""
    public var tags: [String] = []
    public var schemaVersion = 0
    /// Time range to start with, as Grafana writes it: `now-6h`, `now`.
    public var from = "now-1h"
    public var to = "now"
    /// Milliseconds between refreshes; nil for none.
    public var refresh: Int64?
    /// `utc`, `browser` or empty.
    public var timeZone = ""
    public var variables: [Variable] = []
    /// In the order of the document; children of collapsed rows are within the row.
    public var panels: [Panel] = []
    /// What was wrong or isn't supported, without making the rest useless.
    public var problems: [DashboardProblem] = []

    public init() {}

    /// All panels, those of rows included, rows themselves not.
    public var allPanels: [Panel] {
        panels.flatMap { $0.kind == .row ? $0.children : [$0] }
    }
}

/// Something wrong at a place of a document.
public struct DashboardProblem: Error, Equatable, Sendable, CustomStringConvertible {
    /// `panels[3].targets[0].expr`; empty for the whole document.
    public var path: String
    public var reason: String

    public init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }

    public var description: String { path.isEmpty ? reason : path + ": " + reason }
}

/// A place on the grid of 24 columns.
public struct GridPosition: Equatable, Sendable {
    public var x: Int
    public var y: Int
    public var width: Int
    public var height: Int

    public static let columns = 24

    public init(x: Int, y: Int, width: Int, height: Int) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }
}
