import Bedrock
import Model

/// `multiline`: joins lines up to the next one that begins an entry, for each stream of the source.
final class MultilineStage: LogStage {
    struct Rule: Equatable, Sendable {
        var firstLine: Expression
        /// Nanoseconds after which an entry counts as whole.
        var wait: UInt64 = 3_000_000_000
        var linesMax = 128
    }

    /// A joined line is no longer than any other.
    private static let bytesMax = 2 << 20

    private struct Open {
        var entry: LogEntry
        var lines: Int
        var at: UInt64
    }

    private let rule: Rule
    private let clock: any ClockSource
    private var open: [Labels: Open] = [:]

    init(_ rule: Rule, clock: any ClockSource) {
        self.rule = rule
        self.clock = clock
    }

    func process(_ entry: inout LogEntry) -> StageOutcome {
        let now = clock.monotonicNanoseconds()
        let key = entry.labels.labels()
        let isFirst = entry.line.withUnsafeBytes { rule.firstLine.compiled.matches($0) }
        guard var known = open[key] else {
            // What comes before the first beginning belongs to nothing.
            guard isFirst else { return .pass }
            open[key] = Open(entry: entry, lines: 1, at: now)
            return .held
        }
        if isFirst {
            open[key] = Open(entry: entry, lines: 1, at: now)
            return .several([known.entry])
        }
        if known.lines >= rule.linesMax || known.entry.line.count + entry.line.count >= Self.bytesMax {
            // Too long: it goes on as an entry of its own, as promtail has it.
            open[key] = Open(entry: entry, lines: 1, at: now)
            return .several([known.entry])
        }
        known.entry.line.append(10)
        known.entry.line += entry.line
        known.entry.spans = joined(known.entry.spans, entry.spans)
        known.lines += 1
        known.at = now
        open[key] = known
        return .held
    }

    var heldSpans: [Range<UInt64>] { open.values.flatMap(\.entry.spans) }
    var due: UInt64? { open.values.map { $0.at &+ rule.wait }.min() }

    func flush(now: UInt64, all: Bool) -> [LogEntry] {
        let ripe = open.filter { all || now >= $0.value.at &+ rule.wait }
        for key in ripe.keys { open[key] = nil }
        return ripe.values.map(\.entry).sorted { $0.timestamp < $1.timestamp }
    }
}

/// Both lists, neighbours made one.
func joined(_ a: [Range<UInt64>], _ b: [Range<UInt64>]) -> [Range<UInt64>] {
    var result = a
    for range in b {
        if let last = result.last, last.upperBound == range.lowerBound {
            result[result.count - 1] = last.lowerBound..<range.upperBound
        } else {
            result.append(range)
        }
    }
    return result
}
