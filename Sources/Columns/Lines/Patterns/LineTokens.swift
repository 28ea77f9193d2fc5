import Bedrock

/// Takes a masked line apart into words and what stands between them. Keeps the last result; not thread-safe.
///
/// A word is a longest run of bytes that are no delimiters. Delimiters are the bytes that part words in prose, in `key=value` and in JSON; what
/// stands in paths, host names, UUIDs and file names (`/ . - _ @ % + ~ # ? & * ! $ \ ^`) is part of a word, and so are bytes beyond ASCII. Which bytes
/// these are is part of the format: searches rely on what a word can't have. A token filter's words never cross a delimiter.
struct LineTokens: ~Copyable {
    /// More words make no pattern.
    static let countMax = 128
    /// By bit, of ASCII: space and below, DEL, and `" ' ( ) , : ; < = > [ ] { | } \``.
    @inline(__always) static func isDelimiter(_ byte: UInt8) -> Bool {
        guard byte < 128 else { return false }
        let bits: UInt64 = byte < 64 ? 0x7C00_1385_FFFF_FFFF : 0xB800_0001_2800_0000
        return (bits >> UInt64(byte & 63)) & 1 != 0
    }

    private(set) var count = 0
    /// Of what stands between the words, and where words stand.
    private(set) var shape: UInt64 = 0
    /// Of each masked word; never 0.
    let hashes: UnsafeMutablePointer<UInt64>

    init() { hashes = .allocate(capacity: Self.countMax) }

    deinit { hashes.deallocate() }

    /// Finds the words of a masked line; false when there are none or too many.
    mutating func read(_ masked: UnsafeRawBufferPointer) -> Bool {
        count = 0
        var state: UInt64 = 0x243F_6A88_85A3_08D3
        var at = 0
        while at < masked.count {
            let byte = masked[at]
            if Self.isDelimiter(byte) {
                state = (state ^ UInt64(byte)) &* 0x9E37_79B9_7F4A_7C15
                state ^= state >> 29
                at += 1
                continue
            }
            guard count < Self.countMax else { return false }
            let end = Self.end(of: masked, from: at)
            hashes[count] = max(ByteHash.of(UnsafeRawBufferPointer(rebasing: masked[at..<end])), 1)
            count += 1
            state = (state ^ 0x1FF) &* 0x9E37_79B9_7F4A_7C15
            state ^= state >> 29
            at = end
        }
        shape = ByteHash.finish(state)
        return count > 0
    }

    /// Where the word that begins at `start` of a masked line ends.
    @inline(__always) static func end(of masked: UnsafeRawBufferPointer, from start: Int) -> Int {
        var at = start
        while at < masked.count {
            let byte = masked[at]
            if byte == SlotCode.escape {
                // A slot's code is no character.
                at += 2
                continue
            }
            if isDelimiter(byte) { break }
            at += 1
        }
        return at
    }
}
