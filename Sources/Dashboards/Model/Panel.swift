/// What a panel shows its data as.
public enum PanelKind: Equatable, Sendable {
    case timeSeries
    case stat
    case gauge
    case barGauge
    case table
    case text
    case heatmap
    case histogram
    case logs
    case row
    /// A type that isn't drawn: its name is shown with the panel's queries.
    case unknown(String)
}

/// A panel or a row.
public struct Panel: Equatable, Sendable {
    public var id = 0
    public var kind = PanelKind.unknown("")
    public var title = ""
    public var description = ""
    public var grid = GridPosition(x: 0, y: 0, width: 12, height: 8)
    public var dataSource = DataSource.standard
    public var targets: [Target] = []
    public var fields = FieldConfig()
    public var options = PanelOptions()
    public var transformations: [Transformation] = []
    /// Least step, as written: a duration, perhaps with variables.
    public var interval: String?
    public var maxDataPoints: Int?
    /// Overrides the dashboard's range: `6h` back from its end.
    public var timeFrom: String?
    /// Moves the range into the past.
    public var timeShift: String?
    /// Name of the variable for each of whose values the panel is shown.
    public var repeatVariable: String?
    public var repeatsDown = false
    public var repeatsPerRowMax = 4
    /// Rows only: its panels are hidden.
    public var isCollapsed = false
    /// Panels of a collapsed row.
    public var children: [Panel] = []
    /// Variables that stand for fixed values within a repeated panel.
    public var scopedVariables: [String: String] = [:]

    public init() {}
}

/// Where a panel or target gets its data.
public struct DataSource: Equatable, Sendable {
    /// Plugin type: `prometheus`, `loki`, `tempo`, …; empty when only a name is given.
    public var type: String
    /// Uid or name, perhaps a variable.
    public var name: String

    public static let standard = DataSource(type: "", name: "")

    public init(type: String, name: String) {
        self.type = type
        self.name = name
    }

    /// Panels whose targets each have a source of their own.
    public var isMixed: Bool { name == "-- Mixed --" }
}

/// One query of a panel.
public struct Target: Equatable, Sendable {
    public enum Format: String, Sendable {
        case timeSeries = "time_series"
        case table
        case heatmap
    }

    public var id = "A"
    public var expression = ""
    public var legend = ""
    public var isInstant = false
    public var isRange = true
    public var format = Format.timeSeries
    public var interval: String?
    /// Old panels multiply the step by it.
    public var intervalFactor = 1
    public var isHidden = false
    /// Loki: entries of a log query.
    public var linesMax: Int?
    public var dataSource = DataSource.standard

    public init() {}
}

/// What a panel type adds. One flat record: a panel uses what fits its kind.
public struct PanelOptions: Equatable, Sendable {
    public enum TextMode: String, Sendable {
        case auto
        case value
        case valueAndName = "value_and_name"
        case name
        case none
    }

    public enum Orientation: String, Sendable {
        case auto
        case horizontal
        case vertical
    }

    /// Reductions of series to one value; the first counts for stats and gauges.
    public var calculations = ["lastNotNull"]
    /// Each value of a field stands for itself.
    public var showsAllValues = false
    public var valuesMax: Int?
    /// Name or `/pattern/` of the fields to reduce; empty is every number.
    public var fieldFilter = ""
    public var textMode = TextMode.auto
    /// `none`, `value`, `background`, …
    public var colorMode = "value"
    public var showsGraph = true
    public var orientation = Orientation.auto
    /// Bar gauges: `basic`, `lcd`, `gradient`.
    public var displayMode = "gradient"
    public var legend = LegendOptions()
    public var showsHeader = true
    public var sorting: [SortKey] = []
    /// Text panels.
    public var content = ""
    public var contentMode = "markdown"
    /// Heatmaps: values are counted into buckets here, instead of coming as buckets.
    public var calculatesBuckets = false
    public var yUnit: String?
    /// Logs.
    public var logs = LogsOptions()

    public init() {}
}

/// How a logs panel shows entries.
public struct LogsOptions: Equatable, Sendable {
    public var showsTime = true
    /// Labels that not all entries share.
    public var showsLabels = false
    public var wraps = false
    public var isOldestFirst = false

    public init() {}
}

public struct SortKey: Equatable, Sendable {
    public var field: String
    public var isDescending: Bool

    public init(field: String, isDescending: Bool) {
        self.field = field
        self.isDescending = isDescending
    }
}

public struct LegendOptions: Equatable, Sendable {
    public var isShown = true
    public var isTable = false
    public var isRight = false
    /// Reductions shown beside each name.
    public var calculations: [String] = []

    public init() {}
}
