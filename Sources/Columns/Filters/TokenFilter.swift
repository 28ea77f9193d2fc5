import Bedrock

/// A split-block Bloom filter over the words of texts: says which words surely don't occur.
///
/// A word is a longest run of ASCII letters, digits, `_`, and bytes from 0x80 on. A filter is a number of 32-byte blocks; a word sets one bit in
/// each of the eight 32-bit lanes of one block: of a power of two of blocks the one that the lower bits of half its hash number, else the one
/// that this half is the fraction of. About 12 bits a word keep false answers under one in a hundred.
public struct TokenFilter: Sendable {
    /// Eight lanes a block.
    private let lanes: [UInt32]

    /// - Throws: when the size is no number of blocks.
    public init(_ bytes: UnsafeRawBufferPointer) throws(ColumnError) {
        guard bytes.count >= 32, bytes.count % 32 == 0, bytes.count <= 32 * Self.blocksMax else {
            throw ColumnError("a token filter of \(bytes.count) bytes")
        }
        lanes = (0..<bytes.count / 4).map {
            UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self))
        }
    }

    public var byteCount: Int { lanes.count * 4 }

    /// Whether a word with this hash may have been put in.
    public func mayContain(_ hash: UInt64) -> Bool {
        let block = Self.block(hash, of: lanes.count / 8) * 8
        for lane in 0..<8 where lanes[block + lane] & Self.bit(hash, lane) == 0 { return false }
        return true
    }

    /// Whether all words of `hashes` may have been put in.
    public func mayContain(all hashes: [UInt64]) -> Bool { hashes.allSatisfy(mayContain) }

    /// The words of `literal` that have a byte of no word on both sides, so that a text which contains the literal contains them whole.
    public static func innerTokens(of literal: UnsafeRawBufferPointer) -> [UInt64] {
        var result: [UInt64] = []
        forEachToken(literal) { range in
            if range.lowerBound > 0, range.upperBound < literal.count {
                result.append(hash(UnsafeRawBufferPointer(rebasing: literal[range])))
            }
        }
        return result
    }

    private static let blocksMax = 1 << 15

    @inline(__always) fileprivate static func block(_ hash: UInt64, of count: Int) -> Int {
        if count & (count - 1) == 0 { return Int(truncatingIfNeeded: (hash >> 32) & UInt64(count - 1)) }
        return Int(truncatingIfNeeded: ((hash >> 32) &* UInt64(count)) >> 32)
    }

    @inline(__always) fileprivate static func bit(_ hash: UInt64, _ lane: Int) -> UInt32 {
        1 << ((UInt32(truncatingIfNeeded: hash) &* salts[lane]) >> 27)
    }

    /// The three short words in the middle of a UUID, 8-4-4-4-12 lower-case hexadecimal digits, whose first word is `first` of `words`.
    static func middleOfUUID(_ text: UnsafeRawBufferPointer, _ words: [Range<Int>], at first: Int) -> Range<Int>? {
        guard words.count - first >= 5, words[first].count == 8, words[first + 4].count == 12 else { return nil }
        for i in first..<first + 5 {
            if i < first + 4, words[i + 1].lowerBound != words[i].upperBound + 1 || text[words[i].upperBound] != 45 {
                return nil
            }
            if i > first, i < first + 4, words[i].count != 4 { return nil }
            if !isHex(text, words[i]) { return nil }
        }
        return words[first + 1].lowerBound..<words[first + 3].upperBound
    }

    static func isHex(_ text: UnsafeRawBufferPointer, _ word: Range<Int>) -> Bool {
        for i in word where HexText.value(text[i]) == nil { return false }
        return true
    }

    /// What stands for a word, or for any other bytes.
    public static func hash(_ token: UnsafeRawBufferPointer) -> UInt64 { ByteHash.of(token) }

    static func forEachToken(_ text: UnsafeRawBufferPointer, _ body: (Range<Int>) -> Void) {
        var start = -1
        for i in 0..<text.count {
            let isWord = isWordByte(text[i])
            if isWord {
                if start < 0 { start = i }
            } else if start >= 0 {
                body(start..<i)
                start = -1
            }
        }
        if start >= 0 { body(start..<text.count) }
    }

    @inline(__always) private static func isWordByte(_ byte: UInt8) -> Bool {
        byte >= 0x80 || byte &- 48 < 10 || (byte | 32) &- 97 < 26 || byte == 95
    }

    /// Odd multipliers, one a lane.
    private static let salts: InlineArray<8, UInt32> = [
        0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31,
    ]

    /// Gathers words. Not thread-safe.
    public struct Builder {
        private var hashes: Set<UInt64> = []
        private var words: [Range<Int>] = []

        public init() {}

        public var isEmpty: Bool { hashes.isEmpty }
        public var memoryBytes: Int { hashes.capacity * 12 }

        /// Puts in the words of `text`, of a UUID only the three short ones, as one: they are what every text that contains it has whole.
        mutating func addFoldingUUIDs(_ text: UnsafeRawBufferPointer) {
            words.removeAll(keepingCapacity: true)
            TokenFilter.forEachToken(text) { words.append($0) }
            var at = 0
            while at < words.count {
                let middle = TokenFilter.middleOfUUID(text, words, at: at)
                hashes.insert(TokenFilter.hash(UnsafeRawBufferPointer(rebasing: text[middle ?? words[at]])))
                at += middle == nil ? 1 : 5
            }
        }

        /// Puts in the words of `text`.
        public mutating func add(_ text: UnsafeRawBufferPointer) {
            TokenFilter.forEachToken(text) {
                hashes.insert(TokenFilter.hash(UnsafeRawBufferPointer(rebasing: text[$0])))
            }
        }

        /// Puts in what has this hash.
        public mutating func insert(_ hash: UInt64) { hashes.insert(hash) }

        /// Appends the filter, sized by the distinct words, and starts anew.
        public mutating func finish(into target: inout ByteBuffer) {
            let blocks = min(max((hashes.count * 12 + 255) / 256, 1), TokenFilter.blocksMax)
            var lanes = [UInt32](repeating: 0, count: blocks * 8)
            for hash in hashes {
                let block = TokenFilter.block(hash, of: blocks) * 8
                for lane in 0..<8 { lanes[block + lane] |= TokenFilter.bit(hash, lane) }
            }
            for lane in lanes { target.append(littleEndian: lane) }
            hashes.removeAll(keepingCapacity: true)
        }
    }
}
