/// Runs of unsigned numbers at one fixed width of 0...64 bits each, least significant bit first, padded to a whole byte.
///
/// Value `i` occupies bits `i * width ..< (i + 1) * width` of the run; bit `b` is bit `b & 7` of byte `b >> 3`.
public enum BitPacking {
    /// Bytes that `count` values of `width` bits take.
    @inlinable public static func byteCount(count: Int, width: Int) -> Int { (count * width + 7) >> 3 }

    /// Appends `count` values. Bits above `width` must be zero or are cut off.
    public static func pack(
        _ values: UnsafePointer<UInt64>, count: Int, width: Int, into target: inout ByteBuffer
    ) {
        precondition(width >= 0 && width <= 64, "bit width \(width)")
        guard width > 0, count > 0 else { return }
        let size = byteCount(count: count, width: width)
        target.append(capacity: size + 8) { room in
            guard let out = room.baseAddress else { return 0 }
            let mask: UInt64 = width == 64 ? .max : (1 << UInt64(width)) - 1
            var accumulator: UInt64 = 0
            var used = 0
            var offset = 0
            for i in 0..<count {
                let value = values[i] & mask
                accumulator |= value << UInt64(used)
                used += width
                if used >= 64 {
                    out.storeBytes(of: accumulator.littleEndian, toByteOffset: offset, as: UInt64.self)
                    offset += 8
                    used -= 64
                    // What did not fit; a shift by the full width (used == 0) gives zero.
                    accumulator = used == 0 ? 0 : value >> UInt64(width - used)
                }
            }
            // The room has eight spare bytes, so that the last partial word is stored whole.
            out.storeBytes(of: accumulator.littleEndian, toByteOffset: offset, as: UInt64.self)
            return size
        }
    }

    /// Reads `count` values of `width` bits from the front of `source` into `target`.
    ///
    /// `source` may go on behind the run; the loop is fastest where it does, for at least eight bytes.
    /// - Throws: when the width is over 64 or `source` is too short. Nothing outside of `source` is read.
    public static func unpack(
        _ source: UnsafeRawBufferPointer, count: Int, width: Int, into target: UnsafeMutablePointer<UInt64>
    ) throws(DecodeError) {
        guard width >= 0, width <= 64 else { throw DecodeError("bit width \(width) is over 64", at: 0) }
        guard count > 0 else { return }
        guard width > 0 else {
            target.update(repeating: 0, count: count)
            return
        }
        guard count <= (source.count * 8) / width, let base = source.baseAddress else {
            throw DecodeError("\(count) values of \(width) bits don't fit into \(source.count) bytes", at: 0)
        }
        let mask: UInt64 = width == 64 ? .max : (1 << UInt64(width)) - 1
        // Values that have eight bytes (nine, for wide ones) of `source` from their first byte on.
        let last = source.count - (width <= 56 ? 8 : 9)
        let quick = last < 0 ? 0 : min(count, ((last + 1) * 8 - 1) / width + 1)
        var bit = 0
        var i = 0
        if width <= 56 {
            while i < quick {
                let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: bit >> 3, as: UInt64.self))
                target[i] = (word >> UInt64(bit & 7)) & mask
                bit += width
                i += 1
            }
        } else {
            while i < quick {
                let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: bit >> 3, as: UInt64.self))
                let next = UInt64(base.load(fromByteOffset: (bit >> 3) + 8, as: UInt8.self))
                let shift = UInt64(bit & 7)
                target[i] = (word >> shift | (next << 1) << (63 - shift)) & mask
                bit += width
                i += 1
            }
        }
        while i < count {
            target[i] = slow(source, bit: bit, width: width)
            bit += width
            i += 1
        }
    }

    /// One value near the end of `source`, byte by byte. The caller has checked that it lies inside.
    private static func slow(_ source: UnsafeRawBufferPointer, bit: Int, width: Int) -> UInt64 {
        var result: UInt64 = 0
        var got = 0
        var at = bit
        while got < width {
            let available = min(8 - (at & 7), width - got)
            let part = (UInt64(source[at >> 3]) >> UInt64(at & 7)) & ((1 << UInt64(available)) - 1)
            result |= part << UInt64(got)
            got += available
            at += available
        }
        return result
    }
}
