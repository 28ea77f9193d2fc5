import Bedrock
import Testing
import Transport

@Suite struct ServerSentEventsTests {
    private func events(_ pieces: [[UInt8]]) throws -> [ServerSentEvents.Event] {
        var parser = ServerSentEvents()
        var found: [ServerSentEvents.Event] = []
        for piece in pieces { try piece.withUnsafeBytes { try parser.feed($0) { found.append($0) } } }
        return found
    }

    private let text =
        "\u{FEFF}: hello\n\nevent: lag\nid: 7\ndata: {\"a\":1}\r\n\r\ndata:x\rdata: \ndata:  y\n\nid\ndata\n\nevent: nothing\n\ndata: cut"

    @Test func fieldsCommentsAndLineEnds() throws {
        let found = try events([Array(text.utf8)])
        #expect(found.map(\.name) == ["lag", "message", "message"])
        #expect(found.map { String(decoding: $0.data, as: UTF8.self) } == ["{\"a\":1}", "x\n\n y", ""])
        #expect(found.map(\.id) == ["7", "7", ""])
    }

    @Test func howPiecesAreCutDoesNotMatter() throws {
        let whole = Array(text.utf8)
        let expected = try events([whole])
        #expect(try events(whole.map { [$0] }) == expected)
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<200 {
            var pieces: [[UInt8]] = []
            var rest = whole[...]
            while !rest.isEmpty {
                let count = Int.random(in: 0...min(7, rest.count), using: &generator)
                pieces.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            #expect(try events(pieces) == expected)
        }
    }
}
