import Bedrock
import Testing

/// The first place of a needle, against the obvious way to find it.
@Suite struct ByteSearchTests {
    private static func expected(_ needle: [UInt8], in text: [UInt8]) -> Int? {
        if needle.isEmpty { return 0 }
        guard needle.count <= text.count else { return nil }
        return (0...text.count - needle.count).first { text[$0..<$0 + needle.count].elementsEqual(needle) }
    }

    private static func found(_ needle: [UInt8], in text: [UInt8]) -> Int? {
        text.withUnsafeBytes { text in needle.withUnsafeBytes { text.firstOffset(of: $0) } }
    }

    @Test(arguments: 1...8) func findsTheFirstPlace(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for round in 0..<400 {
            let letters: ClosedRange<UInt8> = round % 3 == 0 ? 0...255 : 97...98
            let text = (0..<Int.random(in: 0..<300, using: &generator)).map { _ in
                UInt8.random(in: letters, using: &generator)
            }
            var needle = (0..<Int.random(in: 0..<12, using: &generator)).map { _ in
                UInt8.random(in: letters, using: &generator)
            }
            if round % 2 == 0, !text.isEmpty {
                let start = Int.random(in: 0..<text.count, using: &generator)
                needle = Array(text[start..<Int.random(in: start...text.count, using: &generator)])
            }
            #expect(Self.found(needle, in: text) == Self.expected(needle, in: text), "\(needle) in \(text)")
        }
    }

    /// Every place looks right at both ends and none is: this must not take the product of the lengths, which here is minutes.
    @Test func staysLinearWhereManyPlacesFit() {
        let half = 1 << 17
        let text = [UInt8](repeating: 97, count: 16 * half)
        var needle = [UInt8](repeating: 97, count: 2 * half)
        needle[half] = 98
        #expect(Self.found(needle, in: text) == nil)
        #expect(Self.found(needle, in: text + needle) == text.count)
    }
}
