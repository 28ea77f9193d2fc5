/// What can be said of a chunk without decoding it. Only chunks free of NaN (stale markers included) have one.
struct ChunkSummary: Equatable {
    var first: Double
    var last: Double
    var min: Double
    var max: Double
    /// In order, added up plainly.
    var sum: Double
    /// Values just before a decrease, added up: `last - first + resets` is the increase of a counter.
    var resets: Double

    var increase: Double { last - first + resets }

    /// Nil when there is a NaN in the chunk.
    init?(_ values: UnsafePointer<Double>, count: Int) {
        guard count > 0 else { return nil }
        first = values[0]
        last = values[count - 1]
        var low = first
        var high = first
        var total = 0.0
        var lost = 0.0
        var previous = first
        for i in 0..<count {
            let value = values[i]
            if value < low { low = value }
            if value > high { high = value }
            if value < previous { lost += previous }
            total += value
            previous = value
        }
        // A NaN anywhere, or infinities of both signs, make the sum one.
        guard !total.isNaN else { return nil }
        (min, max, sum, resets) = (low, high, total, lost)
    }

    init(first: Double, last: Double, min: Double, max: Double, sum: Double, resets: Double) {
        (self.first, self.last, self.min, self.max, self.sum, self.resets) = (first, last, min, max, sum, resets)
    }
}
