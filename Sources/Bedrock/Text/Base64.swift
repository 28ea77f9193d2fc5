/// Base64 (RFC 4648).
public enum Base64 {
    private static let alphabet: [UInt8] = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Appends the encoding of `source`, in the first alphabet, with padding.
    public static func encode(_ source: UnsafeRawBufferPointer, into target: inout ByteBuffer) {
        let size = (source.count + 2) / 3 * 4
        target.append(capacity: size) { room in
            alphabet.withUnsafeBufferPointer { letters in
                var i = 0
                var o = 0
                while i < source.count {
                    let rest = min(3, source.count - i)
                    var group = UInt32(source[i]) << 16
                    if rest > 1 { group |= UInt32(source[i + 1]) << 8 }
                    if rest > 2 { group |= UInt32(source[i + 2]) }
                    for place in 0..<4 {
                        room[o + place] =
                            place > rest ? UInt8(ascii: "=") : letters[Int(group >> UInt32(18 - 6 * place)) & 63]
                    }
                    i += 3
                    o += 4
                }
            }
            return size
        }
    }

    /// Writes what `text` encodes into `room`, which has room for `text.count` bytes. Both alphabets, padding optional.
    /// - Returns: bytes written; nil when a character is not of the alphabets.
    public static func decode(_ text: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer) -> Int? {
        var word: UInt32 = 0
        var bits = 0
        var out = 0
        for c in text {
            if c == UInt8(ascii: "=") { break }
            guard let digit = digit(c) else { return nil }
            word = word << 6 | UInt32(digit)
            bits += 6
            if bits >= 8 {
                bits -= 8
                room[out] = UInt8(truncatingIfNeeded: word >> UInt32(bits))
                out += 1
            }
        }
        return out
    }

    private static func digit(_ c: UInt8) -> UInt8? {
        switch c {
        case 65...90: c - 65
        case 97...122: c - 71
        case 48...57: c + 4
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
