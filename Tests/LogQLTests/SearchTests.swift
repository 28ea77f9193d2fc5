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
                == "{app=\"foo\"} |~ \"(?i)timeout\" |~ \"(?i)Pay\\\\.ment\" !~ \"(?i)healthcheck\" "
                + "|~ \"(?i)exact  phrase\" !~ \"(?i)not this\" |~ \"(?i)ab cd\" | level!=\"debug\" | host=~\"a b.*\" | took > 1s500ms"
        )
        #expect(try LogQLParser.parse(query.description) == .log(query))
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
        #expect(try found("timeout -HealthCheck") == [1, 3])
        #expect(try found("timeout app=foo") == [1, 2])
        #expect(try found("level=error \"(5)\"") == [1])
    }
}
