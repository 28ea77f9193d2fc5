import Formats
import Testing

@Suite struct ClassicRulesTests {
    private func problems(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBytes { ExpositionValidator.problems(in: $0, format: .classic).map(\.description) }
    }

    @Test func acceptsWhatIsWellFormed() {
        #expect(
            problems(
                """
                # A comment.
                # HELP a Help.
                # TYPE a histogram
                a_bucket{x="1",le="1"} 1
                a_bucket{x="2",le="1"} 0
                a_bucket{x="1",le="+Inf"} 3
                a_bucket{x="2",le="+Inf"} 0
                a_sum{x="1"} 5.5
                a_count{x="1"} 3
                # TYPE b summary
                b{quantile="0.5"} NaN
                b_sum 0
                b_count 0
                c -1
                c{d="e"} 1 5
                c{d="e"} 1 6

                """) == [])
        #expect(problems("") == [])
    }

    @Test func findsEveryFlaw() {
        #expect(
            problems(
                """
                # TYPE a histogram
                a_bucket{le="2"} 1
                a_bucket{le="1"} 3
                a_bucket{le="x"} 3
                a_count 2
                # TYPE b gauge
                b 1
                b 1
                # HELP b late
                c{x="1"
                a_sum 3
                # TYPE d counter
                # TYPE d gauge
                # TYPE e summary
                e{quantile="2"} 1
                """) == [
                    "3:1: bucket bounds must ascend",
                    "3:1: the histogram has no bucket with le=\"+Inf\"",
                    "4:1: \"x\" is no bucket bound",
                    "8:1: the same sample stands twice",
                    "9:1: # HELP must stand before the samples of b",
                    "10:8: expected a label name",
                    "13:1: a second # TYPE for d",
                    "15:1: a summary's value needs the label \"quantile\", from 0 to 1",
                ])
        #expect(problems("a 1\nb 1\na{x=\"y\"} 2\n") == ["3:1: the lines of a do not stand together"])
        #expect(problems("a 1") == ["1:4: the last line does not end with a newline"])
    }
}
