import Bedrock
import Model

/// What a word must have for a row of a pattern with words to pass a test: the longest part without delimiters of the text that every match has.
///
/// No word slot shares a word with fixed text, so that such a part lies within one word; patterns that may have it elsewhere are told apart.
struct WordKey: Sendable {
    let text: [UInt8]
    /// A word that has it is a match.
    let isWhole: Bool
    /// By entry: lines may have it outside of their words.
    let isBeside: ContiguousArray<Bool>

    init?(_ test: LineTest, _ dictionary: LineDictionary) {
        guard test.required.count == 1, !dictionary.wordPatterns.isEmpty else { return nil }
        let parts = test.required[0].split { LineTokens.isDelimiter($0) }
        guard let longest = parts.max(by: { $0.count < $1.count }) else { return nil }
        text = Array(longest)
        isWhole = test.isLiteral && text.count == test.required[0].count
        let simulation = PatternSimulation(LineProgram(literal: text))
        var isBeside = ContiguousArray<Bool>(repeating: false, count: dictionary.entries.count)
        dictionary.texts.withUnsafeBufferPointer { texts in
            dictionary.slots.withUnsafeBufferPointer { slots in
                guard let base = texts.baseAddress else { return }
                for id in dictionary.wordPatterns {
                    isBeside[Int(id)] = simulation.mayMatchBesideWords(dictionary.entries[Int(id)], base, slots)
                }
            }
        }
        self.isBeside = isBeside
    }

    /// By number: whether a text has the key.
    func hits(_ words: TextView) -> ContiguousArray<Bool> {
        var hits = ContiguousArray<Bool>(repeating: false, count: words.count)
        text.withUnsafeBytes { text in
            var from = 0
            var word = 0
            while from < words.bytes.count,
                let hit = UnsafeRawBufferPointer(rebasing: words.bytes[from...]).firstOffset(of: text)
            {
                let offset = from + hit
                while words.starts[word + 1] <= offset { word += 1 }
                let isInside = offset + text.count <= words.starts[word + 1]
                if isInside { hits[word] = true }
                // Else half in the next word.
                from = isInside ? words.starts[word + 1] : offset + 1
            }
        }
        return hits
    }
}
