import Client
import Dashboards

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
        var errors: [(target: String, text: String)] = []
        await withTaskGroup(of: (String, Result<QueryAnswer, ClientError>).self) { group in
            for query in plan.queries {
                group.addTask { (query.target, await ask(query)) }
            }
            for await (target, result) in group {
                switch result {
                case .success(let answer): answers[target] = answer
                case .failure(let error): errors.append((target, error.description))
                }
            }
        }
        let isAlone = plan.queries.count == 1
        let sorted = errors.sorted { $0.target < $1.target }.map { isAlone ? $0.text : $0.target + ": " + $0.text }
        return PanelOutcome(plan: plan, content: PanelContent(panel, plan: plan, answers: answers), errors: sorted)
    }

    private func ask(_ query: PlannedQuery) async -> Result<QueryAnswer, ClientError> {
        await turnstile.enter()
        let result: Result<QueryAnswer, ClientError>
        if Task.isCancelled {
            result = .failure(.cancelled)
        } else {
            do throws(ClientError) {
                switch query.timing {
                case .instant(let time):
                    result = .success(try await client.query(query.expression, at: time, limit: Self.seriesMax))
                case .range(let start, let end, let step):
                    result = .success(
                        try await client.range(
                            query.expression, start: start, end: end, step: step, limit: Self.seriesMax))
                }
            } catch { result = .failure(error) }
        }
        await turnstile.leave()
        return result
    }
}
