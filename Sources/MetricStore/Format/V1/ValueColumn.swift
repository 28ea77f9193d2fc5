import Bedrock

/// The values of one chunk: the smallest of a few encodings, found by trying.
///
/// ```
/// ┌────────┬──────────────────────────────────────────────────────────────────────────────┐
/// │ tag u8 │ bits 0-2 the encoding, bits 3-7 the decimal exponent e (0...18)              │
/// ├────────┼──────────────────────────────────────────────────────────────────────────────┤
/// │ 0      │ constant decimal: svarint d, each value is d / 10^e                          │
/// │ 1      │ constant: 8 bytes                                                            │
/// │ 2      │ decimals: an integer column of d                                             │
/// │ 3      │ decimals with exceptions: count, gaps between rows (varints), 8 bytes each,  │
/// │        │ then as 2                                                                    │
/// │ 4      │ bit patterns as an integer column                                            │
/// │ 5      │ XOR column                                                                   │
/// └────────┴──────────────────────────────────────────────────────────────────────────────┘
/// ```
/// Every bit pattern comes back as it was: NaN payloads, stale markers, -0, infinities, subnormals.
enum ValueColumn {
    private enum Encoding: UInt8 {
        case constantDecimal = 0
        case constant = 1
        case decimal = 2
        case decimalWithExceptions = 3
        case bitPattern = 4
        case xor = 5
    }

    /// Appends `count` (at least one) values.
    static func encode(
        _ values: UnsafePointer<Double>, count: Int, scratch: ColumnScratch, into target: inout ByteBuffer
    ) {
        precondition(count > 0, "a value column of \(count) rows")
        if isConstant(values, count: count) { return encodeConstant(values[0], into: &target) }
        scratch.reserve(count)
        let start = target.count
        // Decimals this small are not worth a second try.
        if encodeDecimal(values, count: count, scratch: scratch, into: &target), target.count - start <= count * 2 {
            return
        }
        tryBitEncodings(values, count: count, start: start, scratch: scratch, into: &target)
    }

    /// Reads `count` (at least one) values from a column that ends where `bytes` does.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, count: Int, into target: UnsafeMutablePointer<Double>
    ) throws(DecodeError) {
        precondition(count > 0, "a value column of \(count) rows")
        var reader = ByteReader(bytes)
        let tag = try reader.u8()
        let exponent = Int(tag >> 3)
        guard let encoding = Encoding(rawValue: tag & 7), exponent <= DecimalScaling.exponentMax else {
            throw DecodeError("unknown value column tag \(tag)", at: 0)
        }
        switch encoding {
        case .constantDecimal:
            let whole = try reader.signedVarint()
            target.update(
                repeating: DecimalScaling.unscaled(whole, DecimalScaling.power(exponent)), count: count)
        case .constant: target.update(repeating: try reader.double(), count: count)
        case .decimal: try decodeDecimal(&reader, exponent: exponent, count: count, into: target)
        case .decimalWithExceptions:
            let exceptions = try skipExceptions(&reader, count: count)
            try decodeDecimal(&reader, exponent: exponent, count: count, into: target)
            try patch(exceptions, bytes, count: count, into: target)
        case .bitPattern:
            // Bit patterns decode in place.
            var failure: DecodeError?
            target.withMemoryRebound(to: Int64.self, capacity: count) { bits in
                do throws(DecodeError) {
                    try IntegerColumn.decode(&reader, count: count, into: bits)
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
        case .xor:
            try XorColumn.decode(
                UnsafeRawBufferPointer(rebasing: bytes[reader.offset...]), count: count, into: target)
        }
    }

    // MARK: Constant

    private static func isConstant(_ values: UnsafePointer<Double>, count: Int) -> Bool {
        let first = values[0].bitPattern
        for i in 1..<max(count, 1) where values[i].bitPattern != first { return false }
        return true
    }

    private static func encodeConstant(_ value: Double, into target: inout ByteBuffer) {
        for exponent in 0...4 {
            guard let whole = DecimalScaling.scaled(value, DecimalScaling.power(exponent)) else { continue }
            // Seven varint bytes are 49 bits.
            guard ZigZag.encode(whole).bitLength < 49 else { break }
            target.append(Encoding.constantDecimal.rawValue | UInt8(exponent << 3))
            target.append(signedVarint: whole)
            return
        }
        target.append(Encoding.constant.rawValue)
        target.append(value)
    }

    // MARK: Decimal

    private static func encodeDecimal(
        _ values: UnsafePointer<Double>, count: Int, scratch: ColumnScratch, into target: inout ByteBuffer
    ) -> Bool {
        guard
            let (exponent, exceptionCount) = DecimalScaling.scale(
                values, count: count, integers: scratch.integers, exceptions: scratch.exceptions)
        else { return false }
        let encoding = exceptionCount > 0 ? Encoding.decimalWithExceptions : Encoding.decimal
        target.append(encoding.rawValue | UInt8(exponent << 3))
        if exceptionCount > 0 {
            target.append(varint: exceptionCount)
            var previous: Int32 = -1
            for i in 0..<exceptionCount {
                target.append(varint: Int(scratch.exceptions[i] - previous - 1))
                previous = scratch.exceptions[i]
            }
            for i in 0..<exceptionCount { target.append(values[Int(scratch.exceptions[i])]) }
        }
        IntegerColumn.encode(scratch.integers, count: count, scratch: scratch, into: &target)
        return true
    }

    private static func decodeDecimal(
        _ reader: inout ByteReader, exponent: Int, count: Int, into target: UnsafeMutablePointer<Double>
    ) throws(DecodeError) {
        var failure: DecodeError?
        target.withMemoryRebound(to: Int64.self, capacity: count) { wholes in
            do throws(DecodeError) {
                try IntegerColumn.decode(&reader, count: count, into: wholes)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        let raw = UnsafeMutableRawPointer(target)
        if exponent == 0 {
            for i in 0..<count {
                let whole = raw.load(fromByteOffset: i * 8, as: Int64.self)
                target[i] = DecimalScaling.toDouble(whole)
            }
        } else {
            let power = DecimalScaling.power(exponent)
            for i in 0..<count {
                let whole = raw.load(fromByteOffset: i * 8, as: Int64.self)
                target[i] = DecimalScaling.unscaled(whole, power)
            }
        }
    }

    /// Where the exceptions stand, passed over to reach the integers behind them.
    private static func skipExceptions(
        _ reader: inout ByteReader, count: Int
    ) throws(DecodeError) -> (gaps: Int, values: Int, number: Int) {
        let number = try reader.length(limit: count)
        let gaps = reader.offset
        for _ in 0..<number { _ = try reader.varint() }
        let values = reader.offset
        try reader.skip(number * 8)
        return (gaps, values, number)
    }

    private static func patch(
        _ exceptions: (gaps: Int, values: Int, number: Int), _ bytes: UnsafeRawBufferPointer, count: Int,
        into target: UnsafeMutablePointer<Double>
    ) throws(DecodeError) {
        var gaps = ByteReader(bytes, at: exceptions.gaps)
        var values = ByteReader(bytes, at: exceptions.values)
        var row = -1
        for _ in 0..<exceptions.number {
            row += 1 + (try gaps.length(limit: count))
            guard row < count else { throw DecodeError("exception outside of its column", at: gaps.offset) }
            target[row] = try values.double()
        }
    }

    // MARK: Bits

    /// Replaces what was written from `start` on by an encoding of the bits, where that is smaller.
    private static func tryBitEncodings(
        _ values: UnsafePointer<Double>, count: Int, start: Int, scratch: ColumnScratch,
        into target: inout ByteBuffer
    ) {
        var best = target.count > start ? target.count - start : Int.max
        for i in 0..<count { scratch.integers[i] = Int64(bitPattern: values[i].bitPattern) }
        let plan = IntegerColumn.plan(scratch.integers, count: count, scratch: scratch)
        if plan.byteCount + 1 < best {
            target.truncate(to: start)
            target.append(Encoding.bitPattern.rawValue)
            IntegerColumn.encode(plan, count: count, scratch: scratch, into: &target)
            best = target.count - start
        }
        scratch.trial.clear()
        if XorColumn.encode(values, count: count, limit: best - 2, into: &scratch.trial) {
            target.truncate(to: start)
            target.append(Encoding.xor.rawValue)
            target.append(scratch.trial.bytes)
        }
    }
}
