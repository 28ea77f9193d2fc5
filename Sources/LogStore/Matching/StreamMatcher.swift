import Bedrock
import Model

/// Matchers on the labels of many streams: each distinct value is tested once. Not thread-safe.
final class StreamMatcher {
    private struct Memo {
        var matcher: Matcher
        let name: [UInt8]
        let matchesEmpty: Bool
        var verdicts: [[UInt8]: Bool] = [:]
        var lastValue: [UInt8] = []
        var lastVerdict: Bool

        init(_ matcher: Matcher) {
            self.matcher = matcher
            name = Array(matcher.name.utf8)
            matchesEmpty = matcher.matchesEmpty
            lastVerdict = matchesEmpty
        }

        mutating func matches(_ value: UnsafeRawBufferPointer) -> Bool {
            if value.isEmpty { return matchesEmpty }
            guard matcher.regex != nil else { return matcher.matches(value) }
            // Streams are sorted: neighbours often have equal values.
            if lastValue.elementsEqual(value) { return lastVerdict }
            lastValue = Array(value)
            if let known = verdicts[lastValue] {
                lastVerdict = known
            } else {
                lastVerdict = matcher.matches(value)
                verdicts[lastValue] = lastVerdict
            }
            return lastVerdict
        }
    }

    private var memos: [Memo]

    init(_ matchers: [Matcher]) { memos = matchers.map(Memo.init) }

    /// Whether a stream with these canonical labels passes all matchers.
    func matches(_ labels: UnsafeRawBufferPointer) -> Bool {
        for at in memos.indices {
            var cursor = LabelCursor(labels)
            var value = UnsafeRawBufferPointer(start: nil, count: 0)
            while cursor.next() {
                if memos[at].name.elementsEqual(cursor.name) {
                    value = cursor.value
                    break
                }
            }
            if !memos[at].matches(value) { return false }
        }
        return true
    }
}

/// Which streams of a segment pass, by number. Immutable.
final class StreamSet: Sendable {
    let passes: [Bool]
    let count: Int

    init(_ passes: [Bool]) {
        self.passes = passes
        count = passes.reduce(0) { $0 + ($1 ? 1 : 0) }
    }

    var byteCount: Int { passes.count + 64 }
}

extension LogSegment {
    /// The streams that pass all matchers, from the cache when they were asked for before.
    func streams(_ matchers: [Matcher], _ index: LogIndex) -> StreamSet {
        if let known = cache.get(id, .matched(matchers)) as? StreamSet { return known }
        let matcher = StreamMatcher(matchers)
        let set = StreamSet(index.labels.map { $0.map { matcher.matches($0) } ?? false })
        cache.put(id, .matched(matchers), set, bytes: set.byteCount)
        return set
    }
}
