/// How far apart the points of a range query are.
public enum StepChoice {
    /// Round steps, in milliseconds.
    static let steps: [Int64] = [
        10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000,
        900_000, 1_200_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000,
        604_800_000,
        2_592_000_000, 31_536_000_000,
    ]

    /// The first round step that gives at most `pointsMax` points over `span`, at least `minimum`.
    public static func step(span: Int64, pointsMax: Int, minimum: Int64) -> Int64 {
        let wanted = max(1, span) / Int64(max(1, pointsMax))
        let round = steps.first { $0 >= wanted } ?? 31_536_000_000
        return max(round, minimum, 1)
    }

    /// Grafana's `$__rate_interval`: wide enough for a rate at any step to see enough scrapes.
    public static func rateInterval(step: Int64, scrape: Int64) -> Int64 { max(step + scrape, 4 * scrape) }
}
