import Bedrock

/// Times of rows in stream order: ascending within a stream, back to an earlier time where the next one begins.
///
/// Irregular times have no pattern to exploit: a distance with mean µ carries log2(µ) + 1.44 bits, and a Rice code with a parameter that suits
/// its run costs about 0.05 bits more. Times on a schedule go to `IntegerColumn`; the smaller form is kept.
/// ```
/// ┌──────┬──────────────────────────────────────────────────────────────────────────┐
/// │ 0 u8 │ IntegerColumn                                                            │
/// ├──────┼──────────┬───────────┬──────────────────────────┬───────────┬────────────┤
/// │ 1 u8 │ unit u8  │ run count │ runs: rows varint, k u8, │ low bits, │ unary high │
/// │      │ 10^3unit │ varint    │ step from the last time  │ by run    │ parts, pad │
/// └──────┴──────────┴───────────┴──────────────────────────┴───────────┴────────────┘
/// ```
public enum TimeColumn {
    /// Rows under one Rice parameter.
    private static let runRowsMax = 4096
    /// A distance with a longer high part begins a run of its own.
    private static let quotientMax: UInt64 = 96
    private static let parameterMax = 56
    /// So that the decoder may load whole words.
    private static let padding = 8
    private static let units: [Int64] = [1, 1000, 1_000_000, 1_000_000_000]

    private struct Run {
        var start: Int
        var count: Int
        var parameter: Int
    }

    /// Appends a column of `count` times. Any numbers are kept exactly; ascending stretches are kept small.
    public static func encode(
        _ times: UnsafePointer<Int64>, count: Int, scratch: ColumnScratch, into target: inout ByteBuffer
    ) {
        guard count > 0 else { return }
        scratch.reserve(count)
        let plan = IntegerColumn.plan(times, count: count, scratch: scratch)
        let start = target.count
        if encodeRuns(times, count: count, scaled: scratch.integers, limit: plan.byteCount, into: &target) { return }
        target.truncate(to: start)
        target.append(UInt8(0))
        IntegerColumn.encode(plan, count: count, scratch: scratch, into: &target)
    }

    /// Reads `count` times into `target`.
    public static func decode(
        _ reader: inout ByteReader, count: Int, into target: UnsafeMutablePointer<Int64>
    ) throws(DecodeError) {
        guard count > 0 else { return }
        switch try reader.u8() {
        case 0: try IntegerColumn.decode(&reader, count: count, into: target)
        case 1: try decodeRuns(&reader, count: count, into: target)
        case let tag: throw DecodeError("unknown time column tag \(tag)", at: reader.offset - 1)
        }
    }

    /// Writes the Rice form, unless it would take more than `limit` bytes.
    private static func encodeRuns(
        _ times: UnsafePointer<Int64>, count: Int, scaled: UnsafeMutablePointer<Int64>, limit: Int,
        into target: inout ByteBuffer
    ) -> Bool {
        var unit = 0
        while unit + 1 < units.count, divides(units[unit + 1], times, count: count) { unit += 1 }
        for i in 0..<count { scaled[i] = unit == 0 ? times[i] : times[i] / units[unit] }
        let runs = split(scaled, count: count)
        let start = target.count
        target.append(UInt8(1))
        target.append(UInt8(unit))
        target.append(varint: runs.count)
        var last: Int64 = 0
        for run in runs {
            target.append(varint: run.count)
            target.append(UInt8(run.parameter))
            target.append(signedVarint: scaled[run.start] &- last)
            last = scaled[run.start + run.count - 1]
        }
        var bits = BitWriter()
        for run in runs where run.parameter > 0 {
            for i in run.start + 1..<max(run.start + run.count, run.start + 1) {
                bits.write(UInt64(bitPattern: scaled[i] &- scaled[i - 1]), run.parameter, to: &target)
            }
        }
        bits.finish(to: &target)
        for run in runs {
            for i in run.start + 1..<max(run.start + run.count, run.start + 1) {
                var high = Int(UInt64(bitPattern: scaled[i] &- scaled[i - 1]) >> UInt64(run.parameter))
                while high >= 32 {
                    bits.write(0, 32, to: &target)
                    high -= 32
                }
                bits.write(1 << UInt64(high), high + 1, to: &target)
            }
            if target.count - start > limit { return false }
        }
        bits.finish(to: &target)
        for _ in 0..<padding { target.append(UInt8(0)) }
        return target.count - start <= limit
    }

    private static func divides(_ unit: Int64, _ times: UnsafePointer<Int64>, count: Int) -> Bool {
        for i in 0..<count where times[i] % unit != 0 { return false }
        return true
    }

    /// Cuts where time goes back, where a distance is far out of the ordinary, and after `runRowsMax` rows.
    private static func split(_ values: UnsafePointer<Int64>, count: Int) -> [Run] {
        var runs: [Run] = []
        var start = 0
        while start < count {
            var end = start + 1
            var lengths: InlineArray<65, Int32> = .init(repeating: 0)
            while end < count, end - start < runRowsMax {
                let (step, overflow) = values[end].subtractingReportingOverflow(values[end - 1])
                guard !overflow, step >= 0 else { break }
                lengths[UInt64(step).bitLength] &+= 1
                end += 1
            }
            let parameter = bestParameter(lengths)
            // A far step ends the run, too; what follows is looked at again.
            for i in start + 1..<max(end, start + 1)
            where UInt64(bitPattern: values[i] &- values[i - 1]) >> UInt64(parameter) > quotientMax {
                end = i
                break
            }
            runs.append(Run(start: start, count: end - start, parameter: parameter))
            start = end
        }
        return runs
    }

    /// The parameter that costs least for numbers of these bit lengths, each taken for the middle of its octave.
    private static func bestParameter(_ lengths: borrowing InlineArray<65, Int32>) -> Int {
        var best = (parameter: 0, cost: Double.infinity)
        var total = 0.0
        var longest = 0
        for length in 0...64 where lengths[length] > 0 {
            total += Double(lengths[length])
            longest = length
        }
        for parameter in 0...min(longest, parameterMax) {
            var cost = total * Double(parameter + 1)
            for length in parameter + 1..<max(longest + 1, parameter + 1) where lengths[length] > 0 {
                let high = length - parameter > 7 ? 100 : 0.75 * Double(1 << (length - parameter)) - 0.5
                cost += Double(lengths[length]) * min(high, 100)
            }
            if cost < best.cost { best = (parameter, cost) }
        }
        return best.parameter
    }

    private static func decodeRuns(
        _ reader: inout ByteReader, count: Int, into target: UnsafeMutablePointer<Int64>
    ) throws(DecodeError) {
        let unit = Int(try reader.u8())
        guard unit < units.count else { throw DecodeError("unknown unit \(unit)", at: reader.offset - 1) }
        let runCount = try reader.length(limit: count)
        var heads = reader
        var lowBits = 0
        var rows = 0
        for _ in 0..<runCount {
            let size = try reader.length(limit: count - rows)
            let parameter = Int(try reader.u8())
            guard size > 0, parameter <= parameterMax else {
                throw DecodeError("time run of \(size) rows, parameter \(parameter)", at: reader.offset)
            }
            _ = try reader.signedVarint()
            rows += size
            lowBits += (size - 1) * parameter
        }
        guard rows == count else { throw DecodeError("time runs have \(rows) of \(count) rows", at: reader.offset) }
        let body = UnsafeRawBufferPointer(rebasing: reader.bytes[reader.offset...])
        let lowBytes = (lowBits + 7) >> 3
        guard body.count >= lowBytes + padding, let base = body.baseAddress else {
            throw DecodeError("time column ends too early", at: reader.offset)
        }
        var ones = OneBits(base, from: lowBytes, end: body.count - padding)
        var low = 0
        var row = 0
        var value: Int64 = 0
        for _ in 0..<runCount {
            let size = try heads.length(limit: count)
            let parameter = UInt64(try heads.u8())
            value = value &+ (try heads.signedVarint())
            target[row] = value
            guard ones.decode(size - 1, base, low: low, parameter: parameter, after: &value, into: target + row + 1)
            else { throw DecodeError("time column ends too early", at: body.count) }
            low += (size - 1) * Int(parameter)
            row += size
        }
        try reader.skip(ones.byteEnd + padding)
        if unit > 0 { for i in 0..<count { target[i] = target[i] &* units[unit] } }
    }

    /// Walks over the one-bits of a stream, a word at a time.
    private struct OneBits {
        private let base: UnsafeRawPointer
        private let end: Int
        /// Of `word`, in bytes.
        private var offset: Int
        private var word: UInt64
        /// Bit behind the last one found.
        private var position: Int

        /// The bytes `from ..< end`; eight more lie behind.
        init(_ start: UnsafeRawPointer, from: Int, end: Int) {
            base = start
            self.end = end
            offset = from
            position = from * 8
            word = from < end ? UInt64(littleEndian: base.loadUnaligned(fromByteOffset: from, as: UInt64.self)) : 0
        }

        /// Bytes up to and with the last one-bit.
        var byteEnd: Int { (position + 7) >> 3 }

        /// Reads `count` times after `last`: high parts from here, low parts of `parameter` bits from bit `low` of `bytes`. False where the stream ends.
        ///
        /// All in locals and without checks of overflow, which nothing here can do: this loop is what reading times costs.
        mutating func decode(
            _ count: Int, _ bytes: UnsafeRawPointer, low: Int, parameter: UInt64, after last: inout Int64,
            into target: UnsafeMutablePointer<Int64>
        ) -> Bool {
            let mask: UInt64 = (1 &<< parameter) &- 1
            var value = UInt64(bitPattern: last)
            var word = word
            var offset = offset
            var position = position
            var low = low
            let step = Int(truncatingIfNeeded: parameter)
            var i = 0
            while i < count {
                while word == 0 {
                    offset &+= 8
                    guard offset < end else { return false }
                    word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                }
                // All of the word's bits in one go; where they begin is known once.
                let start = offset &* 8
                var from = position &- start
                let stop = min(i &+ word.nonzeroBitCount, count)
                while i < stop {
                    let at = word.trailingZeroBitCount
                    word &= word &- 1
                    let high = UInt64(truncatingIfNeeded: at &- from)
                    from = at &+ 1
                    let near = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: low &>> 3, as: UInt64.self))
                    value =
                        value &+ (high &<< parameter | (near &>> UInt64(truncatingIfNeeded: low & 7)) & mask)
                    low &+= step
                    target[i] = Int64(bitPattern: value)
                    i &+= 1
                }
                position = start &+ from
            }
            last = Int64(bitPattern: value)
            self.word = word
            self.offset = offset
            self.position = position
            return true
        }
    }
}
