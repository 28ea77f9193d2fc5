import Kernels
import Model
import Testing

@Suite struct OrderKernelsTests {
    @Test func slidingQuantilesEqualSortedWindows() {
        var random = SplitMix(state: 4)
        let samples = (0..<300).map { index -> (Int64, Double) in
            (Int64(index) * 1000, random.next() % 9 == 0 ? .nan : Double(random.next() % 40))
        }
        for (step, range) in [(1000, 30_000), (7000, 30_000), (60_000, 20_000)] as [(Int64, Int64)] {
            let grid = WindowGrid(firstEnd: 500, step: step, count: Int(300_000 / step), range: range)
            for phi in [0, 0.25, 0.9, 1] {
                let sliding = evaluate(.quantile([Double](repeating: phi, count: grid.count)), samples, grid)
                for window in 0..<grid.count {
                    var values = samples.filter { $0.0 > grid.start(window) && $0.0 <= grid.end(window) }.map(\.1)
                    values.withUnsafeMutableBufferPointer { OrderKernels.sort($0) }
                    let expected = values.withUnsafeBufferPointer { OrderKernels.quantile(phi, ofSorted: $0) }
                    let same = sliding[window].map { $0 == expected || ($0.isNaN && expected.isNaN) }
                    #expect(values.isEmpty ? sliding[window] == nil : same == true)
                }
            }
        }
    }

    @Test func varianceOfWhatIsConstantIsZero() {
        let samples = (0..<50).map { (Int64($0) * 1000, 0.1) }
        let grid = WindowGrid(firstEnd: 49_000, step: 1, count: 1, range: 49_000)
        #expect(evaluate(.stddevOverTime, samples, grid) == [0])
        let shifted = (0..<50).map { (Int64($0) * 1000, 1e9 + Double($0 % 2)) }
        #expect(
            evaluate(.stdvarOverTime, shifted, WindowGrid(firstEnd: 49_000, step: 1, count: 1, range: 50_000)) == [0.25]
        )
        let infinite = [(Int64(0), 1.0), (1000, .infinity)]
        let result = evaluate(.stdvarOverTime, infinite, WindowGrid(firstEnd: 1000, step: 1, count: 1, range: 5000))
        #expect(result[0]?.isNaN == true)
    }

    @Test func classicHistogramsInterpolate() {
        let buckets: [ClassicHistogram.Bucket] = [
            .init(upperBound: 1, count: 10), .init(upperBound: 2, count: 30), .init(upperBound: .infinity, count: 40),
        ]
        var histogram = ClassicHistogram(buckets)
        #expect(histogram.quantile(0.5).value == 1.5)
        #expect(histogram.quantile(0.99).value == 2)
        #expect(histogram.fraction(0.5, 1.5) == 0.375)
        var falling = buckets
        falling[1].count = 5
        var repaired = ClassicHistogram(falling)
        let (value, repair) = repaired.quantile(0.2)
        #expect(value == 0.8 && repair?.lowestBound == 2 && repair?.differenceMax == 5)
        var open = ClassicHistogram(Array(buckets.dropLast()))
        #expect(open.quantile(0.5).value.isNaN)
    }
}
