import Bedrock
import Client
import Formats
import Model

let graphCommand = Command(
    "graph", "[SERVICE]", "show who calls whom, from traces: requests, failures, latency",
    flags: [
        Flag("--since", "SPAN", "of so much time before --time (default 15m)"),
        Flag("--time", "TIME", "now, -1h, Unix seconds or RFC 3339 (default now)"),
        Flag("--dot", nil, "print the graph for Graphviz"),
    ],
    examples: ["graph", "graph checkout --since 1h", "graph --dot | dot -Tsvg > graph.svg"],
    run: { invocation in
        guard invocation.arguments.count <= 1 else { throw UsageError("expects one service at most") }
        let now = SystemClock().now()
        let time = try invocation.value("--time").map { try TimeArgument.time($0, now: now) }
        let span = try invocation.value("--since").map(TimeArgument.span) ?? 900_000
        let graph = try await Session(invocation).ask { client throws(ClientError) in
            try await client.serviceGraph(span: span, at: time)
        }
        let writer = GraphWriter(output: invocation.output, graph: graph)
        if let service = invocation.arguments.first, !graph.services.contains(service) {
            let hint = Suggestion.hint(service, in: graph.services)
            throw Failure("no requests from or to \"\(service)\" in that time\(hint)", .no)
        }
        if invocation.has("--json") {
            writer.json()
        } else if invocation.has("--dot") {
            writer.dot()
        } else if graph.edges.isEmpty {
            invocation.output.note(
                "no requests between services in that time: they show once spans come in, within half a minute")
        } else {
            writer.tree(from: invocation.arguments.first)
        }
        return .done
    })

/// Prints a service graph.
struct GraphWriter {
    let output: Output
    let graph: ServiceGraph

    /// As a tree from the services that nobody calls; a service that was shown before is not opened again.
    func tree(from service: String? = nil) {
        var rows: [(text: String, edge: ServiceGraph.Edge?, isRepeat: Bool)] = []
        var opened: Set<String> = []
        func open(_ name: String, _ guides: String) {
            let calls = graph.calls(of: name)
            for (index, edge) in calls.enumerated() {
                let isLast = index == calls.count - 1
                let isRepeat = opened.contains(edge.server) && !graph.calls(of: edge.server).isEmpty
                rows.append((guides + (isLast ? "└ " : "├ ") + edge.server, edge, isRepeat))
                if opened.insert(edge.server).inserted { open(edge.server, guides + (isLast ? "  " : "│ ")) }
            }
        }
        if let service {
            for edge in graph.edges where edge.server == service && edge.client != service {
                rows.append(("\(edge.client) → \(service)", edge, false))
            }
        }
        for root in service.map({ [$0] }) ?? graph.roots {
            rows.append((root, nil, false))
            opened.insert(root)
            open(root, "")
        }
        let width = (rows.map { $0.text.count + ($0.isRepeat ? 2 : 0) }.max() ?? 0) + 2
        let head = "req/s".leftPadded(9) + "failed".leftPadded(9) + "p50".leftPadded(9) + "p95".leftPadded(9) + "  type"
        output.line(output.styled("".padded(width) + head, .dim))
        for row in rows {
            guard let edge = row.edge else {
                output.line(output.styled(row.text, .bold))
                continue
            }
            let share = edge.failureShare
            let failed = Self.percent(share).leftPadded(9)
            output.line(
                (row.text + (row.isRepeat ? " ↑" : "")).padded(width) + Self.number(edge.rate).leftPadded(9)
                    + (share > 0.01 ? output.styled(failed, share > 0.05 ? .red : .yellow) : failed)
                    + Self.seconds(edge.median).leftPadded(9) + Self.seconds(edge.percentile95).leftPadded(9)
                    + output.styled("  " + edge.type, .dim))
        }
    }

    func dot() {
        func quoted(_ text: String) -> String {
            "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        }
        output.line("digraph services {\n  rankdir=LR;\n  node [shape=box];")
        for edge in graph.edges {
            let label =
                "\(Self.number(edge.rate))/s\\n\(Self.percent(edge.failureShare)) failed\\np95 \(Self.seconds(edge.percentile95))"
            let colour = edge.failureShare > 0.05 ? ", color=red" : ""
            output.line("  \(quoted(edge.client)) -> \(quoted(edge.server)) [label=\"\(label)\"\(colour)];")
        }
        output.line("}")
    }

    func json() {
        var writer = JSONWriter()
        writer.beginArray()
        for edge in graph.edges {
            writer.beginObject()
            for (key, text) in [("client", edge.client), ("server", edge.server), ("type", edge.type)] {
                writer.key(key)
                writer.string(text)
            }
            for (key, value) in [
                ("requestsPerSecond", edge.rate), ("failedPerSecond", edge.failures), ("p50Seconds", edge.median),
                ("p95Seconds", edge.percentile95),
            ] {
                writer.key(key)
                writer.number(value)
            }
            writer.endObject()
        }
        writer.endArray()
        output.line(String(decoding: writer.finish(), as: UTF8.self))
    }

    static func seconds(_ value: Double) -> String {
        value.isFinite && value < 1e9 ? ShortDuration.text(Int64(value * 1e9)) : "-"
    }

    static func percent(_ share: Double) -> String {
        share == 0 ? "0 %" : share < 0.001 ? "<0.1 %" : number(share * 100) + " %"
    }

    /// Three digits.
    static func number(_ value: Double) -> String {
        guard value.isFinite, value.magnitude < 1e15 else { return "-" }
        if value >= 100 { return String(Int(value.rounded())) }
        let digits = value >= 10 ? 1 : value >= 1 ? 2 : 3
        return NumberText.text(
            (value * Double([1, 10, 100, 1000][digits])).rounded() / Double([1, 10, 100, 1000][digits]))
    }
}

extension String {
    func leftPadded(_ width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
