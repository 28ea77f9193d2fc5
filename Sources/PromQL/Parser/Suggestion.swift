/// "Did you mean": the nearest known word.
enum Suggestion {
    /// The candidate with the fewest edits to `word`, if a third of it or less has to change; letter case is free.
    static func nearest(to word: String, in candidates: [String]) -> String? {
        let wanted = Array(word.lowercased().utf8)
        guard wanted.count <= 64 else { return nil }
        let edits = candidates.map { (candidate: $0, edits: distance(wanted, Array($0.lowercased().utf8))) }
        guard let best = edits.min(by: { ($0.edits, $0.candidate) < ($1.edits, $1.candidate) }) else { return nil }
        return best.edits <= max(1, wanted.count / 3) ? best.candidate : nil
    }

    /// Edits (insert, delete, replace, swap neighbours) from `a` to `b` (optimal string alignment).
    static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1] + [Int](repeating: 0, count: b.count)
            for j in 0..<b.count {
                let replaced = last[j] + (a[i] == b[j] ? 0 : 1)
                row[j + 1] = min(replaced, last[j + 1] + 1, row[j] + 1)
                if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                    row[j + 1] = min(row[j + 1], beforeLast[j - 1] + 1)
                }
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}
