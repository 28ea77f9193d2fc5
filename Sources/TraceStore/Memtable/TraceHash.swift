import Model

/// The hash of trace ids in tables, shards' choice and id indexes. Part of the format: it never changes.
public enum TraceHash {
    @inlinable @inline(__always) public static func of(_ id: TraceID) -> UInt64 {
        let product = (id.high ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: id.low ^ 0xE703_7ED1_A0B4_28DB)
        var k = product.high ^ product.low ^ id.high &+ id.low &* 0x9E37_79B9_7F4A_7C15
        k ^= k >> 32
        k = k &* 0xD6E8_FEB8_6659_FD93
        k ^= k >> 32
        return k
    }

    /// What the id index of a segment is sorted by.
    @inlinable @inline(__always) public static func fingerprint(_ id: TraceID) -> UInt32 {
        UInt32(truncatingIfNeeded: of(id) >> 32)
    }
}
