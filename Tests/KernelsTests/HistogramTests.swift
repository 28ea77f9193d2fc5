import Kernels
import Model
import Testing

@Suite struct HistogramTests {
    /// A random histogram whose count is that of its buckets.
    static func histogram(_ random: inout SplitMix, schema: Int32) -> NativeHistogram {
        var histogram = NativeHistogram(schema: schema, zeroThreshold: [0, 0.001, 0.25][Int(random.next() % 3)])
        var list = BucketList()
        var index = Int(random.next() % 9) - 4
        for _ in 0..<Int(random.next() % 8) {
            index += 1 + Int(random.next() % 3)
            list.append(index, Double(random.next() % 20))
        }
        // No bucket reaches into the zero bucket.
        var positive = BucketList()
        for (index, count) in zip(list.indexes, list.counts)
        where NativeHistogram.exponentialBound(index - 1, schema: schema) >= histogram.zeroThreshold {
            positive.append(index, count)
        }
        histogram.positive = positive
        histogram.negative = random.next() % 2 == 0 ? BucketList() : positive
        histogram.zeroCount = Double(random.next() % 5)
        histogram.count = histogram.zeroCount + histogram.positive.total + histogram.negative.total
        histogram.sum = Double(random.next() % 1000)
        return histogram
    }

    @Test func spansSurviveARoundTrip() {
        let spans: [NativeHistogram.Span] = [.init(offset: -3, length: 2), .init(offset: 4, length: 1)]
        let list = BucketList(spans: spans, buckets: [1, 2, 3])
        #expect(list.indexes == [-3, -2, 3])
        #expect(list.encoded.spans == spans && list.encoded.buckets == [1, 2, 3])
        // Spans that promise more than there is end early.
        #expect(BucketList(spans: [.init(offset: 0, length: .max)], buckets: [1]).indexes == [0])
    }

    @Test func boundsOfBuckets() {
        #expect(NativeHistogram.exponentialBound(0, schema: 3) == 1)
        #expect(NativeHistogram.exponentialBound(8, schema: 3) == 2)
        #expect(NativeHistogram.exponentialBound(-1, schema: 0) == 0.5)
        #expect(NativeHistogram.exponentialBound(1, schema: -2) == 16)
        #expect(NativeHistogram.exponentialBound(1024, schema: 0) == .greatestFiniteMagnitude)
        #expect(NativeHistogram.exponentialBound(1025, schema: 0) == .infinity)
        #expect(NativeHistogram.exponentialBound(.max, schema: -4) == .infinity)
        #expect(NativeHistogram.exponentialBound(.min, schema: -4) == 0)
    }

    @Test func additionKeepsObservations() throws {
        var random = SplitMix(state: 11)
        for _ in 0..<500 {
            let a = Self.histogram(&random, schema: Int32(random.next() % 5) - 1)
            let b = Self.histogram(&random, schema: Int32(random.next() % 5) - 1)
            let sum = try #require(a.adding(b)).histogram
            #expect(sum.count == a.count + b.count)
            #expect(sum.zeroCount + sum.positive.total + sum.negative.total == sum.count)
            #expect(sum.schema == min(a.schema, b.schema) && sum.zeroThreshold >= max(a.zeroThreshold, b.zeroThreshold))
            let mirrored = try #require(b.adding(a)).histogram
            #expect(mirrored.compacted.hasSameContent(as: sum.compacted))
            let back = try #require(sum.subtracting(b)).histogram
            #expect(back.count == a.count)
            // A sum continues each of its parts.
            #expect(!sum.isReset(after: a) || sum.positive.counts.isEmpty)
        }
    }

    @Test func histogramsOfOtherKindsDoNotMix() throws {
        let custom = NativeHistogram(
            schema: NativeHistogram.customSchema, count: 3, sum: 3, positiveSpans: [.init(offset: 0, length: 3)],
            positiveBuckets: [1, 1, 1], customValues: [1, 2])
        #expect(NativeHistogram().adding(custom) == nil)
        var other = custom
        other.customValues = [2, 4]
        let sum = try #require(custom.adding(other))
        #expect(sum.changedBounds && sum.histogram.customValues == [2])
        #expect(sum.histogram.positive.counts == [3, 3])
    }

    @Test func manyAreAddedWithoutLoss() throws {
        func histogram(_ value: Double) -> NativeHistogram {
            NativeHistogram(
                count: value, sum: value, positiveSpans: [.init(offset: 1, length: 1)], positiveBuckets: [value])
        }
        var sum = HistogramSum(averages: false)
        for value in [1e100, 1, -1e100] { sum.add(histogram(value)) }
        let result = try #require(sum.result)
        #expect(result.count == 1 && result.sum == 1 && result.positive.counts == [1])
        var mean = HistogramSum(averages: true)
        for _ in 0..<4 { mean.add(histogram(.greatestFiniteMagnitude)) }
        #expect(mean.result?.count.isApproximately(.greatestFiniteMagnitude) == true)
    }

    @Test func quantilesAscendWithinTheBounds() {
        var random = SplitMix(state: 5)
        for _ in 0..<300 {
            let histogram = Self.histogram(&random, schema: Int32(random.next() % 4))
            guard histogram.count > 0 else { continue }
            let buckets = histogram.allBuckets
            var previous = -Double.infinity
            for phi in stride(from: 0.0, through: 1, by: 0.05) {
                let value = histogram.quantile(phi).value
                #expect(value >= previous - 1e-9 * previous.magnitude)
                #expect(value >= buckets[0].lower && value <= buckets[buckets.count - 1].upper)
                previous = value
            }
            #expect(histogram.quantile(-1).value == -.infinity && histogram.quantile(2).value == .infinity)
        }
    }

    @Test func trimmingIsAFraction() {
        var random = SplitMix(state: 9)
        for _ in 0..<300 {
            let histogram = Self.histogram(&random, schema: 1)
            guard histogram.count > 0 else { continue }
            let bound = Double(random.next() % 800) / 100 - 4
            let below = histogram.trimmed(at: bound, keepsLower: true)
            let above = histogram.trimmed(at: bound, keepsLower: false)
            #expect((below.count + above.count).isApproximately(histogram.count))
            let share = histogram.fraction(-.infinity, bound).value * histogram.count
            #expect((below.count - share).magnitude < 1e-9 * histogram.count)
        }
    }
}
