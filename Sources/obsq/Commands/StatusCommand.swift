import Bedrock
import Client
import Formats
import Model

let statusCommand = Command(
    "status", "", "what the server is, holds and scrapes",
    run: { invocation in
        guard invocation.arguments.isEmpty else { throw UsageError("status wants no arguments") }
        let session = try Session(invocation, timeoutSeconds: 10)
        try await session.ask { client throws(ClientError) in try await client.checkReady() }
        let build = try await session.ask { client throws(ClientError) in try await client.status("buildinfo") }
        let runtime = try await session.ask { client throws(ClientError) in try await client.status("runtimeinfo") }
        let storage = try await session.ask { client throws(ClientError) in try await client.status("tsdb") }
        let targets = try await session.ask { client throws(ClientError) in try await client.targets() }
        let output = invocation.output
        if invocation.has("--json") {
            let document = JSONValue.object(
                JSONObject([("buildinfo", build), ("runtimeinfo", runtime), ("tsdb", storage)]))
            output.line(document.text)
            return .done
        }
        let head = storage["headStats"]
        func number(_ value: JSONValue?) -> String { value?.number.map { NumberText.text($0) } ?? "?" }
        func time(_ value: JSONValue?) -> String {
            value?.number.flatMap { Int64(exactly: $0) }.map { UTCTime(milliseconds: $0).iso8601 } ?? "?"
        }
        output.line("server    \(session.client.server.address)  \(output.styled("ready", .green))")
        output.line("version   \(build["version"]?.string ?? "?")")
        output.line("started   \(runtime["startTime"]?.string ?? "?")")
        output.line("retention \(runtime["storageRetention"]?.string ?? "?")")
        let series = head?["numSeries"]?.int ?? 0
        output.line("series    \(series)")
        if series > 0 { output.line("samples   from \(time(head?["minTime"])) to \(time(head?["maxTime"]))") }
        if let corrupt = runtime["corruptionCount"]?.int, corrupt > 0 {
            output.line(output.styled("damaged   \(corrupt) blocks: see the server's log and obsq verify", .red))
        }
        if targets.isEmpty { return .done }
        output.line()
        var rows = TextTable(["job", "instance", "health", "scrape", "error"])
        for target in targets {
            func label(_ name: String) -> String { target.labels.first { $0.name == name }?.value ?? "" }
            rows.add([
                label("job"), label("instance"), target.health,
                NumberText.text((target.lastScrapeSeconds * 1000).rounded() / 1000) + " s",
                target.lastError,
            ])
        }
        for line in rows.lines(output) { output.line(line) }
        return .done
    })
