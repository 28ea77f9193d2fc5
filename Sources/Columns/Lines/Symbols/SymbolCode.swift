import Bedrock

/// A column of small numbers in a canonical Huffman code, or packed where that is no larger.
///
/// ```
/// ┌──────────┬──────────────────────────────────────────────────────────┐
/// │ width u8 │ 0...16: bit-packed                                       │
/// │          │ 255: code lengths, four bits a symbol; bytes of the code │
/// │          │ varint; code, most significant bit first, 8 bytes more   │
/// └──────────┴──────────────────────────────────────────────────────────┘
/// ```
enum SymbolCode {
    static let lengthMax = 14
    private static let huffman: UInt8 = 255
    private static let padding = 8

    /// Appends `symbols`, all below `counts.count`; `counts` says how often each occurs, at least once.
    static func encode(
        _ symbols: UnsafePointer<UInt16>, count: Int, counts: UnsafeBufferPointer<Int32>, scratch: ColumnScratch,
        into target: inout ByteBuffer
    ) {
        let width = counts.count <= 1 ? 0 : UInt64(counts.count - 1).bitLength
        let packedBytes = BitPacking.byteCount(count: count, width: width)
        if counts.count > 2, counts.count <= 1 << (lengthMax - 1) {
            let lengths = HuffmanLengths.make(counts, lengthMax: lengthMax)
            var bits = 0
            for i in 0..<counts.count { bits += Int(lengths[i]) * Int(counts[i]) }
            let size = (bits + 7) / 8
            if size + (counts.count + 1) / 2 + 12 < packedBytes {
                target.append(huffman)
                writeLengths(lengths, into: &target)
                target.append(varint: size + padding)
                write(symbols, count: count, lengths: lengths, bytes: size, into: &target)
                return
            }
        }
        target.append(UInt8(width))
        scratch.reserve(count)
        for i in 0..<count { scratch.residuals[i] = UInt64(symbols[i]) }
        BitPacking.pack(scratch.residuals, count: count, width: width, into: &target)
    }

    private static func writeLengths(_ lengths: [UInt8], into target: inout ByteBuffer) {
        for i in stride(from: 0, to: lengths.count, by: 2) {
            target.append(lengths[i] | (i + 1 < lengths.count ? lengths[i + 1] << 4 : 0))
        }
    }

    private static func write(
        _ symbols: UnsafePointer<UInt16>, count: Int, lengths: [UInt8], bytes: Int, into target: inout ByteBuffer
    ) {
        let codes = canonical(lengths)
        target.append(capacity: bytes + padding) { room in
            guard let out = room.baseAddress else { return 0 }
            var accumulator: UInt64 = 0
            var used: UInt64 = 0
            var offset = 0
            for i in 0..<count {
                let symbol = Int(symbols[i])
                let length = UInt64(lengths[symbol])
                accumulator = accumulator << length | UInt64(codes[symbol])
                used += length
                if used >= 32 {
                    used -= 32
                    let word = UInt32(truncatingIfNeeded: accumulator >> used)
                    out.storeBytes(of: word.bigEndian, toByteOffset: offset, as: UInt32.self)
                    offset += 4
                }
            }
            let rest = used == 0 ? 0 : UInt32(truncatingIfNeeded: accumulator << (32 - used))
            out.storeBytes(of: rest.bigEndian, toByteOffset: offset, as: UInt32.self)
            for i in (offset + 4)..<max(bytes + padding, offset + 4) {
                out.storeBytes(of: 0, toByteOffset: i, as: UInt8.self)
            }
            return bytes + padding
        }
    }

    /// The code of each symbol: by length, then by number.
    private static func canonical(_ lengths: [UInt8]) -> [UInt16] {
        var next = firstCodes(lengths)
        return lengths.map { length in
            defer { next[Int(length)] += 1 }
            return UInt16(truncatingIfNeeded: next[Int(length)])
        }
    }

    private static func firstCodes(_ lengths: [UInt8]) -> [Int] {
        var numbers = [Int](repeating: 0, count: lengthMax + 2)
        for length in lengths { numbers[Int(length)] += 1 }
        var first = [Int](repeating: 0, count: lengthMax + 2)
        var code = 0
        for length in 1...lengthMax {
            first[length] = code
            code = (code + numbers[length]) << 1
        }
        return first
    }

    /// Reads `count` symbols, all below `symbolCount`, into `target`.
    static func decode(
        _ reader: inout ByteReader, count: Int, symbolCount: Int, into target: UnsafeMutablePointer<UInt16>
    ) throws(DecodeError) {
        let head = try reader.u8()
        if head == huffman { return try decodeHuffman(&reader, count: count, symbolCount: symbolCount, into: target) }
        let width = Int(head)
        guard width <= 16 else { throw DecodeError("symbols of \(width) bits", at: reader.offset - 1) }
        let packed = try reader.take(BitPacking.byteCount(count: count, width: width))
        var wide = [UInt64](repeating: 0, count: count)
        try wide.withUnsafeMutableBufferPointer { room throws(DecodeError) in
            guard let base = room.baseAddress else { return }
            try BitPacking.unpack(packed, count: count, width: width, into: base)
        }
        for i in 0..<count {
            guard wide[i] < UInt64(symbolCount) else { throw DecodeError("symbol \(wide[i])", at: reader.offset) }
            target[i] = UInt16(truncatingIfNeeded: wide[i])
        }
    }

    private static func decodeHuffman(
        _ reader: inout ByteReader, count: Int, symbolCount: Int, into target: UnsafeMutablePointer<UInt16>
    ) throws(DecodeError) {
        let nibbles = try reader.take((symbolCount + 1) / 2)
        var lengths = [UInt8](repeating: 0, count: symbolCount)
        var longest = 0
        var kraft = 0
        for i in 0..<symbolCount {
            let length = (nibbles[i >> 1] >> UInt8((i & 1) * 4)) & 15
            guard length > 0, length <= UInt8(lengthMax) else {
                throw DecodeError("code length \(length)", at: reader.offset)
            }
            lengths[i] = length
            longest = max(longest, Int(length))
            kraft += 1 << (lengthMax - Int(length))
        }
        guard kraft == 1 << lengthMax else { throw DecodeError("code lengths are no code", at: reader.offset) }
        let bytes = try reader.take(try reader.length(limit: reader.remaining))
        guard bytes.count >= padding, let base = bytes.baseAddress else {
            throw DecodeError("code ends too early", at: reader.offset)
        }
        // The next `longest` bits tell symbol and length.
        var table = [UInt32](repeating: 0, count: 1 << longest)
        var next = firstCodes(lengths)
        for symbol in 0..<symbolCount {
            let length = Int(lengths[symbol])
            let start = next[length] << (longest - length)
            next[length] += 1
            let value = UInt32(symbol) << 8 | UInt32(length)
            for i in start..<start + 1 << (longest - length) { table[i] = value }
        }
        let shift = UInt64(64 - longest)
        let last = (bytes.count - padding) * 8
        var bit = 0
        try table.withUnsafeBufferPointer { table throws(DecodeError) in
            var i = 0
            // One load serves four symbols of at most 14 bits.
            while i + 4 <= count {
                guard bit <= last else { throw DecodeError("code ends too early", at: bytes.count) }
                var word = UInt64(bigEndian: base.loadUnaligned(fromByteOffset: bit >> 3, as: UInt64.self))
                word &<<= UInt64(truncatingIfNeeded: bit & 7)
                for step in 0..<4 {
                    let entry = table[Int(truncatingIfNeeded: word &>> shift)]
                    target[i &+ step] = UInt16(truncatingIfNeeded: entry &>> 8)
                    word &<<= UInt64(truncatingIfNeeded: entry & 0xFF)
                    bit &+= Int(truncatingIfNeeded: entry & 0xFF)
                }
                i &+= 4
            }
            while i < count {
                guard bit <= last else { throw DecodeError("code ends too early", at: bytes.count) }
                var word = UInt64(bigEndian: base.loadUnaligned(fromByteOffset: bit >> 3, as: UInt64.self))
                word <<= UInt64(bit & 7)
                let entry = table[Int(truncatingIfNeeded: word >> shift)]
                target[i] = UInt16(truncatingIfNeeded: entry >> 8)
                bit += Int(entry & 0xFF)
                i += 1
            }
        }
        guard bit <= last else { throw DecodeError("code ends too early", at: bytes.count) }
    }
}
