/// How one step of a test script went.
struct ScriptOutcome {
    var place: String
    var query: String
    /// Lines of text; nil when it passed.
    var failure: String?
}

/// `test promql`, `test logql`: runs scripts, says what failed, ends with the sums.
struct ScriptTest {
    static let flags: [Flag] = [Flag("--verbose", nil, "name the passed ones too")]

    /// Runs the script `text` of the file `name`; throws what makes the whole script unreadable.
    let run: @Sendable (_ text: String, _ name: String) throws -> [ScriptOutcome]

    func run(_ invocation: Invocation) throws -> ExitStatus {
        guard !invocation.arguments.isEmpty else { throw UsageError("expects script files") }
        let output = invocation.output
        var passed = 0
        var failed = 0
        for path in invocation.arguments {
            let text = String(decoding: try Input.read(path, limit: 64 << 20), as: UTF8.self)
            do {
                for outcome in try run(text, Input.name(path)) {
                    guard let failure = outcome.failure else {
                        passed += 1
                        if invocation.has("--verbose") { output.line("\(outcome.place): passed: \(outcome.query)") }
                        continue
                    }
                    failed += 1
                    output.line("\(outcome.place): \(output.styled("failed", .red)): \(outcome.query)")
                    for line in failure.split(separator: "\n") { output.line("    \(line)") }
                }
            } catch {
                failed += 1
                output.line("\(Input.name(path)): \(error)")
            }
        }
        output.line("\(passed) passed, \(failed) failed")
        return failed == 0 ? .done : .no
    }
}
