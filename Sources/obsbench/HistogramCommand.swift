import Bedrock
import Foundation
import MetricStore
import Model

/// `obsbench histograms`: the metric store by itself, over native histograms as an instrumented service has them.
///
/// Latencies of made-up routes, lognormal, at rates from one in two minutes to a hundred a second, in buckets of schema 3 as the Prometheus
/// clients lay them out, every 15 s for four hours; the newest observation of some scrapes is an exemplar.
enum HistogramCommand {
    static func run(series: Int, scrapes: Int, exemplars: Bool) throws {
        var random = SeededGenerator(seed: 7)
        var routes = (0..<series).map { Route($0, &random) }
        var batches: [MetricBatch] = []
        var buckets = 0
        var exemplarCount = 0
        for scrape in 0..<scrapes {
            let batch = MetricBatch()
            let time = 1_700_000_000_000 + Int64(scrape) * 15_000
            for i in routes.indices {
                let last = routes[i].observe(seconds: 15, &random)
                let histogram = routes[i].histogram
                buckets += histogram.bucketCount
                batch.beginSeries(routes[i].labels)
                batch.append(timestamp: time, histogram: histogram)
                if exemplars, let last, scrape % 4 == 0 {
                    let trace = (0..<4).map { _ in
                        String(String(random.next() & 0xFFFF_FFFF | 1 << 32, radix: 16).dropFirst())
                    }.joined()
                    exemplarCount += 1
                    batch.append(Exemplar(labels: Labels(["trace_id": trace]), value: last, timestamp: time - 1234))
                }
            }
            batches.append(batch)
        }
        print("buckets a histogram: \(buckets / max(1, series * scrapes)); exemplars: \(exemplarCount)")
        var benchmark = StoreBenchmark(batches)
        try benchmark.run()
        for measure in benchmark.measures {
            print("\(measure.name): \((measure.value * 1000).rounded() / 1000) \(measure.unit)")
        }
    }

    /// One route's latencies.
    private struct Route {
        let labels: Labels
        private let perSecond: Double
        private let median: Double
        private let spread: Double
        private var counts: [Int: Double] = [:]
        private var count = 0.0
        private var sum = 0.0

        init(_ number: Int, _ random: inout SeededGenerator) {
            labels = Labels([
                "__name__": "http_request_duration_seconds", "instance": "host-\(number % 8):8080", "job": "api",
                "method": number % 3 == 0 ? "POST" : "GET", "route": "/api/v1/route/\(number / 8)", "status": "200",
            ])
            perSecond = 0.008 * pow(12_000, Double.random(in: 0...1, using: &random))
            median = 0.001 * pow(500, Double.random(in: 0...1, using: &random))
            spread = Double.random(in: 0.3...0.9, using: &random)
        }

        /// Adds what happens in a while; the last observation of it.
        mutating func observe(seconds: Double, _ random: inout SeededGenerator) -> Double? {
            var last: Double?
            var left = seconds
            while true {
                left += log(Double.random(in: .leastNonzeroMagnitude..<1, using: &random)) / perSecond
                guard left > 0 else { return last }
                let u = Double.random(in: .leastNonzeroMagnitude..<1, using: &random)
                let normal = sqrt(-2 * log(u)) * cos(2 * .pi * Double.random(in: 0..<1, using: &random))
                let value = median * exp(spread * normal)
                counts[Int((log2(value) * 8).rounded(.up)), default: 0] += 1
                count += 1
                sum += value
                last = value
            }
        }

        /// Gaps of one or two empty buckets are written down, longer ones part spans.
        var histogram: NativeHistogram {
            var histogram = NativeHistogram(schema: 3, count: count, sum: sum, zeroThreshold: 1e-128)
            var next = 0
            for index in counts.keys.sorted() {
                let gap = index - next
                if histogram.positiveSpans.isEmpty || gap > 2 {
                    histogram.positiveSpans.append(.init(offset: Int32(gap), length: 1))
                } else {
                    for _ in 0..<gap { histogram.positiveBuckets.append(0) }
                    histogram.positiveSpans[histogram.positiveSpans.count - 1].length += UInt32(gap + 1)
                }
                histogram.positiveBuckets.append(counts[index] ?? 0)
                next = index + 1
            }
            return histogram
        }
    }
}
