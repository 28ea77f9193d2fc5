/// Bit packing at a width that most numbers fit, with the few larger ones patched in.
///
/// ```
/// ┌───────┬───────────────────────────────────────────────┬────────────────────┐
/// │ width │ patch count, then per patch: gap, high part   │ count × width bits │
/// │  u8   │ varints; only when bit 7 of the width is set  │ low parts          │
/// └───────┴───────────────────────────────────────────────┴────────────────────┘
/// ```
public enum PatchedPacking {
    /// How many numbers have each bit length; tells the best width without looking at the numbers again.
    public struct Histogram {
        @usableFromInline var counts: InlineArray<65, Int32> = .init(repeating: 0)

        @inlinable @inline(__always) public mutating func add(_ value: UInt64) { counts[value.bitLength] &+= 1 }

        public init() {}

        /// The cheapest width, and about how many bytes the column takes with it.
        public func best(count: Int) -> (width: Int, bytes: Int) {
            var lengths: InlineArray<65, Int> = .init(repeating: 0)
            var used = 0
            for length in 0...64 where counts[length] > 0 {
                lengths[used] = length
                used += 1
            }
            guard used > 0 else { return (0, 1) }
            var best = (
                width: lengths[used - 1], bytes: 1 + BitPacking.byteCount(count: count, width: lengths[used - 1])
            )
            var at = used - 2
            while at >= 0 {
                let width = lengths[at]
                var bytes = 2 + BitPacking.byteCount(count: count, width: width)
                for above in (at + 1)..<used {
                    bytes += Int(counts[lengths[above]]) * (1 + (lengths[above] - width + 6) / 7)
                }
                if bytes < best.bytes { best = (width, bytes) }
                at -= 1
            }
            return best
        }
    }

    /// Appends `count` values at `width`, the larger ones patched.
    public static func encode(
        _ values: UnsafePointer<UInt64>, count: Int, width: Int, into target: inout ByteBuffer
    ) {
        var patches = 0
        for i in 0..<count where values[i].bitLength > width { patches += 1 }
        target.append(UInt8(width) | (patches > 0 ? 0x80 : 0))
        if patches > 0 {
            target.append(varint: patches)
            var previous = -1
            for i in 0..<count where values[i].bitLength > width {
                target.append(varint: i - previous - 1)
                target.append(varint: values[i] >> UInt64(width))
                previous = i
            }
        }
        BitPacking.pack(values, count: count, width: width, into: &target)
    }

    /// Reads `count` values into `target`.
    public static func decode(
        _ reader: inout ByteReader, count: Int, into target: UnsafeMutablePointer<UInt64>
    ) throws(DecodeError) {
        let head = try reader.u8()
        let width = Int(head & 0x7F)
        guard width <= 64 else { throw DecodeError("bit width \(width) is over 64", at: reader.offset - 1) }
        var patchReader = reader
        var patches = 0
        if head & 0x80 != 0 {
            patches = try reader.length(limit: count)
            patchReader = reader
            for _ in 0..<patches {
                _ = try reader.varint()
                _ = try reader.varint()
            }
        }
        let packed = UnsafeRawBufferPointer(rebasing: reader.bytes[reader.offset...])
        try BitPacking.unpack(packed, count: count, width: width, into: target)
        try reader.skip(BitPacking.byteCount(count: count, width: width))
        var row = -1
        for _ in 0..<patches {
            row += 1 + (try patchReader.length(limit: count))
            let high = try patchReader.varint()
            guard row < count, width < 64 else {
                throw DecodeError("patch outside of its column", at: patchReader.offset)
            }
            target[row] |= high << UInt64(width)
        }
    }
}
