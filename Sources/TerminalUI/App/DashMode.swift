import Dashboards

/// What the keys mean now.
enum DashMode: Equatable {
    case grid
    /// One panel has the screen.
    case panel
    case explore(Explore)
    case help
    case menu(DashMenu)
    case prompt(Prompt)
}

/// A line that is being typed at the bottom.
struct Prompt: Equatable {
    enum Purpose: Equatable {
        case filter
        case command
        case timeRange
        case value(of: String)
    }

    var purpose: Purpose
    var editor = LineEditor()

    var sign: String {
        switch purpose {
        case .filter: "/"
        case .command: ":"
        case .timeRange: "from to: "
        case .value(let name): name + " = "
        }
    }
}

/// Editing one query of a panel and seeing what it gives.
struct Explore: Equatable {
    var panel: Panel
    var editor: LineEditor
    /// Which of the panel's queries.
    var index: Int
    var generation = 0
    var outcome: PanelOutcome?
    var isLoading = false
    var isInstant = false
    /// The dashboard was left from a full-screen panel.
    var cameFromPanel: Bool

    static func == (a: Explore, b: Explore) -> Bool {
        a.panel.id == b.panel.id && a.editor == b.editor && a.index == b.index && a.generation == b.generation
            && a.isLoading == b.isLoading
    }
}
