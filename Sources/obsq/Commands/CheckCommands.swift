import Bedrock
import Configuration
import Formats
import LogQL
import Model
import PromQL
import TraceQL

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
    "check query", "[QUERY…]", "parse PromQL queries; one line of answer for each", flags: QueryCheck.flags,
    run: { invocation in
        try QueryCheck { query throws(ParseError) in _ = try PromQLParser.parse(query) }.run(invocation)
    })

let checkLogQLCommand = Command(
    "check logql", "[QUERY…]", "parse LogQL queries; one line of answer for each", flags: QueryCheck.flags,
    run: { invocation in
        try QueryCheck { query throws(ParseError) in _ = try LogQLParser.parse(query) }.run(invocation)
    })

let checkTraceQLCommand = Command(
    "check traceql", "[QUERY…]", "parse TraceQL queries; one line of answer for each", flags: QueryCheck.flags,
    run: { invocation in
        try QueryCheck { query throws(ParseError) in
            do throws(TraceQLError) { _ = try TraceQLParser.parse(query) } catch { throw error.error }
        }.run(invocation)
    })
