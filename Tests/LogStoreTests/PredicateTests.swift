import Bedrock
import LSM
import Model
import Testing

@testable import LogStore

@Suite struct PredicateTests {
    @Test func textsComeBackAsTheyWere() throws {
        let filters = [
            LineFilter([.literal([0, 32, 255, 37]), .literal(Array("a,b c".utf8))]),
            LineFilter([.literal([])], isNegated: true),
            LineFilter([.regex(try RegularExpression("x:.*[ ,]é", anchored: false))]),
        ]
        let metadata = [try Matcher("trace id", .notRegex, "a:b|c d"), Matcher("m", equals: "")]
        let text = PredicateCoding.encode(filters: filters, metadata: metadata)
        let back = try PredicateCoding.decode(text)
        #expect(back.metadata == metadata)
        #expect(back.filters.map(\.isNegated) == [false, true, false])
        guard case .literal(let first) = back.filters[0].alternatives[0] else {
            Issue.record("no literal")
            return
        }
        #expect(first == [0, 32, 255, 37])
        for line in ["x: \nq ,é", "a,b c", "", "xyz"] {
            var line = line
            line.withUTF8 { bytes in
                let bytes = UnsafeRawBufferPointer(bytes)
                for (a, b) in zip(filters, back.filters) where !a.alternatives.contains(where: \.isRegex) {
                    #expect(a.passes(bytes) == b.passes(bytes))
                }
            }
        }
        #expect(PredicateCoding.encode(filters: [], metadata: []).isEmpty)
        #expect(try PredicateCoding.decode("").isEmpty)
    }

    @Test func whatIsNoPredicateIsRefused() {
        for text in ["2 +l:a", "1 l:a", "1 +x:a", "1 +l:%4", "1 +r:%28", "1 m:a:%3D", "1 m:a:z:b", "x", " ", "1 "] {
            #expect(throws: (any Error).self, "\(text)") { try PredicateCoding.decode(text) }
            #expect(throws: (any Error).self) { try LogFormat().check(predicate: text) }
        }
    }
}

extension LineFilter.Match {
    var isRegex: Bool { if case .regex = self { true } else { false } }
}
