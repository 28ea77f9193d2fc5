import Kernels
import Model
import Testing

/// Evaluates a kernel over literal samples.
func evaluate(_ function: RangeFunction, _ samples: [(Int64, Double)], _ grid: WindowGrid) -> [Double?] {
    let times = samples.map(\.0)
    let values = samples.map(\.1)
    var out = [Double](repeating: 0, count: grid.count)
    times.withUnsafeBufferPointer { times in
        values.withUnsafeBufferPointer { values in
            out.withUnsafeMutableBufferPointer { out in
                guard let times = times.baseAddress, let values = values.baseAddress, let out = out.baseAddress else {
                    return
                }
                function.evaluate(SampleColumn(times: times, values: values, count: samples.count), grid, into: out)
            }
        }
    }
    return out.map { Absent.matches($0) ? nil : $0 }
}

@Suite struct RateKernelsTests {
    /// A counter of one per second, scraped every 10 s.
    let steady = (0...60).map { (Int64($0) * 10_000, Double($0) * 10) }

    @Test func windowsAreOpenOnTheLeft() {
        let grid = WindowGrid(firstEnd: 60_000, step: 60_000, count: 3, range: 60_000)
        #expect(evaluate(.countOverTime, steady, grid) == [6, 6, 6])
    }

    @Test func aSteadyCounterHasItsRate() {
        let grid = WindowGrid(firstEnd: 100_000, step: 50_000, count: 8, range: 60_000)
        for value in evaluate(.rate, steady, grid) { #expect(value.map { ($0 - 1).magnitude < 1e-12 } == true) }
    }

    @Test func resetsAreMadeUpFor() {
        let samples: [(Int64, Double)] = [(10_000, 5), (20_000, 15), (30_000, 2), (40_000, 12), (50_000, 1)]
        let grid = WindowGrid(firstEnd: 50_000, step: 10_000, count: 1, range: 50_000)
        // 1 - 5 + 15 + 12 = 23 over 40 s; 10 s to the start are under the threshold, 8.7 s lead down to zero.
        let zero = 40.0 * 5 / 23
        let expected = 23 * (40 + min(10, zero)) / 40
        #expect(evaluate(.increase, samples, grid).first??.isApproximately(expected) == true)
        #expect(evaluate(.resets, samples, grid) == [2])
        #expect(evaluate(.changes, samples, grid) == [4])
    }

    @Test func slidingEqualsEachWindowAlone() {
        var random = SplitMix(state: 7)
        var samples: [(Int64, Double)] = []
        var time: Int64 = 0
        for _ in 0..<400 {
            time += Int64(random.next() % 20_000) + 1
            samples.append((time, random.next() % 10 == 0 ? .nan : Double(random.next() % 50)))
        }
        let functions: [RangeFunction] = [
            .rate, .increase, .delta, .irate, .idelta, .resets, .changes, .deriv, .sumOverTime, .avgOverTime,
            .minOverTime, .maxOverTime, .countOverTime, .firstOverTime, .lastOverTime, .stddevOverTime, .timeOfMax,
            .madOverTime,
        ]
        for function in functions {
            let grid = WindowGrid(firstEnd: -5000, step: 7000, count: 300, range: 60_000)
            let whole = evaluate(function, samples, grid)
            for window in 0..<grid.count {
                let alone = WindowGrid(firstEnd: grid.end(window), step: 1, count: 1, range: 60_000)
                let single = evaluate(function, samples, alone)[0]
                #expect(
                    whole[window]?.bitPattern == single?.bitPattern
                        || (whole[window]?.isNaN == true && single?.isNaN == true),
                    "\(function) at window \(window): \(String(describing: whole[window])) or \(String(describing: single))"
                )
            }
        }
    }
}

struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

extension Double {
    func isApproximately(_ other: Double) -> Bool {
        (self - other).magnitude <= 1e-9 * Swift.max(magnitude, other.magnitude)
    }
}
