/// A target that must not be scraped, because its job has too many: each scrape fails with the reason.
struct RefusedScrapeSource: ScrapeSource {
    let reason: ScrapeError

    func fetch(_ target: ScrapeTarget, done: @escaping @Sendable (Result<ScrapeBody, ScrapeError>) -> Void) {
        done(.failure(reason))
    }
}
