import LogQL
import PromQL

let testPromQLCommand = Command(
    "test promql", "FILE…", "run test scripts in Prometheus' format against the engine", flags: ScriptTest.flags,
    run: { invocation in
        try ScriptTest { text, name in
            try PromQLTestRunner().run(text, name: name).map {
                ScriptOutcome(place: "\($0.file):\($0.line):1", query: $0.query, failure: $0.failure)
            }
        }.run(invocation)
    })

let testLogQLCommand = Command(
    "test logql", "FILE…", "run LogQL test scripts against the engine", flags: ScriptTest.flags,
    run: { invocation in
        try ScriptTest { text, name in
            try LogQLTestRunner().run(text, name: name).map {
                ScriptOutcome(place: "\($0.file):\($0.line):1", query: $0.query, failure: $0.failure)
            }
        }.run(invocation)
    })
