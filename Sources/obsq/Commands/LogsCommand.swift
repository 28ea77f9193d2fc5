import Bedrock
import Client
import Model

let logsCommand = Command(
    "logs", "[QUERY]", "show log entries: LogQL, or words as in a search box",
    flags: LogsOptions.flags,
    examples: [
        "logs 'timeout payment -healthcheck' --since 6h", "logs '{app=\"shop\"} |= \"timeout\"' --context 5",
        "logs '{app=\"shop\"} | json | status >= 500' --follow",
        "logs '{app=\"shop\"}' --limit 0 --output raw > shop.log",
        "logs '{app=\"shop\"}' --patterns", "logs error --volume --by service_name",
        "logs 'sum by (app) (rate({env=\"prod\"}[5m]))' --metrics",
    ],
    run: { invocation in
        let options = try LogsOptions(invocation, now: SystemClock().now())
        var question = try LogQuestion(invocation.arguments.joined(separator: " "))
        let session = try Session(invocation)
        try await question.chooseSelector(session)
        let output = invocation.output
        let graph = GraphReport(session: session, question: question, options: options, invocation: invocation)
        switch options.view {
        case .patterns:
            return try await PatternsReport(session: session, question: question, options: options).run(to: output)
        case .volume: return try await graph.volume(to: output)
        case .metrics: return try await graph.metrics(to: output)
        case .entries:
            if question.isMetric {
                if options.isFollowing { throw UsageError("a metric query can't be followed") }
                return try await graph.instant(to: output)
            }
            return try await EntriesReport(session: session, question: question, options: options).run(to: output)
        }
    })
