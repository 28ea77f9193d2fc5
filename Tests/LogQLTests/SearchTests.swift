import Model
import Testing

@testable import LogQL

@Suite struct SearchTests {
    @Test func wordsAndConditions() throws {
        let query = try LogSearch.parse(
            "timeout Pay.ment -healthcheck \"exact  phrase\" -\"not this\" app=foo level!=debug host=~\"a b.*\" took>1.5s a\"b c\"d",
            streamLabels: ["app"])
        #expect(
            query.description
                == "{app=\"foo\"} |= \"timeout\" or \"Timeout\" or \"TIMEOUT\" |= \"Pay.ment\" "
                + "!= \"healthcheck\" or \"Healthcheck\" or \"HEALTHCHECK\" |= \"exact  phrase\" != \"not this\" "
                + "|= \"ab cd\" | level!=\"debug\" | host=~\"a b.*\" | took > 1s500ms"
        )
        #expect(try LogQLParser.parse(query.description) == .log(query))
    }

    @Test func alternativesAndLooseConditions() throws {
        for (text, stages) in [
            ("OOM OR killed", #"|= "OOM" or "killed" or "Killed" or "KILLED""#),
            ("a OR \"b c\" OR a x", #"|= "a" or "A" or "b c" |= "x" or "X""#), ("\"OR\"", #"|= "OR""#),
            ("-app:shop pod:p-*.1", #"| app!="shop" | pod=~"p-.*\\.1""#),
            ("-app=shop -pod=~x.*", #"| app!="shop" | pod!~"x.*""#), ("pod:\"p *\"", #"| pod="p *""#),
            ("don't 'say it'", #"|= "don't" or "Don't" or "DON'T" |= "say it""#),
            ("http://A 12:30 std::X", #"|= "http://A" |= "12:30" |= "std::X""#),
        ] {
            let query = try LogSearch.parse(text)
            #expect(query.description == "{} " + stages, "\(text)")
            #expect(try LogQLParser.parse(query.description, takesEmptySelector: true) == .log(query))
            #expect(throws: LogQLError.self) { try LogQLParser.parse(query.description) }
        }
        for text in ["a OR", "OR a", "a OR -b", "-a OR b", "a OR OR b", "app:x OR b", "a OR app:x"] {
            let error = #expect(throws: LogQLError.self, "\(text)") { try LogSearch.parse(text) }
            #expect(error?.message.hasPrefix("OR stands between two words") == true)
        }
    }

    @Test func everythingElseIsAWord() throws {
        for (text, stages) in [
            ("", 0), ("   ", 0), ("-", 1), ("\"", 1), ("=x", 1), ("1a=x", 1), ("a>b", 1), ("a==b", 1),
            ("http://x/y?a=b", 1), ("\"\"", 0),
            ("\"a=b\"", 1),
        ] {
            let query = try LogSearch.parse(text)
            #expect(query.matchers.isEmpty && query.stages.count == stages, "\(text): \(query)")
            for stage in query.stages {
                if case .lineFilter = stage { continue } else { Issue.record("\(text): \(stage)") }
            }
        }
        let error = #expect(throws: LogQLError.self) { try LogSearch.parse("x app=~( y") }
        #expect(error?.column == 3)
    }

    @Test func findsWhateverTheCase() throws {
        let source = MemoryLogSource()
        source.append(
            Labels(["app": "foo"]), timestamp: 1, line: "Connection TIMEOUT (5)", metadata: Labels(["level": "error"]))
        source.append(
            Labels(["app": "foo"]), timestamp: 2, line: "timeout of healthcheck", metadata: Labels(["level": "error"]))
        source.append(Labels(["app": "bar"]), timestamp: 3, line: "timeout", metadata: Labels(["level": "info"]))
        func found(_ text: String) throws -> [Int64] {
            try LogQLEngine().streams(
                LogSearch.parse(text), range: .everything, limit: 10, direction: .forward, source: source
            ).entries.map(\.timestamp)
        }
        #expect(try found("") == [1, 2, 3])
        #expect(try found("timeout") == [1, 2, 3])
        #expect(try found("timeout -healthcheck") == [1, 3])
        #expect(try found("Connection OR healthcheck") == [1, 2])
        #expect(try found("level:ERR*") == [1, 2])
        #expect(try found("-level:Error") == [3])
        #expect(try found("timeout app=foo") == [1, 2])
        #expect(try found("level=error \"(5)\"") == [1])
    }
}
