import Bedrock
import Configuration
import Formats
import Glibc
import PromQL

let checkConfigCommand = Command(
    "check config", "FILE…", "judge configuration files of obsd",
    run: { invocation in
        guard !invocation.arguments.isEmpty else { throw UsageError("check config wants a file") }
        var failed = false
        for path in invocation.arguments {
            let text = String(decoding: try Input.read(path, limit: 16 << 20), as: UTF8.self)
            do {
                let configuration = try ServerConfiguration.load(text: text, file: Input.name(path))
                invocation.output.line("\(Input.name(path)): ok, \(configuration.scraping.jobs.count) scrape jobs")
            } catch {
                failed = true
                invocation.output.line("\(error)")
            }
        }
        return failed ? .no : .done
    })

let checkMetricsCommand = Command(
    "check metrics", "[FILE…]", "judge expositions strictly (default: standard input)",
    flags: [Flag("--format", "FORMAT", "prometheus or openmetrics", choices: ["prometheus", "openmetrics"])],
    run: { invocation in
        let format: ExpositionFormat = invocation.value("--format") == "openmetrics" ? .openMetrics : .classic
        var failed = false
        for path in invocation.arguments.isEmpty ? ["-"] : invocation.arguments {
            let problems = try Input.read(path).withUnsafeBytes { ExpositionValidator.problems(in: $0, format: format) }
            for problem in problems { invocation.output.line("\(Input.name(path)):\(problem)") }
            failed = failed || !problems.isEmpty
        }
        return failed ? .no : .done
    })

let checkQueryCommand = Command(
    "check query", "[QUERY…]", "parse PromQL queries; one line of answer for each",
    flags: [
        Flag("--lines", nil, "one query a line on standard input"),
        Flag("--jsonl", nil, "rows {\"query\": …} on standard input"),
    ],
    run: { invocation in
        var queries = invocation.arguments
        if invocation.has("--lines") { queries += Input.lines(try Input.read("-")) }
        if invocation.has("--jsonl") { queries += try jsonLinesQueries(try Input.read("-")) }
        if queries.isEmpty && !invocation.has("--lines") && !invocation.has("--jsonl") {
            throw UsageError("check query wants a query, --lines or --jsonl")
        }
        var failed = false
        for query in queries {
            do throws(ParseError) {
                _ = try PromQLParser.parse(query)
                invocation.output.line("ok")
            } catch {
                failed = true
                let hint = error.hint.map { " (\($0))" } ?? ""
                invocation.output.line("\(error)\(hint)")
                if queries.count == 1 && isatty(STDOUT_FILENO) == 1 {
                    invocation.output.line(error.excerpt(of: query))
                }
            }
        }
        return failed ? .no : .done
    })

private func jsonLinesQueries(_ bytes: [UInt8]) throws -> [String] {
    try Input.lines(bytes).enumerated().compactMap { number, line in
        if line.isEmpty { return nil }
        guard let row = try? JSONValue(parsing: line), let query = row["query"]?.string else {
            throw Failure("<stdin>:\(number + 1):1: expected a row {\"query\": …}", .usage)
        }
        return query
    }
}
