/// Checks on bytes that claim to be UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF).
public enum UTF8Text {
    /// Whether all of `bytes` is well-formed. NUL is.
    public static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool { firstInvalid(bytes) == nil }

    /// Whether no byte has its high bit set.
    @inlinable public static func isASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var i = 0
        var wide = SIMD4<UInt64>()
        while i + 32 <= bytes.count {
            wide |= bytes.loadUnaligned(fromByteOffset: i, as: SIMD4<UInt64>.self)
            i += 32
        }
        var seen = wide[0] | wide[1] | wide[2] | wide[3]
        while i + 8 <= bytes.count {
            seen |= bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self)
            i += 8
        }
        while i < bytes.count {
            seen |= UInt64(bytes[i])
            i += 1
        }
        return seen & 0x8080_8080_8080_8080 == 0
    }

    /// The offset of the first byte that isn't part of a well-formed sequence.
    @inlinable public static func firstInvalid(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var i = 0
        let count = bytes.count
        while i < count {
            // Eight ASCII bytes at once.
            if i + 8 <= count, bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self) & 0x8080_8080_8080_8080 == 0 {
                i += 8
                continue
            }
            if bytes[i] < 0x80 {
                i += 1
                continue
            }
            let length = sequenceLength(bytes, at: i)
            if length == 0 { return i }
            i += length
        }
        return nil
    }

    /// Length of the well-formed sequence that starts at `i`; 0 when there is none.
    @inlinable public static func sequenceLength(_ bytes: UnsafeRawBufferPointer, at i: Int) -> Int {
        let first = bytes[i]
        if first < 0x80 { return 1 }
        let wanted =
            first >= 0xC2 && first <= 0xDF ? 2 : first & 0xF0 == 0xE0 ? 3 : first >= 0xF0 && first <= 0xF4 ? 4 : 0
        guard wanted > 0, i + wanted <= bytes.count else { return 0 }
        // The second byte carries what rules out overlong forms, surrogates and numbers beyond the range.
        let second = bytes[i + 1]
        let lowest: UInt8 = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80
        let highest: UInt8 = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF
        guard second >= lowest, second <= highest else { return 0 }
        for j in 2..<max(wanted, 2) where bytes[i + j] & 0xC0 != 0x80 { return 0 }
        return wanted
    }
}
