import Bedrock
import Model
import Testing

@testable import Agent

@Suite struct SeriesCacheTests {
    private func find(_ cache: inout SeriesCache, _ key: String) -> SeriesCache.Lookup {
        Array(key.utf8).withUnsafeBytes { cache.find($0) }
    }

    private func insert(_ cache: inout SeriesCache, _ key: String, _ labels: Labels?) -> SeriesCache.Lookup {
        Array(key.utf8).withUnsafeBytes { cache.insert($0, labels) }
    }

    /// Against the plainest model: sets of names.
    @Test(arguments: 0..<50 as Range<UInt64>)
    func whatIsAliveAgreesWithAModel(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var cache = SeriesCache()
        var alive: Set<Labels> = []
        for _ in 0..<60 {
            cache.begin()
            var came: Set<Labels> = []
            var keys = (0..<40).filter { _ in Bool.random(using: &random) }.map {
                "k\($0 + (seed > 40 ? Int.random(in: 0..<5_000, using: &random) : 0))"
            }
            if Bool.random(using: &random) { keys.shuffle(using: &random) }
            for key in keys {
                var found = find(&cache, key)
                if found == .unknown {
                    // Every seventh is dropped; two keys share a series.
                    let number = Int(key.dropFirst()) ?? 0
                    found = insert(&cache, key, number % 7 == 0 ? nil : Labels(["n": String(number / 2)]))
                }
                guard case .series(let number) = found else { continue }
                let labels = cache.labels(number)
                #expect(labels == Labels(["n": String((Int(key.dropFirst()) ?? 0) / 2)]))
                #expect((cache.touch(number, isSelfTimed: false) == .repeated) == !came.insert(labels).inserted)
            }
            var gone: Set<Labels> = []
            if Int.random(in: 0..<5, using: &random) == 0 {
                cache.endAll { gone.insert($0) }
                #expect(gone == alive)
                alive = []
            } else {
                cache.commit(tracksSelfTimed: false) { gone.insert($0) }
                #expect(gone == alive.subtracting(came))
                alive = came
            }
            #expect(cache.liveCount == alive.count)
        }
        #expect(cache.entryCount < 3_000)
    }
}
