import Bedrock
import Obs
import Testing

@Suite struct PropagationTests {
    private let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test func goesThere() {
        let context = Propagation.extract {
            ["traceparent": parent, "tracestate": "a=1, b@c=2", "baggage": "user=J%C3%BCrg;p=1,bad,k = v , =x"][$0]
        }
        #expect(context.span?.traceID.description == "0af7651916cd43dd8448eb211c80319c")
        #expect(context.span?.spanID.description == "b7ad6b7169203331")
        #expect(context.span?.isSampled == true && context.span?.context.isRemote == true)
        #expect(context.span?.context.traceState == "a=1, b@c=2")
        #expect(context.baggage?["user"] == "Jürg" && context.baggage?["k"] == "v")
        #expect(context.baggage?.entries.count == 2)
        var headers: [String: String] = [:]
        Propagation.inject(context) { headers[$0] = $1 }
        #expect(headers["traceparent"] == parent)
        #expect(headers["tracestate"] == "a=1, b@c=2")
        #expect(headers["baggage"] == "user=J%C3%BCrg;p=1,k=v")
        var few: [String: String] = [:]
        Propagation.inject(context, [.baggage]) { few[$0] = $1 }
        #expect(few.keys.sorted() == ["baggage"])
    }

    @Test func refusesWhatIsMalformed() {
        let bad = [
            "", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", parent + "-x", "ff" + parent.dropFirst(2),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01", "01" + parent.dropFirst(2) + "x",
            "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ]
        for text in bad {
            let context = Propagation.extract { $0 == "traceparent" ? text : nil }
            #expect(context.span == nil, "\(text)")
        }
        let later = Propagation.extract { $0 == "traceparent" ? "cc" + parent.dropFirst(2) + "-more" : nil }
        #expect(later.span?.isSampled == true)
        let state = Propagation.extract { ["traceparent": parent, "tracestate": "=x"][$0] }
        #expect(state.span?.context.traceState == "")
    }

    @Test func survivesGarbage() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<5000 {
            var bytes = Array((parent + ",a=b;c=%41").utf8)
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: at)
                default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            let context = Propagation.extract { _ in text }
            var round = context
            Propagation.inject(context) { name, value in
                if name == "baggage" { round.baggage = Baggage(header: value) }
            }
            #expect(round.baggage == context.baggage)
        }
    }

    @Test func baggageIsBounded() {
        var baggage: Baggage = ["": "x", "a b": "x"]
        #expect(baggage.isEmpty)
        for i in 0..<500 { baggage["k\(i)"] = String(repeating: "\u{1F600}", count: 10) }
        #expect(baggage.header.utf8.count < 8192)
        baggage["k0"] = nil
        #expect(baggage["k0"] == nil && baggage.entries.count == 499)
    }
}
