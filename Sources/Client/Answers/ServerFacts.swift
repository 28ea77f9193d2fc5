import Formats

/// What a metric is, as its exposition told.
public struct MetricDescription: Equatable, Sendable {
    public var name: String
    public var type: String
    public var help: String
    public var unit: String

    static func list(_ data: JSONValue) -> [MetricDescription] {
        (data.object?.members ?? []).flatMap { member in
            (member.value.array ?? []).map { entry in
                MetricDescription(
                    name: member.key, type: entry["type"]?.string ?? "", help: entry["help"]?.string ?? "",
                    unit: entry["unit"]?.string ?? "")
            }
        }
    }
}

/// A scrape target as the server sees it.
public struct ScrapeTarget: Equatable, Sendable {
    public var pool: String
    public var url: String
    /// `up`, `down` or `unknown`; `dropped` where relabelling dropped it.
    public var health: String
    public var lastError: String
    /// RFC 3339, empty before the first scrape.
    public var lastScrape: String
    public var lastScrapeSeconds: Double
    /// Labels in the order of the server.
    public var labels: [(name: String, value: String)]

    public static func == (a: ScrapeTarget, b: ScrapeTarget) -> Bool {
        a.pool == b.pool && a.url == b.url && a.health == b.health && a.lastError == b.lastError
            && a.lastScrape == b.lastScrape && a.lastScrapeSeconds == b.lastScrapeSeconds
            && a.labels.elementsEqual(b.labels) { $0.name == $1.name && $0.value == $1.value }
    }

    static func list(_ data: JSONValue) -> [ScrapeTarget] {
        let active = (data["activeTargets"]?.array ?? []).map {
            one($0, labels: $0["labels"], health: $0["health"]?.string)
        }
        let dropped = (data["droppedTargets"]?.array ?? []).map {
            one($0, labels: $0["discoveredLabels"], health: "dropped")
        }
        return active + dropped
    }

    private static func one(_ value: JSONValue, labels: JSONValue?, health: String?) -> ScrapeTarget {
        ScrapeTarget(
            pool: value["scrapePool"]?.string ?? "", url: value["scrapeUrl"]?.string ?? "", health: health ?? "unknown",
            lastError: value["lastError"]?.string ?? "", lastScrape: value["lastScrape"]?.string ?? "",
            lastScrapeSeconds: value["lastScrapeDuration"]?.number ?? 0,
            labels: (labels?.object?.members ?? []).map { ($0.key, $0.value.string ?? "") })
    }
}
