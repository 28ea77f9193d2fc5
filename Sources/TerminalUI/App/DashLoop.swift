import Client
import Dashboards
import Glibc

/// Drives the state: events from the terminal, the timer and the server go in, effects are carried out, frames go to the terminal.
///
/// Between events nothing runs: no tick, no polling.
actor DashLoop {
    private let app: DashApp
    private let terminal: Terminal
    private let runner: QueryRunner
    private var state: DashState
    private let events: AsyncStream<DashEvent>
    private let post: AsyncStream<DashEvent>.Continuation
    private var queries: [Task<Void, Never>] = []
    private var timer: Task<Void, Never>?
    private var drawnAt: UInt64 = 0
    private var isDrawPending = false

    /// Frames are at least so far apart.
    private static let frameNanoseconds: UInt64 = 16_000_000

    init(_ app: DashApp, _ terminal: Terminal, _ settings: DashSettings, _ dashboard: Dashboard) {
        self.app = app
        self.terminal = terminal
        runner = QueryRunner(client: app.client)
        let size = terminal.size
        state = DashState(dashboard, settings, width: size.width, height: size.height, now: app.clock.now())
        if let problem = dashboard.problems.first {
            state.message = DashState.Message(text: problem.description, isError: true)
        }
        (events, post) = AsyncStream.makeStream()
    }

    func run() async -> Int32 {
        let post = post
        let input = terminal.events
        let keys = Task {
            for await event in input { post.yield(.terminal(event)) }
            post.yield(.terminal(.hangup))
        }
        var code: Int32?
        code = perform(state.start(now: app.clock.now()))
        draw()
        if code == nil {
            for await event in events {
                if case .draw = event {
                    isDrawPending = false
                    draw()
                    continue
                }
                code = perform(state.handle(event, now: app.clock.now()))
                if code != nil { break }
                drawSoon()
            }
        }
        keys.cancel()
        timer?.cancel()
        for task in queries { task.cancel() }
        return code ?? 0
    }

    // MARK: frames

    private func draw() {
        terminal.show(state.frame(now: app.clock.now()))
        drawnAt = app.clock.monotonicNanoseconds()
    }

    /// At once, unless a frame was shown just now: bursts of answers share one.
    private func drawSoon() {
        guard !isDrawPending else { return }
        let elapsed = app.clock.monotonicNanoseconds() &- drawnAt
        if elapsed >= Self.frameNanoseconds { return draw() }
        isDrawPending = true
        let post = post
        Task {
            try? await Task.sleep(nanoseconds: Self.frameNanoseconds - elapsed)
            post.yield(.draw)
        }
    }

    // MARK: effects

    /// - Returns: the exit code, once it is time to leave.
    private func perform(_ effects: [DashEffect]) -> Int32? {
        for effect in effects {
            switch effect {
            case .quit: return 0
            case .cancelQueries:
                for task in queries { task.cancel() }
                queries = []
            case .schedule(let milliseconds): schedule(milliseconds)
            case .redraw: terminal.forgetScreen()
            case .suspend: suspend()
            default: launch(effect)
            }
        }
        return nil
    }

    private func launch(_ effect: DashEffect) {
        let (app, runner, post, dashboard) = (app, runner, post, state.dashboard)
        queries.append(
            Task {
                guard let event = await app.answer(effect, dashboard, runner), !Task.isCancelled else { return }
                post.yield(event)
            })
    }

    private func schedule(_ milliseconds: Int64?) {
        timer?.cancel()
        guard let milliseconds else { return }
        let post = post
        timer = Task {
            try? await Task.sleep(for: .milliseconds(milliseconds))
            if !Task.isCancelled { post.yield(.refreshDue) }
        }
    }

    /// Gives the terminal back to the shell until the process is continued.
    private func suspend() {
        terminal.leave()
        // To this very thread: it must not run on while another one takes the signal.
        raise(SIGSTOP)
        terminal.enter()
        let size = terminal.size
        post.yield(.terminal(.resize(width: size.width, height: size.height)))
    }
}
