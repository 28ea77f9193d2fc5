import Bedrock
import Model

/// Lines of many kinds.
struct LineCorpus {
    var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    private mutating func number(_ below: Int) -> Int { Int.random(in: 0..<below, using: &random) }
    private mutating func digits(_ count: Int) -> String { (0..<count).map { _ in String(number(10)) }.joined() }
    private mutating func hex(_ count: Int) -> String {
        String((0..<count).map { _ in Array("0123456789abcdef")[Int.random(in: 0..<16, using: &random)] })
    }

    private mutating func word(_ count: Int) -> String {
        (0..<1 + number(count)).map { _ in ["ba", "ke", "lo", "mi", "nu", "x", "é", "Ro"][number(8)] }.joined()
    }
    mutating func uuid() -> String { "\(hex(8))-\(hex(4))-\(hex(4))-\(hex(4))-\(hex(12))" }

    /// Lines that differ in words.
    mutating func wordLine() -> [UInt8] {
        switch number(8) {
        case 0:
            Array("user \(word(4)) opened /home/\(word(5))/\(word(3)).txt from 10.0.\(number(3)).\(number(256))".utf8)
        case 1:
            Array(
                "{\"user\":\"\(word(5))\",\"path\":\"/api/\(word(2))/\(number(1000))\",\"status\":\(200 + number(4)),\"id\":\"\(uuid())\"}"
                    .utf8)
        case 2:
            Array(
                "pod \(word(2))-\(hex(10))-\(word(3)) on node-\(number(4)) \(["restarted", "evicted"][number(2)])".utf8)
        case 3: Array("Größe \(word(4)): ☃ \(word(4)), \(number(9)) of \(word(6))".utf8)
        case 4: Array("raw \(word(3))".utf8) + [0xFF, 0, 0xFF] + Array("\(word(3)) end \(word(3))".utf8)
        case 5:
            Array(
                "trace=\(hex(16)) span=\(hex(8)) \(word(6))@\(word(2)).example took \(number(90)).\(digits(3)) s".utf8)
        case 6: Array("request \(uuid()) of \(word(6)) failed with port \(digits(4))1 ssh2".utf8)
        default: Array("\(word(2)) \(word(2)) \(word(2))\t\(word(2))".utf8)
        }
    }

    mutating func line() -> [UInt8] {
        switch number(24) {
        case 16...: wordLine()
        case 0:
            Array("Accepted password for root from 10.0.\(number(3)).\(number(256)) port \(number(60000)) ssh2".utf8)
        case 1: Array("Receiving block blk_-\(digits(19)) src: /10.251.\(100 + number(150)).1:\(digits(5))".utf8)
        case 2: Array("request \(hex(8))-\(hex(4))-\(hex(4))-\(hex(4))-\(hex(12)) took 0.\(digits(6)) s".utf8)
        case 3: Array("the same line each time".utf8)
        case 4: Array("the same line with \(4000 + number(3)) numbers".utf8)
        case 5: (0..<number(40)).map { _ in UInt8.random(in: 0...255, using: &random) }
        case 6: []
        case 7: Array(digits(number(50)).utf8)
        case 8: Array("id=\(hex(16).uppercased()) n=\(number(100)) 007 \(number(10))".utf8)
        case 9: Array("Größe: \(digits(4)) ☃ \u{1F600}\(digits(3))".utf8)
        case 10: [0xFF, 0, 0xFF] + Array("\(digits(3))".utf8) + [0xFF]
        case 11: Array("GET /api/v\(number(3))/users/\(number(1_000_000)) 200 \(number(5000))ms".utf8)
        case 12: Array("word\(hex(3)) went \(["up", "down", "away"][number(3)])".utf8)
        case 13: Array(String(repeating: "12 ", count: number(60)).utf8)
        case 14: Array("ERROR port \(digits(4))1 ssh2 failed\n\tat line \(number(40))".utf8)
        default: Array("\(1_700_000_000 + number(10_000)) tick \(number(7))".utf8)
        }
    }

    mutating func lines(_ count: Int) -> LineArena {
        let arena = LineArena(capacity: 1024)
        for _ in 0..<count { line().withUnsafeBytes { arena.append($0) } }
        return arena
    }
}

extension LineArena {
    var all: [[UInt8]] { (0..<count).map { Array(self[$0]) } }
}
