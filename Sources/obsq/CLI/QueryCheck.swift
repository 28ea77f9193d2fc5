import Bedrock
import Client
import Formats
import Model

/// `check query`, `check logql`, `check traceql`: one line of answer for each query.
struct QueryCheck {
    static let flags: [Flag] = [
        Flag("--lines", nil, "one query a line on standard input"),
        Flag("--jsonl", nil, "rows {\"query\": …} on standard input"),
    ]

    /// Parses a query and drops the tree.
    let parse: @Sendable (String) throws(ParseError) -> Void

    func run(_ invocation: Invocation) throws -> ExitStatus {
        var queries = invocation.arguments
        if invocation.has("--lines") { queries += Input.lines(try Input.read("-")) }
        if invocation.has("--jsonl") { queries += try Self.rows(try Input.read("-")) }
        if queries.isEmpty && !invocation.has("--lines") && !invocation.has("--jsonl") {
            throw UsageError("expects a query, --lines or --jsonl")
        }
        var failed = false
        for query in queries {
            do throws(ParseError) {
                try parse(query)
                invocation.output.line("ok")
            } catch {
                failed = true
                let text = "\(error)" + (error.hint.map { " (\($0))" } ?? "")
                invocation.output.line(String(text.map { $0.isNewline ? " " : $0 }))
                if queries.count == 1 && invocation.output.isTerminal {
                    invocation.output.line(error.excerpt(of: query))
                }
            }
        }
        return failed ? .no : .done
    }

    private static func rows(_ bytes: [UInt8]) throws -> [String] {
        try Input.lines(bytes).enumerated().compactMap { number, line in
            if line.isEmpty { return nil }
            let row = try? JSONValue(parsing: line)
            if let query = row?["query"]?.string { return query }
            // Of texts that aren't UTF-8, which JSON can't hold.
            if let bytes = row?["query_base64"]?.string.flatMap({ Base64.bytes($0.utf8) }) {
                return String(decoding: bytes, as: UTF8.self)
            }
            throw Failure("<stdin>:\(number + 1):1: expected a row {\"query\": …}", .usage)
        }
    }
}
