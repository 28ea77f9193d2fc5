import Bedrock
import Testing

@testable import PromQL

/// Parsing what the printer wrote gives the same tree again, in the one-line and in the broken form.
func expectRoundTrip(_ query: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let expr = try PromQLParser.parse(query).withoutSourceRanges()
    for printed in [expr.description, expr.pretty(lineMax: 20)] {
        do {
            let again = try PromQLParser.parse(printed).withoutSourceRanges()
            #expect(canonical(again) == canonical(expr), "\(query) → \(printed)", sourceLocation: sourceLocation)
        } catch {
            Issue.record("\(query) → \(printed): \(error)", sourceLocation: sourceLocation)
        }
    }
}

/// Matchers in the printer's order; a number's duration form is lost where milliseconds can't tell it.
private func canonical(_ expr: Expr) -> Expr {
    let inner = expr.mapChildren(canonical)
    switch inner {
    case .vectorSelector(var selector):
        sortMatchers(&selector)
        return .vectorSelector(selector)
    case .matrixSelector(var matrix):
        sortMatchers(&matrix.selector)
        return .matrixSelector(matrix)
    default: return inner
    }
}

private func sortMatchers(_ selector: inout VectorSelector) {
    selector.matchers.sort { $0.description < $1.description }
}

/// Writes random valid queries.
struct QueryGenerator {
    var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func pick<T>(_ choices: [T]) -> T { choices[Int.random(in: 0..<choices.count, using: &random)] }
    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    mutating func selector() -> String {
        let name = pick(["up", "http_requests_total", "job:rate:5m", "sum", "offset", "and", "start", "by", ""])
        var matchers: [String] = []
        if name.isEmpty { matchers.append(pick(["\"my.metric\"", "a=\"x\"", "__name__=~\"a.+\"", "b!=\"\""])) }
        for _ in 0..<Int.random(in: 0...2, using: &random) {
            let label = pick(["job", "\"my.label\"", "le", "bool"])
            matchers.append(
                label + pick(["=", "!=", "=~", "!~"]) + pick(["\"a\"", "'b\\n'", "`c\\d`", "\"ü\\u00e9\\\\d\""]))
        }
        let braces =
            matchers.isEmpty && !chance(20) ? "" : "{" + matchers.joined(separator: ", ") + pick(["", ","]) + "}"
        return name + (matchers.isEmpty ? braces.replacing(",", with: "") : braces)
    }

    mutating func duration() -> String {
        pick([
            "5m", "1h30m", "90s", "1w", "100ms", "300", "1.5", "(5m)", "step()", "step() + 1m", "-1m + 2m",
            "max_of(step(), 5s) * 2", "2 ^ 3 ^ 1", "(range() - 1) / 2 % 7",
        ])
    }

    mutating func modifiers() -> String {
        var parts: [String] = []
        if chance(30) { parts.append("offset " + pick(["5m", "-1h", "(1m + 2m)", "-step()", "60", "min_of(1m, 5s)"])) }
        if chance(30) { parts.append("@ " + pick(["10", "-1.5", "start()", "end()", "1e9", "0x10"])) }
        return parts.shuffled(using: &random).map { " " + $0 }.joined()
    }

    mutating func matrix(_ depth: Int) -> String {
        if depth > 0 && chance(40) {
            return vector(depth - 1, atom: true) + "[\(duration()):\(chance(50) ? duration() : "")]" + modifiers()
        }
        return selector() + "[\(duration())]" + (chance(10) ? pick([" anchored", " smoothed"]) : "") + modifiers()
    }

    mutating func scalar(_ depth: Int) -> String {
        guard depth > 0 else {
            return pick(["1", "0.5", "1e9", "Inf", "NaN", "0x1F", "017", "5m", "time()", "pi()", "-3"])
        }
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return scalar(depth - 1) + pick([" + ", " * ", "^", " % ", " == bool ", " atan2 "]) + scalar(depth - 1)
        case 1: return "scalar(\(vector(depth - 1)))"
        case 2: return "-" + scalar(depth - 1)
        default: return "(" + scalar(depth - 1) + ")"
        }
    }

    mutating func vector(_ depth: Int, atom: Bool = false) -> String {
        guard depth > 0 else { return selector() + (atom ? "" : modifiers()) }
        switch Int.random(in: 0..<(atom ? 5 : 8), using: &random) {
        case 0: return pick(["rate", "increase", "sum_over_time", "absent_over_time"]) + "(\(matrix(depth)))"
        case 1: return aggregate(depth)
        case 2: return "(" + vector(depth - 1) + ")"
        case 3: return "label_replace(\(vector(depth - 1)), \"a\", '$1', \"b\", `(.*)`)"
        case 4: return "histogram_quantile(\(scalar(depth - 1)), \(vector(depth - 1)))"
        case 5: return pick(["-", "+"]) + vector(depth - 1)
        default: return binary(depth)
        }
    }

    mutating func aggregate(_ depth: Int) -> String {
        let grouping = pick(["", " by (a, \"b.c\")", " without (le,)", " by ()", " BY (sum, offset)"])
        let body = pick([
            "sum|(\(vector(depth - 1)))", "topk|(\(scalar(depth - 1)), \(vector(depth - 1)))",
            "count_values|(\"x\", \(vector(depth - 1)))", "limitk|(2, \(vector(depth - 1)))",
        ])
        let parts = body.split(separator: "|")
        return chance(50) ? parts[0] + grouping + parts[1] : parts[0] + parts[1] + grouping
    }

    mutating func binary(_ depth: Int) -> String {
        // Two operands with the same binding would regroup and change types.
        let (left, right) = (vector(depth - 1, atom: true), vector(depth - 1, atom: true))
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            let op = pick([" and ", " or ", " unless on (a) ", " and ignoring (b, c) ", " OR "])
            return left + op + right
        case 1:
            let matching = pick([
                "", "on (a)", "ignoring (a) group_left (b)", "on () group_right ()", "on (x) fill (3)",
                "fill_left (-1) fill_right (NaN)",
            ])
            return "\(left) \(pick(["+", "/", "== bool", ">", "</", ">/", "^"])) \(matching) \(right)"
        case 2: return "\(left) \(pick(["*", "!= bool", "<=", "%"])) (\(scalar(depth - 1)))"
        default: return "(\(scalar(depth - 1))) \(pick(["-", "<", "atan2"])) \(right)"
        }
    }
}

/// Changes a few bytes of a query: removes, doubles, replaces, or puts in pieces of the language.
struct QueryMutator {
    var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    private static let pieces = [
        "(", ")", "[", "]", "{", "}", "\"", "'", "`", "\\", "-", "+", "@", ":", ",", "=", "~", "!", "#", "\n", "1", "e",
        "_",
        "offset", "5m", "by", "bool", "\u{FFFD}", "ü", "0x", "</", "start()", "fill(", "anchored", "sum", "Inf",
    ]

    mutating func mutate(_ query: [UInt8]) -> [UInt8] {
        var bytes = query
        for _ in 0...Int.random(in: 0...3, using: &random) {
            let at = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0 where at < bytes.count: bytes.remove(at: at)
            case 1 where at < bytes.count: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 2: bytes.append(contentsOf: bytes[min(at, bytes.count)...])
            default:
                let piece = Self.pieces.randomElement(using: &random) ?? ""
                bytes.insert(contentsOf: Array(piece.utf8), at: at)
            }
        }
        return bytes
    }
}

@Suite struct RoundTripTests {
    @Test func generatedQueriesRoundTrip() throws {
        var generator = QueryGenerator(seed: 7)
        for round in 0..<1500 {
            let query = generator.vector(round % 5)
            do { try expectRoundTrip(query) } catch { Issue.record("\(query): \(error)") }
        }
    }

    @Test func mutatedGeneratedQueriesDoNotCrash() {
        var generator = QueryGenerator(seed: 11)
        var mutator = QueryMutator(seed: 13)
        for round in 0..<3000 {
            let query = mutator.mutate(Array(generator.vector(round % 4).utf8))
            _ = try? PromQLParser.parse(utf8: query)
        }
    }
}
