import Bedrock
import Client
import Dashboards
import Synchronization

/// `obsq dash`: a Grafana dashboard in the terminal.
public struct DashApp: Sendable {
    /// What to show and where it comes from.
    public struct Options: Sendable {
        /// A path, or the name of a dashboard in one of `folders`.
        public var dashboard: String
        /// Looked through for names, in order.
        public var folders: [String]
        public var server: ServerContext
        /// Each nil leaves it to the dashboard.
        public var from: String?
        public var to: String?
        /// Milliseconds; 0 turns refreshing off.
        public var refresh: Int64?
        public var variables: [String: [String]]
        public var isUTC: Bool?
        /// Nil finds out what the terminal shows.
        public var colors: ColorDepth?
        public var theme: Theme?
        /// What `$__rate_interval` goes by, in milliseconds.
        public var scrapeInterval: Int64

        public init(
            dashboard: String = "host", folders: [String], server: ServerContext, from: String? = nil,
            to: String? = nil,
            refresh: Int64? = nil, variables: [String: [String]] = [:], isUTC: Bool? = nil, colors: ColorDepth? = nil,
            theme: Theme? = nil, scrapeInterval: Int64 = 15_000
        ) {
            self.dashboard = dashboard
            self.folders = folders
            self.server = server
            self.from = from
            self.to = to
            self.refresh = refresh
            self.variables = variables
            self.isUTC = isUTC
            self.colors = colors
            self.theme = theme
            self.scrapeInterval = scrapeInterval
        }
    }

    let options: Options
    let client: PrometheusClient
    let library: DashboardLibrary
    let clock: any ClockSource

    /// - Parameter client: made for `options.server`.
    public init(
        _ options: Options, client: PrometheusClient, files: any FileSystem = PosixFileSystem(),
        clock: any ClockSource = SystemClock()
    ) {
        self.options = options
        self.client = client
        self.clock = clock
        library = DashboardLibrary(folders: options.folders, files: files)
    }

    /// Shows a dashboard on the terminal of this process until the user leaves. What stands in the way of the first frame is told on
    /// standard error.
    /// - Returns: the exit code: 0 when the user left, 2 where there is no such dashboard or no terminal.
    public static func run(_ options: Options) async -> Int32 {
        do {
            return try await DashApp(options, client: PrometheusClient(connectingTo: options.server)).run()
        } catch {
            StandardError.write("obsq: \(error)\n")
            return 2
        }
    }

    func run() async throws -> Int32 {
        let dashboard = try library.load(options.dashboard)
        let terminal = try Terminal(depth: options.colors)
        let code = await DashLoop(self, terminal, settings(dashboard, theme: theme(terminal.depth)), dashboard).run()
        terminal.close()
        return code
    }

    /// One frame of the dashboard with data, as text: plain, or with colours for `depth`.
    /// - Parameter height: in rows; nil takes as many as the dashboard needs.
    public func renderOnce(width: Int, height: Int?, depth: ColorDepth = .none) async throws(DashboardProblem) -> String
    {
        let frame = try await frameOnce(width: width, height: height, theme: theme(depth))
        return frame.ansiText(depth)
    }

    /// One frame, asked and drawn.
    func frameOnce(width: Int, height: Int?, theme: Theme) async throws(DashboardProblem) -> Surface {
        let dashboard = try library.load(options.dashboard)
        let now = clock.now()
        var state = DashState(
            dashboard, settings(dashboard, theme: theme), width: width, height: height ?? 60, now: now,
            asksEverything: true)
        let runner = QueryRunner(client: client)
        var effects = state.start(now: now)
        while !effects.isEmpty {
            var events: [DashEvent] = []
            await withTaskGroup(of: DashEvent?.self) { group in
                for effect in effects { group.addTask { await answer(effect, dashboard, runner) } }
                for await event in group { if let event { events.append(event) } }
            }
            effects = events.flatMap { state.handle($0, now: now) }
        }
        if height == nil {
            _ = state.handle(
                .terminal(
                    .resize(width: width, height: min(Surface.sideMax, state.layout.height + state.viewport.y + 1))),
                now: now)
        }
        return state.frame(now: now)
    }

    /// Does what an effect asks of the server; nil where it asks nothing.
    func answer(_ effect: DashEffect, _ dashboard: Dashboard, _ runner: QueryRunner) async -> DashEvent? {
        switch effect {
        case .resolveVariables(let wanted, let range, let generation):
            let resolver = VariableResolver(variables: dashboard.variables, client: client)
            return .variables(await resolver.resolve(wanted: wanted, range: range), generation: generation)
        case .query(let id, let panel, let plan, let generation):
            return .panel(id: id, await runner.run(panel, plan), generation: generation)
        case .explore(let panel, let plan, let generation):
            return .explored(await runner.run(panel, plan), generation: generation)
        case .checkHealth:
            do throws(ClientError) {
                try await client.checkReady()
                return .health(.ready)
            } catch { return .health(.failing(error.description)) }
        case .open(let name):
            do throws(DashboardProblem) { return .opened(.success(try library.load(name))) } catch {
                return .opened(.failure(error))
            }
        case .cancelQueries, .schedule, .redraw, .suspend, .quit: return nil
        }
    }

    private func theme(_ depth: ColorDepth) -> Theme {
        options.theme ?? Theme.fitting(depth: depth, colorFgBg: environment("COLORFGBG"))
    }

    private func settings(_ dashboard: Dashboard, theme: Theme) -> DashSettings {
        let zone: TimeZoneChoice = options.isUTC ?? (dashboard.timeZone == "utc") ? .utc : .local
        var window = TimeWindow(from: options.from ?? dashboard.from, to: options.to ?? dashboard.to)
        // `--from 6h` means six hours back.
        if let from = options.from, let span = DurationText.parse(from), span > 0, Int64(from) == nil {
            window.from = "now-" + from
        }
        let refresh = options.refresh ?? dashboard.refresh ?? 15_000
        var settings = DashSettings(
            window: window, refresh: refresh > 0 ? max(1000, refresh) : nil, zone: zone, theme: theme,
            variables: options.variables, scrapeInterval: options.scrapeInterval, server: options.server.address)
        settings.dashboards = library.names()
        return settings
    }
}
