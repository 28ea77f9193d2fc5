/// "Did you mean …?" for names that a person typed.
public enum Suggestion {
    /// The candidate nearest to `word`, or nil when none is near: at most a third of the word's length, and never more than three edits away.
    ///
    /// Candidates that only differ in case, or in `-` for `_`, always count as near. Of equally near
    /// ones the one with the longer common beginning wins (`rat` is meant for `rate`, not for `rad`), then the first.
    public static func nearest(_ word: String, in candidates: some Sequence<String>) -> String? {
        let wanted = Array(folded(word).prefix(64))
        let limit = min(3, max(1, wanted.count / 3))
        var best: (candidate: String, distance: Int, shared: Int)?
        for candidate in candidates {
            let other = Array(folded(candidate).prefix(64))
            let found = distance(wanted, other)
            let shared = zip(wanted, other).prefix { $0 == $1 }.count
            guard found <= limit else { continue }
            if let best, (best.distance, -best.shared) <= (found, -shared) { continue }
            best = (candidate, found, shared)
        }
        return best?.candidate
    }

    /// ` (did you mean "x"?)`, or nothing when no candidate is near; to end an error message with.
    public static func hint(_ word: String, in candidates: some Sequence<String>) -> String {
        nearest(word, in: candidates).map { " (did you mean \"\($0)\"?)" } ?? ""
    }

    private static func folded(_ text: String) -> [UInt8] {
        text.utf8.map { c in
            if c >= 65 && c <= 90 { return c + 32 }
            return c == UInt8(ascii: "-") ? UInt8(ascii: "_") : c
        }
    }

    /// Edits between two words: insert, delete, replace, swap neighbours (optimal string alignment).
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}
