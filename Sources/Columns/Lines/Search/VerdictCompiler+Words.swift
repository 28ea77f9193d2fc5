import Bedrock
import Model

extension VerdictCompiler {
    /// The words that the filter of a block with a match of `test` has all of, by alternatives; nil where there are none to ask for.
    ///
    /// These are the words that a text which every match has contains whole. In a row of a pattern with words each of them stands whole in one of the
    /// values, or outside of them, in which case no filter has it.
    func wordsToFind(_ test: LineTest, _ patterns: ContiguousArray<Int32>) -> [[UInt64]]? {
        guard !test.required.isEmpty else { return nil }
        return test.required.flatMap { text in text.withUnsafeBytes { wordsToFind($0, patterns) } }
    }

    private func wordsToFind(_ text: UnsafeRawBufferPointer, _ patterns: ContiguousArray<Int32>) -> [[UInt64]] {
        var ranges: [Range<Int>] = []
        TokenFilter.forEachToken(text) { ranges.append($0) }
        func ask(_ range: Range<Int>) -> UInt64? {
            let word = UnsafeRawBufferPointer(rebasing: text[range])
            return isBesideWords(word, patterns) ? nil : TokenFilter.hash(word)
        }
        var words: [UInt64] = []
        var middle: Range<Int>?
        for (number, range) in ranges.enumerated() where range.lowerBound > 0 && range.upperBound < text.count {
            if dictionary.foldsUUIDs, Self.mayBeOfUUID(text, range) {
                if middle == nil { middle = Self.middle(text, ranges, from: number) }
            } else if let hash = ask(range) {
                words.append(hash)
            }
        }
        guard let middle, let whole = ask(middle) else { return [words] }
        // Three such words are of a UUID or all are not, which the text may be too short to tell.
        let single = [0, 5, 10].compactMap { ask(middle.lowerBound + $0..<middle.lowerBound + $0 + 4) }
        return [words + [whole], words + single]
    }

    /// Whether a word, which has bytes on both sides, may be of a UUID in a longer text.
    private static func mayBeOfUUID(_ text: UnsafeRawBufferPointer, _ word: Range<Int>) -> Bool {
        let isAfterDash = text[word.lowerBound - 1] == 45
        let isBeforeDash = text[word.upperBound] == 45
        switch word.count {
        case 4: return isAfterDash && isBeforeDash && TokenFilter.isHex(text, word)
        case 8: return isBeforeDash && TokenFilter.isHex(text, word)
        case 12: return isAfterDash && TokenFilter.isHex(text, word)
        default: return false
        }
    }

    /// Three words of four digits with dashes around and between, of which the first is `first` of `words`.
    private static func middle(_ text: UnsafeRawBufferPointer, _ words: [Range<Int>], from first: Int) -> Range<Int>? {
        guard first + 2 < words.count, words[first + 2].upperBound < text.count else { return nil }
        for i in first..<first + 3 {
            guard words[i].count == 4, mayBeOfUUID(text, words[i]),
                words[i].lowerBound == words[first].lowerBound + (i - first) * 5
            else { return nil }
        }
        return words[first].lowerBound..<words[first + 2].upperBound
    }

    /// Whether lines of some of these patterns may have `word` where no value of a word slot is.
    private func isBesideWords(_ word: UnsafeRawBufferPointer, _ patterns: ContiguousArray<Int32>) -> Bool {
        guard !patterns.isEmpty else { return false }
        let simulation = PatternSimulation(LineProgram(literal: Array(word)))
        return dictionary.texts.withUnsafeBufferPointer { texts in
            dictionary.slots.withUnsafeBufferPointer { slots in
                guard let base = texts.baseAddress else { return false }
                return patterns.contains {
                    simulation.mayMatchBesideWords(dictionary.entries[Int($0)], base, slots)
                }
            }
        }
    }
}
