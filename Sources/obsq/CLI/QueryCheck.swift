import Formats

/// What is wrong with a query.
struct QueryFault {
    /// One line.
    var text: String
    /// The place, with a caret below; for people.
    var excerpt: String
}

/// `check query`, `check logql`: one line of answer for each query.
struct QueryCheck {
    static let flags: [Flag] = [
        Flag("--lines", nil, "one query a line on standard input"),
        Flag("--jsonl", nil, "rows {\"query\": …} on standard input"),
    ]

    /// Parses a query; nil when it is sound.
    let judge: @Sendable (String) -> QueryFault?

    func run(_ invocation: Invocation) throws -> ExitStatus {
        var queries = invocation.arguments
        if invocation.has("--lines") { queries += Input.lines(try Input.read("-")) }
        if invocation.has("--jsonl") { queries += try Self.rows(try Input.read("-")) }
        if queries.isEmpty && !invocation.has("--lines") && !invocation.has("--jsonl") {
            throw UsageError("expects a query, --lines or --jsonl")
        }
        var failed = false
        for query in queries {
            guard let fault = judge(query) else {
                invocation.output.line("ok")
                continue
            }
            failed = true
            invocation.output.line(String(fault.text.map { $0.isNewline ? " " : $0 }))
            if queries.count == 1 && invocation.output.isTerminal { invocation.output.line(fault.excerpt) }
        }
        return failed ? .no : .done
    }

    private static func rows(_ bytes: [UInt8]) throws -> [String] {
        try Input.lines(bytes).enumerated().compactMap { number, line in
            if line.isEmpty { return nil }
            guard let row = try? JSONValue(parsing: line), let query = row["query"]?.string else {
                throw Failure("<stdin>:\(number + 1):1: expected a row {\"query\": …}", .usage)
            }
            return query
        }
    }
}
