/// A column of whole numbers, stored as what is left after the best of four predictions.
///
/// Everything is relative to the first number and divided by the common factor of all distances from it, so the first row
/// costs nothing. Arithmetic wraps around, which is exact for any 64-bit input.
/// ```
/// ┌───────────┬────────┬─────────┬────────────────────────┬─────────┬───────────────────────┐
/// │ tag u8    │ first  │ factor  │ slope (dod and linear) │ base    │ residuals: patched    │
/// │ see `Tag` │ svarint│ varint? │ svarint?               │ svarint?│ packing of n-1 or n-2 │
/// └───────────┴────────┴─────────┴────────────────────────┴─────────┴───────────────────────┘
/// ```
/// Row counts come from the caller: a column doesn't know how many it has.
public enum IntegerColumn {
    /// How a number is foretold from those before it.
    public enum Prediction: UInt8, CaseIterable {
        /// Frame of reference: the distance from the first number.
        case reference = 0
        /// The previous number.
        case delta = 1
        /// The previous number, moved on by the previous step.
        case deltaOfDelta = 2
        /// A straight line from the first number to the last: what jitters around a schedule.
        case linear = 3
    }

    private enum Tag {
        static let prediction: UInt8 = 0x03
        /// Residuals are zigzag coded around 0; otherwise `base`, their minimum, is subtracted.
        static let zigzag: UInt8 = 0x04
        static let factor: UInt8 = 0x08
    }

    /// What `plan` decided, and what it will cost.
    public struct Plan {
        fileprivate var prediction = Prediction.reference
        fileprivate var isZigzag = false
        fileprivate var first: Int64 = 0
        fileprivate var factor: UInt64 = 1
        fileprivate var slope: Int64 = 0
        fileprivate var base: Int64 = 0
        fileprivate var width = 0
        private var bodyBytes = 0

        /// Bytes the column takes, exact within a few.
        public var byteCount: Int {
            1 + varintSize(ZigZag.encode(first)) + (factor > 1 ? varintSize(factor) : 0) + bodyBytes
        }

        fileprivate mutating func consider(_ candidate: Candidate, count: Int) {
            let (bytes, zigzag, width) = candidate.cost(count: count)
            let slope = candidate.hasSlope ? varintSize(ZigZag.encode(candidate.slope)) : 0
            guard bodyBytes == 0 || bytes + slope < bodyBytes else { return }
            prediction = candidate.prediction
            isZigzag = zigzag
            self.slope = candidate.slope
            base = candidate.minimum
            self.width = width
            bodyBytes = bytes + slope
        }
    }

    /// Residuals of one prediction in summary.
    fileprivate struct Candidate {
        let prediction: Prediction
        let slope: Int64
        var minimum = Int64.max
        var maximum = Int64.min
        private var zigzag = PatchedPacking.Histogram()

        init(_ prediction: Prediction, slope: Int64 = 0) {
            self.prediction = prediction
            self.slope = slope
        }

        var hasSlope: Bool { prediction == .deltaOfDelta || prediction == .linear }

        @inline(__always) mutating func add(_ residual: Int64) {
            minimum = min(minimum, residual)
            maximum = max(maximum, residual)
            zigzag.add(ZigZag.encode(residual))
        }

        /// The cheaper of a common base and zigzag with patches.
        func cost(count: Int) -> (bytes: Int, zigzag: Bool, width: Int) {
            guard count > 0 else { return (1, true, 0) }
            let span = UInt64(bitPattern: maximum &- minimum).bitLength
            let based = 1 + varintSize(ZigZag.encode(minimum)) + BitPacking.byteCount(count: count, width: span)
            let (width, bytes) = zigzag.best(count: count)
            return bytes <= based ? (bytes, true, width) : (based, false, span)
        }
    }

    /// Chooses how to store `count` (at least one) numbers; `scratch.distances` holds the scaled distances afterwards.
    public static func plan(_ values: UnsafePointer<Int64>, count: Int, scratch: ColumnScratch) -> Plan {
        precondition(count > 0, "an integer column of \(count) rows")
        var plan = Plan()
        plan.first = values[0]
        plan.factor = scale(values, count: count, into: scratch.distances)
        let e = UnsafePointer(scratch.distances)
        if count == 1 { return plan }
        var delta = Candidate(.delta)
        for i in 1..<count { delta.add(e[i] &- e[i - 1]) }
        plan.consider(delta, count: count - 1)
        // All steps equal: nothing can beat a column without residuals.
        if delta.minimum == delta.maximum { return plan }
        var dod = Candidate(.deltaOfDelta, slope: e[1])
        if count > 2 {
            for i in 2..<count { dod.add(e[i] &- e[i - 1] &- (e[i - 1] &- e[i - 2])) }
        }
        plan.consider(dod, count: count - 2)
        var reference = Candidate(.reference)
        for i in 1..<count { reference.add(e[i]) }
        plan.consider(reference, count: count - 1)
        let slope = e[count - 1] / Int64(count - 1)
        if slope != 0 {
            var linear = Candidate(.linear, slope: slope)
            for i in 1..<count { linear.add(e[i] &- Int64(i) &* slope) }
            plan.consider(linear, count: count - 1)
        }
        return plan
    }

    /// Appends the column that `plan`, made just before with the same scratch, describes.
    public static func encode(_ plan: Plan, count: Int, scratch: ColumnScratch, into target: inout ByteBuffer) {
        target.append(
            plan.prediction.rawValue | (plan.isZigzag ? Tag.zigzag : 0) | (plan.factor > 1 ? Tag.factor : 0))
        target.append(signedVarint: plan.first)
        if plan.factor > 1 { target.append(varint: plan.factor) }
        guard count > 1 else { return }
        let e = UnsafePointer(scratch.distances)
        let out = scratch.residuals
        var from = 1
        switch plan.prediction {
        case .reference:
            for i in 1..<count { out[i] = UInt64(bitPattern: e[i]) }
        case .delta:
            for i in 1..<count { out[i] = UInt64(bitPattern: e[i] &- e[i - 1]) }
        case .deltaOfDelta:
            target.append(signedVarint: plan.slope)
            from = 2
            if count > 2 {
                for i in 2..<count { out[i] = UInt64(bitPattern: e[i] &- 2 &* e[i - 1] &+ e[i - 2]) }
            }
        case .linear:
            target.append(signedVarint: plan.slope)
            for i in 1..<count { out[i] = UInt64(bitPattern: e[i] &- Int64(i) &* plan.slope) }
        }
        if plan.isZigzag {
            for i in from..<count { out[i] = ZigZag.encode(Int64(bitPattern: out[i])) }
        } else {
            target.append(signedVarint: plan.base)
            for i in from..<count { out[i] = out[i] &- UInt64(bitPattern: plan.base) }
        }
        PatchedPacking.encode(out + from, count: count - from, width: plan.width, into: &target)
    }

    /// Plans and appends in one go.
    public static func encode(
        _ values: UnsafePointer<Int64>, count: Int, scratch: ColumnScratch, into target: inout ByteBuffer
    ) {
        encode(plan(values, count: count, scratch: scratch), count: count, scratch: scratch, into: &target)
    }

    /// Reads `count` (at least one) numbers into `target`.
    public static func decode(
        _ reader: inout ByteReader, count: Int, into target: UnsafeMutablePointer<Int64>
    ) throws(DecodeError) {
        precondition(count > 0, "an integer column of \(count) rows")
        let tag = try reader.u8()
        guard tag & 0xF0 == 0, let prediction = Prediction(rawValue: tag & Tag.prediction) else {
            throw DecodeError("unknown integer column tag \(tag)", at: reader.offset - 1)
        }
        let first = try reader.signedVarint()
        let factor = tag & Tag.factor != 0 ? Int64(bitPattern: try reader.varint()) : 1
        target[0] = 0
        if count > 1 {
            let hasSlope = prediction == .deltaOfDelta || prediction == .linear
            let slope = hasSlope ? try reader.signedVarint() : 0
            let from = prediction == .deltaOfDelta ? 2 : 1
            let isZigzag = tag & Tag.zigzag != 0
            let base = isZigzag ? 0 : try reader.signedVarint()
            var failure: DecodeError?
            (target + from).withMemoryRebound(to: UInt64.self, capacity: count - from) { residuals in
                do throws(DecodeError) {
                    try PatchedPacking.decode(&reader, count: count - from, into: residuals)
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
            if isZigzag {
                for i in from..<count { target[i] = ZigZag.decode(UInt64(bitPattern: target[i])) }
            }
            accumulate(prediction, slope: slope, base: base, target, count: count)
        }
        if factor == 1 {
            for i in 0..<count { target[i] = target[i] &+ first }
        } else {
            for i in 0..<count { target[i] = target[i] &* factor &+ first }
        }
    }

    /// Turns residuals back into distances from the first number.
    private static func accumulate(
        _ prediction: Prediction, slope: Int64, base: Int64, _ target: UnsafeMutablePointer<Int64>, count: Int
    ) {
        switch prediction {
        case .reference:
            for i in 1..<count { target[i] = target[i] &+ base }
        case .delta:
            var running: Int64 = 0
            for i in 1..<count {
                running = running &+ target[i] &+ base
                target[i] = running
            }
        case .deltaOfDelta:
            target[1] = slope
            var running = slope
            var step = slope
            for i in 2..<max(count, 2) {
                step = step &+ target[i] &+ base
                running = running &+ step
                target[i] = running
            }
        case .linear:
            var line = base
            for i in 1..<count {
                line = line &+ slope
                target[i] = target[i] &+ line
            }
        }
    }

    /// Writes the distances from the first number, divided by their greatest common divisor, which is returned.
    private static func scale(
        _ values: UnsafePointer<Int64>, count: Int, into distances: UnsafeMutablePointer<Int64>
    ) -> UInt64 {
        let first = values[0]
        var overflows = false
        distances[0] = 0
        for i in 1..<max(count, 1) {
            let (distance, overflow) = values[i].subtractingReportingOverflow(first)
            distances[i] = distance
            overflows = overflows || overflow
        }
        // A wrapped distance can only be divided exactly by powers of two: leave those columns alone.
        if overflows { return 1 }
        var factor: UInt64 = 0
        for i in 1..<max(count, 1) {
            let magnitude = distances[i].magnitude
            if factor == 0 {
                factor = magnitude
            } else if magnitude % factor != 0 {
                factor = greatestCommonDivisor(factor, magnitude)
                if factor == 1 { return 1 }
            }
        }
        guard factor > 1, factor <= UInt64(Int64.max) else { return 1 }
        for i in 1..<count { distances[i] /= Int64(factor) }
        return factor
    }

    private static func greatestCommonDivisor(_ a: UInt64, _ b: UInt64) -> UInt64 {
        var x = a
        var y = b
        while y != 0 { (x, y) = (y, x % y) }
        return x
    }
}

extension IntegerColumn {
    /// Reads `count` numbers into a new array; for indexes, not for samples. `count` must be bounded by the caller.
    public static func decodeArray(_ reader: inout ByteReader, count: Int) throws(DecodeError) -> [Int64] {
        guard count > 0 else { return [] }
        var failure: DecodeError?
        let values = [Int64](unsafeUninitializedCapacity: count) { buffer, used in
            guard let base = buffer.baseAddress else { return }
            base.initialize(repeating: 0, count: count)
            used = count
            do throws(DecodeError) {
                try decode(&reader, count: count, into: base)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return values
    }

    /// As `decodeArray`, for numbers that must lie in `0 ..< limit`.
    public static func decodeIndexes(_ reader: inout ByteReader, count: Int, limit: Int) throws(DecodeError) -> [UInt32]
    {
        let values = try decodeArray(&reader, count: count)
        for value in values where value < 0 || value >= limit || value > Int64(UInt32.max) {
            throw DecodeError("index \(value) is not below \(limit)", at: reader.offset)
        }
        return values.map { UInt32(truncatingIfNeeded: $0) }
    }

    /// Appends a column of small numbers; nothing for none.
    public static func encode(
        _ values: some Collection<some BinaryInteger>, scratch: ColumnScratch, into target: inout ByteBuffer
    ) {
        guard !values.isEmpty else { return }
        let numbers = values.map { Int64(truncatingIfNeeded: $0) }
        scratch.reserve(numbers.count)
        encode(numbers, count: numbers.count, scratch: scratch, into: &target)
    }
}

private func varintSize(_ value: UInt64) -> Int { max(1, (value.bitLength + 6) / 7) }
