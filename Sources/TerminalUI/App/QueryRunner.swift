import Client
import Dashboards
import Model

/// Lets so many in at a time; others wait in order.
actor Turnstile {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ places: Int) { free = places }

    func enter() async {
        if free > 0 {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func leave() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}

/// Runs the queries of panels, a bounded number at a time over all panels.
struct QueryRunner: Sendable {
    let client: PrometheusClient
    let turnstile: Turnstile
    /// Series of one answer that are asked for; a terminal shows far fewer.
    static let seriesMax = 2_000

    init(client: PrometheusClient, concurrency: Int = 8) {
        self.client = client
        turnstile = Turnstile(concurrency)
    }

    func run(_ panel: Panel, _ plan: PanelPlan) async -> PanelOutcome {
        var answers: [String: QueryAnswer] = [:]
        var entries: [String: LogTable] = [:]
        var errors: [(target: String, text: String)] = []
        await withTaskGroup(of: (String, Result<Answer, ClientError>).self) { group in
            for query in plan.queries {
                group.addTask { (query.target, await ask(query)) }
            }
            for await (target, result) in group {
                switch result {
                case .success(.series(let answer)): answers[target] = answer
                case .success(.entries(let table)): entries[target] = table
                case .failure(let error): errors.append((target, error.description))
                }
            }
        }
        let isAlone = plan.queries.count == 1
        let sorted = errors.sorted { $0.target < $1.target }.map { isAlone ? $0.text : $0.target + ": " + $0.text }
        let content = PanelContent(panel, plan: plan, answers: answers, entries: entries)
        return PanelOutcome(plan: plan, content: content, errors: sorted)
    }

    private enum Answer: Sendable {
        case series(QueryAnswer)
        case entries(LogTable)
    }

    private func ask(_ query: PlannedQuery) async -> Result<Answer, ClientError> {
        await turnstile.enter()
        let result: Result<Answer, ClientError>
        if Task.isCancelled {
            result = .failure(.cancelled)
        } else {
            do throws(ClientError) {
                result = .success(
                    query.language == .logQL ? try await askLogs(query) : .series(try await askSeries(query)))
            } catch { result = .failure(error) }
        }
        await turnstile.leave()
        return result
    }

    private func askSeries(_ query: PlannedQuery) async throws(ClientError) -> QueryAnswer {
        switch query.timing {
        case .instant(let time): try await client.query(query.expression, at: time, limit: Self.seriesMax)
        case .range(let start, let end, let step):
            try await client.range(query.expression, start: start, end: end, step: step, limit: Self.seriesMax)
        }
    }

    private func askLogs(_ query: PlannedQuery) async throws(ClientError) -> Answer {
        let logs = LokiClient(beside: client)
        let answer: LogAnswer
        switch query.timing {
        case .instant(let time):
            answer = try await logs.instant(query.expression, at: LogTimeRange.nanoseconds(milliseconds: time))
        case .range(let start, let end, let step):
            let range = LogTimeRange(milliseconds: TimeRange(start, end))
            answer = try await logs.range(
                query.expression, start: range.start, end: range.end,
                step: LogTimeRange.nanoseconds(milliseconds: step), limit: query.linesMax)
        }
        switch answer.result {
        case .entries(let table): return .entries(table)
        case .metric(let result): return .series(QueryAnswer(result, warnings: answer.warnings))
        }
    }
}
