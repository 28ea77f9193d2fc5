import Glibc

/// A fast 64-bit hash of short texts. Part of the format (token filters): it never changes.
enum ByteHash {
    static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        guard let base = bytes.baseAddress else { return finish(0) }
        var state = UInt64(bytes.count) &* 0x9E37_79B9_7F4A_7C15
        var at = 0
        while at + 8 <= bytes.count {
            state = mix(state, UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
            at += 8
        }
        if at < bytes.count {
            var rest: UInt64 = 0
            for i in at..<bytes.count { rest = rest << 8 | UInt64(bytes[i]) }
            state = mix(state, rest)
        }
        return finish(state)
    }

    /// Whether `text` stands at `offset`, which the caller has checked to have room for it.
    @inline(__always)
    static func equal(_ bytes: UnsafeRawBufferPointer, at offset: Int, _ text: UnsafeRawBufferPointer) -> Bool {
        guard let a = bytes.baseAddress, let b = text.baseAddress else { return text.count == 0 }
        return memcmp(a + offset, b, text.count) == 0
    }

    /// Takes one more word in: a 64 by 64 bit product, folded.
    @inline(__always) static func mix(_ state: UInt64, _ word: UInt64) -> UInt64 {
        let product = (state ^ word ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
        return product.high ^ product.low
    }

    @inline(__always) static func finish(_ state: UInt64) -> UInt64 {
        var k = state
        k ^= k >> 32
        k = k &* 0xD6E8_FEB8_6659_FD93
        k ^= k >> 32
        return k
    }
}
