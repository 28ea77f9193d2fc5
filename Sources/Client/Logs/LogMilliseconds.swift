import Model

extension LogTimeRange {
    /// Milliseconds as nanoseconds, at most what fits.
    public static func nanoseconds(milliseconds: Int64) -> Int64 {
        let (value, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? (milliseconds < 0 ? .min : .max) : value
    }

    /// The span from a start to an end in milliseconds.
    public init(milliseconds range: TimeRange) {
        self.init(
            Self.nanoseconds(milliseconds: range.start), Self.nanoseconds(milliseconds: range.end))
    }
}
