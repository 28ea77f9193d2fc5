import Formats
import Testing

@Suite struct YAMLReaderTests {
    private struct Job: Equatable {
        var name = ""
        var interval: Int64 = 15_000
        var limit = 0
        var honor = false
        var scheme = "http"
        var targets: [String] = []
        var labels: [String: String] = [:]
        var weight = 1.0
        var port = 0
    }

    private func read(_ text: String) throws(YAMLReader.Problems) -> Job? {
        try YAMLReader.read(text, file: "c.yml") { root in
            root.mapping { keys in
                keys.require("name")
                var job = Job()
                job.name = keys["name"]?.string ?? ""
                job.interval = keys["interval"]?.duration ?? job.interval
                job.limit = keys["limit"]?.size ?? 0
                job.honor = keys["honor"]?.bool ?? false
                job.scheme = keys["scheme"]?.choice(of: ["http", "https"]) ?? job.scheme
                job.targets = keys["targets"]?.strings ?? []
                job.labels = Dictionary(
                    (keys["labels"]?.stringPairs ?? []).map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
                job.weight = keys["weight"]?.double ?? 1
                job.port = keys["port"]?.int(in: 1...65535) ?? 0
                return job
            }
        }
    }

    @Test func readsEveryKind() throws {
        let job = try read(
            "name: node\ninterval: 1m30s\nlimit: 64MiB\nhonor: yes\nscheme: https\ntargets: [a, 'b']\nlabels: {x: 1, y: z}\nweight: .5\nport: 9100\n"
        )
        #expect(
            job
                == Job(
                    name: "node", interval: 90_000, limit: 64 << 20, honor: true, scheme: "https", targets: ["a", "b"],
                    labels: ["x": "1", "y": "z"], weight: 0.5, port: 9100))
        #expect(try read("name: a\nlimit:\ninterval: ~") == Job(name: "a"))
    }

    @Test func gathersAllProblemsInOrder() throws {
        let text = """
            intervall: 5s
            interval: 5 seconds
            limit: 12XB
            honor: maybe
            scheme: htps
            targets: a
            labels: [1]
            port: 70000
            weight: {a: 1}
            """
        let problems = try #require(#expect(throws: YAMLReader.Problems.self) { try read(text) })
        #expect(
            problems.list.map(\.description) == [
                "c.yml:1:1: \"name\" is missing here",
                "c.yml:1:1: unknown key \"intervall\" (did you mean \"interval\"?)",
                "c.yml:2:11: expected a duration such as 15s or 1h30m, not \"5 seconds\"",
                "c.yml:3:8: expected a size such as 64MiB, not \"12XB\"",
                "c.yml:4:8: expected true or false, not \"maybe\"",
                "c.yml:5:9: \"htps\" is none of \"http\", \"https\" (did you mean \"https\"?)",
                "c.yml:6:10: expected a list, not \"a\"",
                "c.yml:7:9: expected a mapping, not a list",
                "c.yml:8:7: 70000 is out of range; it must be 1 to 65535",
                "c.yml:9:9: expected a number, not a mapping",
            ])
    }

    @Test func refusesWhatIsNoMapping() {
        #expect { try read("- 1") } throws: { "\($0)" == "c.yml:1:1: expected a mapping, not a list" }
        #expect { try read("a: [") } throws: { "\($0)".hasPrefix("c.yml:") }
    }
}
