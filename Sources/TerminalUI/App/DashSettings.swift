import Dashboards

/// How a dashboard is shown, as far as flags and the document decide it.
public struct DashSettings: Sendable {
    public var window: TimeWindow
    /// Milliseconds; nil for none.
    public var refresh: Int64?
    public var zone: TimeZoneChoice
    public var theme: Theme
    /// Values of variables asked for by flags.
    public var variables: [String: [String]]
    /// What `$__rate_interval` and least steps go by, in milliseconds.
    public var scrapeInterval: Int64
    /// Shown in the header.
    public var server: String
    /// Names that `:open` knows.
    public var dashboards: [String] = []

    public init(
        window: TimeWindow, refresh: Int64?, zone: TimeZoneChoice = .local, theme: Theme = .dark,
        variables: [String: [String]] = [:], scrapeInterval: Int64 = 15_000, server: String = ""
    ) {
        self.window = window
        self.refresh = refresh
        self.zone = zone
        self.theme = theme
        self.variables = variables
        self.scrapeInterval = scrapeInterval
        self.server = server
    }
}
