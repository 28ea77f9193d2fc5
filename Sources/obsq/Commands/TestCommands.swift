import Bedrock
import PromQL

let testPromQLCommand = Command(
    "test promql", "FILE…", "run test scripts in Prometheus' format against the engine",
    flags: [Flag("--verbose", nil, "name the passed ones too")],
    run: { invocation in
        guard !invocation.arguments.isEmpty else { throw UsageError("test promql wants script files") }
        let output = invocation.output
        var passed = 0
        var failed = 0
        for path in invocation.arguments {
            let text = String(decoding: try Input.read(path, limit: 64 << 20), as: UTF8.self)
            do throws(TestScriptError) {
                for outcome in try PromQLTestRunner().run(text, name: Input.name(path)) {
                    let place = "\(outcome.file):\(outcome.line):1"
                    guard let failure = outcome.failure else {
                        passed += 1
                        if invocation.has("--verbose") { output.line("\(place): passed: \(outcome.query)") }
                        continue
                    }
                    failed += 1
                    output.line("\(place): \(output.styled("failed", .red)): \(outcome.query)")
                    for line in failure.split(separator: "\n") { output.line("    \(line)") }
                }
            } catch {
                failed += 1
                output.line("\(error)")
            }
        }
        output.line("\(passed) passed, \(failed) failed")
        return failed == 0 ? .done : .no
    })
