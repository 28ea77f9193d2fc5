/// What obsq's exit status says.
enum ExitStatus: Int32 {
    case done = 0
    /// A check or a test failed.
    case no = 1
    case usage = 2
    /// The server is unreachable, or refused.
    case refused = 3
}

/// A flag of a command. The table of commands is the one source of parsing, help and shell completion.
struct Flag: Sendable {
    let name: String
    /// One letter that says the same, such as `-f`.
    let short: String?
    /// Nil for a switch.
    let placeholder: String?
    let help: String
    /// Words to complete with.
    let choices: [String]

    init(
        _ name: String, _ placeholder: String? = nil, _ help: String, choices: [String] = [], short: String? = nil
    ) {
        self.name = name
        self.short = short
        self.placeholder = placeholder
        self.help = help
        self.choices = choices
    }
}

/// One word of obsq.
struct Command: Sendable {
    /// One or two words: `query`, `check metrics`.
    let name: String
    /// Operands, as in the usage line.
    let operands: String
    let summary: String
    let flags: [Flag]
    /// Command lines as people type them, shown below the flags.
    let examples: [String]
    let run: @Sendable (Invocation) async throws -> ExitStatus

    init(
        _ name: String, _ operands: String, _ summary: String, flags: [Flag] = [], examples: [String] = [],
        run: @escaping @Sendable (Invocation) async throws -> ExitStatus
    ) {
        self.name = name
        self.operands = operands
        self.summary = summary
        self.flags = flags
        self.examples = examples
        self.run = run
    }
}

/// A command line, taken apart.
struct Invocation: Sendable {
    var arguments: [String] = []
    var values: [String: String] = [:]
    var output = Output()

    func has(_ flag: String) -> Bool { values[flag] != nil }
    func value(_ flag: String) -> String? { values[flag] }

    /// The only operand, or a usage error that names it.
    func only(_ what: String) throws -> String {
        guard arguments.count == 1, let first = arguments.first else {
            throw UsageError("expects \(what), got \(arguments.isEmpty ? "nothing" : "\(arguments.count) arguments")")
        }
        return first
    }
}

/// Wrong use: shown with a pointer to `--help`, exit 2.
struct UsageError: Error {
    let text: String

    init(_ text: String) { self.text = text }
}

/// An answer that is an error, already in words; with an exit status of its own.
struct Failure: Error {
    let text: String
    let status: ExitStatus

    init(_ text: String, _ status: ExitStatus = .refused) {
        self.text = text
        self.status = status
    }
}

/// Flags that every command understands.
let globalFlags: [Flag] = [
    Flag(
        "--server", "URL",
        "obsd to ask, or a context of the config file (default http://127.0.0.1:7070, or $OBSQ_SERVER)"),
    Flag("--data", "DIR", "read a data folder instead, without a server"),
    Flag("--tenant", "NAME", "whose data"),
    Flag("--token-file", "FILE", "bearer token (or $OBSQ_TOKEN)"),
    Flag("--ca-file", "FILE", "authorities to trust for https"),
    Flag("--color", "WHEN", "auto, always or never", choices: ["auto", "always", "never"]),
    Flag("--json", nil, "print JSON"),
    Flag("--help", nil, "this text", short: "-h"),
]
