import Client
import Dashboards
import Model

/// What reaches the dashboard's state.
enum DashEvent: Sendable {
    case terminal(TerminalEvent)
    /// It is time for the next refresh.
    case refreshDue
    case variables(VariableState, generation: Int)
    case panel(id: Int, PanelOutcome, generation: Int)
    case explored(PanelOutcome, generation: Int)
    case health(ServerHealth)
    case opened(Result<Dashboard, DashboardProblem>)
    /// Draw what has changed.
    case draw
}

/// What a panel's queries came to.
struct PanelOutcome: Sendable {
    var plan: PanelPlan
    var content: PanelContent
    /// One for each query that failed.
    var errors: [String]
}

/// What the header says of the server.
enum ServerHealth: Equatable, Sendable {
    case unknown
    case ready
    case failing(String)
}

/// What the state asks of the world.
enum DashEffect: Equatable {
    case resolveVariables(wanted: [String: [String]], range: TimeRange, generation: Int)
    case query(id: Int, panel: Panel, plan: PanelPlan, generation: Int)
    case explore(Panel, PanelPlan, generation: Int)
    /// Answers of earlier generations are no longer wanted.
    case cancelQueries
    case checkHealth
    /// The next refresh, after so many milliseconds; nil for none.
    case schedule(Int64?)
    case open(String)
    case redraw
    case suspend
    case quit
}
