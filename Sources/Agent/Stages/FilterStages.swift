import Bedrock
import LogQL
import Model

/// `drop`: entries for which all that is given holds.
final class DropStage: LogStage {
    struct Rule: Equatable, Sendable {
        var sources: [String] = []
        var separator = ";"
        var expression: Expression?
        var value: String?
        /// Milliseconds.
        var olderThan: Int64?
        var longerThan: Int?
        var reason = "drop_stage"
    }

    private let rule: Rule
    private let clock: any ClockSource

    init(_ rule: Rule, clock: any ClockSource) {
        self.rule = rule
        self.clock = clock
    }

    func process(_ entry: inout LogEntry) -> StageOutcome {
        if let longest = rule.longerThan, entry.line.count <= longest { return .pass }
        if let age = rule.olderThan, entry.timestamp >= (clock.now() &- age) &* 1_000_000 { return .pass }
        var text: String?
        if !rule.sources.isEmpty {
            let values = rule.sources.map { entry.extracted[$0] }
            // Without one of its sources the rule has nothing to say.
            guard values.allSatisfy({ $0 != nil }) else { return .pass }
            text = values.compactMap { $0 }.joined(separator: rule.separator)
        }
        if let value = rule.value, (text ?? entry.text) != value { return .pass }
        if let expression = rule.expression {
            let hit =
                text.map { expression.compiled.matches($0) }
                ?? entry.line.withUnsafeBytes { expression.compiled.matches($0) }
            guard hit else { return .pass }
        }
        return .drop(rule.reason)
    }
}

/// An expression that knows its text, so that configurations can be compared. Immutable and thread-safe.
struct Expression: Equatable, Sendable {
    let compiled: RegularExpression

    init(_ text: String) throws(RegexError) { compiled = try RegularExpression(text, anchored: false) }

    static func == (a: Expression, b: Expression) -> Bool { a.compiled.pattern == b.compiled.pattern }
}

/// `limit`: at most so many entries a second, by a token bucket, of each value of a label where one is named.
final class LimitStage: LogStage {
    struct Rule: Equatable, Sendable {
        var rate = 0.0
        var burst = 0.0
        var label: String?
        var labelsMax = 10_000
        /// False: what is over the limit waits, and its source with it.
        var drops = false
    }

    private struct Bucket {
        var tokens: Double
        var at: UInt64
    }

    private let rule: Rule
    private let clock: any ClockSource
    private var buckets: [String: Bucket] = [:]
    private(set) var debtUntil: UInt64 = 0

    init(_ rule: Rule, clock: any ClockSource) {
        self.rule = rule
        self.clock = clock
    }

    func process(_ entry: inout LogEntry) -> StageOutcome {
        let now = clock.monotonicNanoseconds()
        var key = ""
        if let label = rule.label {
            guard let value = entry.labels[label] else { return .pass }
            key = value
        }
        if buckets.count >= rule.labelsMax && buckets[key] == nil { buckets.removeAll() }
        var bucket = buckets[key] ?? Bucket(tokens: rule.burst, at: now)
        bucket.tokens = min(rule.burst, bucket.tokens + Double(now &- bucket.at) / 1e9 * rule.rate)
        bucket.at = now
        if rule.drops && bucket.tokens < 1 {
            buckets[key] = bucket
            return .drop("limit_stage")
        }
        // Who may not be dropped runs into debt; its source pauses until that is paid.
        bucket.tokens -= 1
        buckets[key] = bucket
        if bucket.tokens < 0 { debtUntil = max(debtUntil, now &+ UInt64(-bucket.tokens / rule.rate * 1e9)) }
        return .pass
    }
}

/// `match`: stages for the entries that a selector matches, or their end.
final class MatchStage: LogStage {
    private let matchers: [Matcher]
    private let filter: QueryProgram?
    private let dropReason: String?
    private let chain: StageChain

    /// - Parameter dropReason: matching entries are dropped, counted under this.
    init(_ matchers: [Matcher], _ filter: LogPipelinePlan?, dropReason: String?, chain: StageChain) {
        self.matchers = matchers
        self.filter = filter.map { QueryProgram($0) }
        self.dropReason = dropReason
        self.chain = chain
    }

    func process(_ entry: inout LogEntry) -> StageOutcome {
        for matcher in matchers {
            var value = entry.labels[matcher.name] ?? ""
            guard value.withUTF8({ matcher.matches(UnsafeRawBufferPointer($0)) }) else { return .pass }
        }
        if let filter, !filter.run(entry.line, entry.labels.labels(), timestamp: entry.timestamp) { return .pass }
        if let dropReason { return .drop(dropReason) }
        var results: [LogEntry] = []
        chain.run(entry) { results.append($0) }
        return .several(results)
    }

    var heldSpans: [Range<UInt64>] { chain.heldSpans }
    var due: UInt64? { chain.due }

    func flush(now: UInt64, all: Bool) -> [LogEntry] {
        var results: [LogEntry] = []
        chain.flush(now: now, all: all) { results.append($0) }
        return results
    }
}
