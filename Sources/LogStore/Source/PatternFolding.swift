import Columns

/// Finds, for a pattern, the template with words that covers it: lines of `user root logged in` are of `user <_> logged in`, too, and stand by
/// themselves in a segment only because they are frequent.
struct PatternFolding {
    private struct Template {
        var words: [ArraySlice<UInt8>]
        var fixedCount: Int
        var cluster: Int
    }

    private static let hole = Array("<_>".utf8)
    /// By shape; those with more fixed words first.
    private var templates: [[UInt8]: [Template]] = [:]

    var isEmpty: Bool { templates.isEmpty }

    /// Adds the text of a template with words.
    mutating func add(_ text: [UInt8], cluster: Int) {
        let (shape, words) = Self.take(text)
        let fixedCount = words.reduce(0) { $0 + ($1.elementsEqual(Self.hole) ? 0 : 1) }
        var known = templates[shape] ?? []
        let place = known.firstIndex { $0.fixedCount < fixedCount } ?? known.count
        known.insert(Template(words: words, fixedCount: fixedCount, cluster: cluster), at: place)
        templates[shape] = known
    }

    /// The template that covers a pattern.
    func cluster(covering text: [UInt8]) -> Int? {
        let (shape, words) = Self.take(text)
        return templates[shape]?.first { template in
            zip(template.words, words).allSatisfy { $0.elementsEqual(Self.hole) || $0 == $1 }
        }?.cluster
    }

    /// What stands between the words, each of which is a zero byte there, and the words.
    private static func take(_ text: [UInt8]) -> (shape: [UInt8], words: [ArraySlice<UInt8>]) {
        var shape: [UInt8] = []
        var words: [ArraySlice<UInt8>] = []
        var at = 0
        while at < text.count {
            let start = at
            while at < text.count {
                if text[at...].starts(with: hole) {
                    at += hole.count
                } else if LineDictionary.isDelimiter(text[at]) {
                    break
                } else {
                    at += 1
                }
            }
            if at > start {
                words.append(text[start..<at])
                shape.append(0)
            }
            if at < text.count {
                shape.append(text[at])
                at += 1
            }
        }
        return (shape, words)
    }
}
