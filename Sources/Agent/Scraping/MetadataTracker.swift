import Model

/// Which families' metadata a target has shown, and what of it is still to be passed on. Not thread-safe.
///
/// Metadata hardly changes, so it is read only where there is reason to: in the first scrapes, after new series, and now and then.
struct MetadataTracker {
    /// Scrapes between two looks without a reason.
    private static let scrapesBetweenLooks = 60
    /// All of it is passed on again after this, so that it outlives the retention of what was stored. Milliseconds.
    private static let resendInterval: Int64 = 30 * 60_000

    private var known: [String: MetricMetadata] = [:]
    private var changed: Set<String> = []
    private var scrapesLeft = 0
    private var lastResend: Int64?

    /// Whether the current scrape's metadata is of interest.
    private(set) var isListening = true

    mutating func begin() {
        isListening = scrapesLeft <= 0
        scrapesLeft = isListening ? Self.scrapesBetweenLooks : scrapesLeft - 1
    }

    /// Listen next time: new series have come, or the scrape failed.
    mutating func invalidate() { scrapesLeft = 0 }

    mutating func note(_ family: String, _ change: (inout MetricMetadata) -> Void) {
        let before = known[family]
        var item = before ?? MetricMetadata(family: family, kind: .unknown)
        change(&item)
        guard item != before else { return }
        known[family] = item
        changed.insert(family)
    }

    /// Appends what has to be passed on now.
    mutating func flush(into batch: MetricBatch, now: Int64) {
        let resends = lastResend.map { now - $0 >= Self.resendInterval || now < $0 } ?? true
        if resends { lastResend = now }
        for family in (resends ? Set(known.keys) : changed).sorted() {
            if let item = known[family] { batch.append(item) }
        }
        changed.removeAll(keepingCapacity: true)
    }
}
