import Configuration

/// Version of the programs, as `status/buildinfo` and `--version` say it.
let version = "0.1.0"

/// What obsd is asked to be.
enum Role: String, CaseIterable {
    /// Agent, collector and query server in one process.
    case all
    /// Receives, stores and answers, without an agent.
    case collector
    /// Collects and sends to a collector; stores nothing but its send queue.
    case agent
}

/// The words of obsd's command line, understood.
enum Order {
    case serve(Role, FlagParser)
    /// Say what a configuration would do.
    case check(FlagParser)
    /// Print the reference of settings.
    case settings
    case help
    case version

    init(_ words: [String]) throws(SettingError) {
        let flags = try FlagParser(words, extras: ["--config"], switches: ["--help", "--version", "-h"])
        if flags.extras["--version"] != nil {
            self = .version
            return
        }
        guard flags.extras["--help"] == nil, let first = flags.arguments.first else {
            self = .help
            return
        }
        if flags.arguments.count > 1 { throw SettingError("unexpected argument \"\(flags.arguments[1])\"") }
        switch first {
        case "check": self = .check(flags)
        case "settings": self = .settings
        case "help": self = .help
        case "query":
            throw SettingError(
                "a query role of its own needs storage that several machines share; embedded storage answers queries in its own process: run obsd all or obsd collector"
            )
        default:
            guard let role = Role(rawValue: first) else {
                throw SettingError("unknown role \"\(first)\": one of all, collector, agent, or check, settings, help")
            }
            self = .serve(role, flags)
        }
    }
}

enum HelpText {
    static var overview: String {
        """
        obsd \(version): keeps metrics and answers questions about them

        usage: obsd all|collector|agent [--config FILE] [SETTING…]
               obsd check [--config FILE] [SETTING…]     say what this configuration would do
               obsd settings                             the reference of all settings, as YAML

        all         agent, collector and query server in one process
        collector   receives remote write, stores and answers queries
        agent       collects this machine's metrics and scrape targets, and sends them to agent.remote_write

        Every setting can stand in the file, in the environment or on the command line; the later wins:

        \(SettingsTable.all.map(row).joined(separator: "\n"))

        SIGHUP, or a changed file, reloads the file; SIGTERM finishes requests, flushes and ends.
        """
    }

    private static func row(_ setting: any AnySetting) -> String {
        let head = "  \(setting.flag) \(setting.placeholder)"
        let pad = String(repeating: " ", count: max(1, 44 - head.count))
        let standard = setting.standardText.isEmpty ? "" : " [\(setting.standardText)]"
        return head + pad + setting.help + standard
    }

    /// A commented YAML file of every setting at its default.
    static var reference: String {
        var lines: [String] = []
        var group = ""
        for setting in SettingsTable.all {
            let parts = setting.name.split(separator: ".").map(String.init)
            if parts.count == 2, parts[0] != group {
                group = parts[0]
                lines.append("\n\(group):")
            }
            let indent = parts.count == 2 ? "  " : ""
            let text = setting.standardText
            lines.append("\(indent)# \(setting.help) (\(setting.variable), \(setting.flag))")
            lines.append(
                "\(indent)\(parts[parts.count - 1]): \(text.isEmpty || text.contains(":") ? "\"\(text)\"" : text)")
        }
        lines.append(
            "\n# As in Prometheus.\n# global: {scrape_interval: 15s, external_labels: {}}\n# scrape_configs: []")
        return lines.joined(separator: "\n")
    }
}
