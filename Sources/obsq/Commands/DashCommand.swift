import Bedrock
import Client
import Glibc
import TerminalUI

let dashCommand = Command(
    "dash", "[DASHBOARD]", "show a Grafana dashboard in the terminal",
    flags: [
        Flag("--dashboard", "FILE", "a dashboard's JSON, or its name in a folder of dashboards (default: host)"),
        Flag(
            "--folder", "DIR",
            "where dashboards are looked for by name (default: Dashboards here, and beside the program)"),
        Flag("--from", "TIME", "such as now-1h"),
        Flag("--to", "TIME", "such as now"),
        Flag("--refresh", "SPAN", "such as 10s; 0 turns it off"),
        Flag("--var", "NAME=VALUE", "sets a variable; several values separated by commas"),
        Flag("--utc", nil, "show UTC, not local time"),
        Flag("--once", nil, "print one frame and end"),
        Flag("--width", "COLUMNS", "of the frame with --once"),
        Flag("--height", "LINES", "of the frame with --once (default: all panels)"),
    ],
    run: { invocation in
        guard invocation.arguments.count <= 1 else { throw UsageError("dash wants at most one dashboard") }
        let name = invocation.arguments.first ?? invocation.value("--dashboard") ?? "host"
        let session = try Session(invocation)
        var options = DashApp.Options(
            dashboard: name,
            folders: invocation.value("--folder").map { [$0] }
                ?? DashboardLibrary.standardFolders(executable: CommandLine.arguments[0]),
            server: session.client.server)
        options.from = invocation.value("--from")
        options.to = invocation.value("--to")
        if let refresh = invocation.value("--refresh") {
            options.refresh = refresh == "0" ? 0 : try TimeArgument.span(refresh)
        }
        if let variable = invocation.value("--var") {
            let parts = variable.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw UsageError("--var wants NAME=VALUE") }
            options.variables[parts[0]] = parts[1].split(separator: ",").map(String.init)
        }
        if invocation.has("--utc") { options.isUTC = true }
        guard invocation.has("--once") else {
            return ExitStatus(rawValue: await DashApp.run(options)) ?? .refused
        }
        try await session.ask { client throws(ClientError) in try await client.checkReady() }
        let width = try invocation.value("--width").map(wholeNumber) ?? invocation.output.width
        let height = try invocation.value("--height").map(wholeNumber)
        let frame = try await DashApp(options, client: session.client).renderOnce(
            width: width, height: height, depth: invocation.output.colour ? .indexed256 : .none)
        invocation.output.raw(frame.hasSuffix("\n") ? frame : frame + "\n")
        return .done
    })
