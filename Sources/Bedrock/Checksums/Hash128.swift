/// A 128-bit hash of bytes: MurmurHash3's x64 variant (public domain, Austin Appleby).
///
/// It identifies label sets in tables and across processes; whoever relies on identity compares the bytes on a hit.
public struct Hash128: Hashable, Comparable, Sendable {
    public var high: UInt64
    public var low: UInt64

    @inlinable public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The hash of `bytes`. `low` is the first 64-bit word of the reference implementation.
    public init(of bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) {
        let c1: UInt64 = 0x87c3_7b91_1142_53d5
        let c2: UInt64 = 0x4cf5_ad43_2745_937f
        var h1 = seed
        var h2 = seed
        let blocks = bytes.count / 16
        for i in 0..<blocks {
            var k1 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: i * 16, as: UInt64.self))
            var k2 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: i * 16 + 8, as: UInt64.self))
            k1 = (k1 &* c1).rotated(31) &* c2
            h1 = ((h1 ^ k1).rotated(27) &+ h2) &* 5 &+ 0x52dc_e729
            k2 = (k2 &* c2).rotated(33) &* c1
            h2 = ((h2 ^ k2).rotated(31) &+ h1) &* 5 &+ 0x3849_5ab5
        }
        let tail = blocks * 16
        var k1: UInt64 = 0
        var k2: UInt64 = 0
        for i in tail..<bytes.count {
            let position = i - tail
            if position < 8 {
                k1 |= UInt64(bytes[i]) << UInt64(position * 8)
            } else {
                k2 |= UInt64(bytes[i]) << UInt64((position - 8) * 8)
            }
        }
        h2 ^= (k2 &* c2).rotated(33) &* c1
        h1 ^= (k1 &* c1).rotated(31) &* c2
        h1 ^= UInt64(bytes.count)
        h2 ^= UInt64(bytes.count)
        h1 &+= h2
        h2 &+= h1
        h1 = h1.murmurFinal()
        h2 = h2.murmurFinal()
        h1 &+= h2
        h2 &+= h1
        low = h1
        high = h2
    }

    @inlinable public static func < (a: Hash128, b: Hash128) -> Bool {
        a.high != b.high ? a.high < b.high : a.low < b.low
    }
}

extension UInt64 {
    @inline(__always) fileprivate func rotated(_ by: UInt64) -> UInt64 { self << by | self >> (64 - by) }

    @inline(__always) fileprivate func murmurFinal() -> UInt64 {
        var k = self
        k ^= k >> 33
        k = k &* 0xff51_afd7_ed55_8ccd
        k ^= k >> 33
        k = k &* 0xc4ce_b9fe_1a85_ec53
        k ^= k >> 33
        return k
    }
}
