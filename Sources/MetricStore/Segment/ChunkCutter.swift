/// Where the rows of a series are cut into chunks: at round times, so that series scraped together are cut alike and share their
/// timestamp columns, whenever each of them began.
enum ChunkCutter {
    /// Milliseconds: 7.5 minutes doubled up to 8 hours, a day, a week. Each divides the next, and all divide a week.
    private static let spans: InlineArray<9, Int64> = [
        450_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000, 28_800_000, 86_400_000, 604_800_000,
    ]

    /// Calls `body` with consecutive row ranges that cover all of `count` ascending timestamps, none over `chunkRowsMax` rows.
    static func cut(
        _ timestamps: UnsafePointer<Int64>, count: Int, _ body: (Range<Int>) throws -> Void
    ) rethrows {
        guard count > 0 else { return }
        let span = spanFor(timestamps, count: count)
        var start = 0
        while start < count {
            let cell = floorDivide(timestamps[start], span)
            var end = start + 1
            let limit = min(count, start + SegmentLayout.chunkRowsMax)
            // The last timestamp of the cell, unless that overflows at the very end of time.
            let (next, overflow) = (cell + 1).multipliedReportingOverflow(by: span)
            while end < limit, overflow || timestamps[end] < next { end += 1 }
            try body(start..<end)
            start = end
        }
    }

    /// The longest span in which rows of this density are about a chunk.
    private static func spanFor(_ timestamps: UnsafePointer<Int64>, count: Int) -> Int64 {
        let duration = Double(timestamps[count - 1]) - Double(timestamps[0])
        let perMillisecond = Double(count - 1) / max(duration, 1)
        var at = spans.count - 1
        while at > 0, perMillisecond * Double(spans[at]) > Double(SegmentLayout.chunkRowsTarget) + 0.5 { at -= 1 }
        return spans[at]
    }

    private static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
        let quotient = a / b
        return a % b < 0 ? quotient - 1 : quotient
    }
}
