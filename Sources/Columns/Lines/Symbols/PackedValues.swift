import Bedrock

/// Columns of slot values.
enum PackedValues {
    private static let integers: UInt8 = 0
    private static let dictionary: UInt8 = 1
    private static let distinctMax = 256

    /// Appends the values of a class: the least of them, and the distances packed with patches.
    static func encode(
        _ values: UnsafeBufferPointer<UInt64>, scratch: ColumnScratch, into target: inout ByteBuffer
    ) {
        scratch.reserve(values.count)
        var least = UInt64.max
        for value in values { least = min(least, value) }
        var histogram = PatchedPacking.Histogram()
        for i in 0..<values.count {
            scratch.residuals[i] = values[i] &- least
            histogram.add(values[i] &- least)
        }
        target.append(varint: least)
        PatchedPacking.encode(
            scratch.residuals, count: values.count, width: histogram.best(count: values.count).width, into: &target)
    }

    static func decode(
        _ reader: inout ByteReader, count: Int, into target: UnsafeMutablePointer<UInt64>
    ) throws(DecodeError) {
        let least = try reader.varint()
        try PatchedPacking.decode(&reader, count: count, into: target)
        if least != 0 { for i in 0..<count { target[i] = target[i] &+ least } }
    }

    /// Whether values lie closer together, or to their neighbours, than `bytes` allow for, or are few.
    static func mayShrink(_ values: UnsafePointer<UInt64>, count: Int, bytes: Int) -> Bool {
        var least = values[0]
        var most = values[0]
        var step: UInt64 = 0
        var equal = 0
        // A sample of neighbours tells whether values repeat.
        var seen: InlineArray<64, UInt64> = .init(repeating: .max)
        for i in 0..<count {
            let value = values[i]
            least = min(least, value)
            most = max(most, value)
            if i > 0 { step |= ZigZag.encode(Int64(bitPattern: value &- values[i - 1])) }
            let place = Int(truncatingIfNeeded: (value &* 0x9E37_79B9_7F4A_7C15) >> 58)
            if seen[place] == value { equal += 1 }
            seen[place] = value
        }
        let span = min((most - least).bitLength, step.bitLength)
        return BitPacking.byteCount(count: count, width: span) + 8 < bytes || equal * 2 > count
    }

    /// Appends values of one slot as the smaller of an integer column and a dictionary with indexes.
    static func encodeOwn(
        _ values: UnsafePointer<UInt64>, count: Int, scratch: ColumnScratch, into target: inout ByteBuffer
    ) {
        for i in 0..<count { scratch.integers[i] = Int64(bitPattern: values[i]) }
        let plan = IntegerColumn.plan(scratch.integers, count: count, scratch: scratch)
        if let (distinct, indexes) = gather(values, count: count) {
            let width = distinct.count <= 1 ? 0 : UInt64(distinct.count - 1).bitLength
            if BitPacking.byteCount(count: count, width: width) + distinct.count * 4 < plan.byteCount {
                target.append(dictionary)
                target.append(varint: distinct.count)
                for value in distinct { target.append(varint: value) }
                BitPacking.pack(indexes, count: count, width: width, into: &target)
                return
            }
        }
        target.append(integers)
        IntegerColumn.encode(plan, count: count, scratch: scratch, into: &target)
    }

    private static func gather(_ values: UnsafePointer<UInt64>, count: Int) -> (distinct: [UInt64], indexes: [UInt64])?
    {
        var known: [UInt64: UInt64] = [:]
        var distinct: [UInt64] = []
        var indexes: [UInt64] = []
        indexes.reserveCapacity(count)
        for i in 0..<count {
            if let index = known[values[i]] {
                indexes.append(index)
                continue
            }
            guard distinct.count < distinctMax, distinct.count * 2 <= i + 16 else { return nil }
            known[values[i]] = UInt64(distinct.count)
            indexes.append(UInt64(distinct.count))
            distinct.append(values[i])
        }
        return (distinct, indexes)
    }

    static func decodeOwn(
        _ reader: inout ByteReader, count: Int, into target: UnsafeMutablePointer<UInt64>
    ) throws(DecodeError) {
        switch try reader.u8() {
        case integers:
            var failure: DecodeError?
            target.withMemoryRebound(to: Int64.self, capacity: count) { signed in
                do throws(DecodeError) {
                    try IntegerColumn.decode(&reader, count: count, into: signed)
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
        case dictionary:
            let size = try reader.length(limit: distinctMax)
            guard size > 0 else { throw DecodeError("a dictionary of no values", at: reader.offset) }
            var distinct: [UInt64] = []
            for _ in 0..<size { distinct.append(try reader.varint()) }
            let width = size <= 1 ? 0 : UInt64(size - 1).bitLength
            let packed = try reader.take(BitPacking.byteCount(count: count, width: width))
            try BitPacking.unpack(packed, count: count, width: width, into: target)
            for i in 0..<count {
                guard target[i] < UInt64(size) else { throw DecodeError("value \(target[i])", at: reader.offset) }
                target[i] = distinct[Int(target[i])]
            }
        case let tag: throw DecodeError("unknown value column \(tag)", at: reader.offset - 1)
        }
    }
}
