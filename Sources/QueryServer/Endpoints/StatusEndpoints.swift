import Bedrock
import Formats
import Model
import Transport

extension QueryAPI {
    func statusRoutes() -> [HTTPRoute] {
        [
            quick("targets") { [self] call, writer in
                writer.targets(dependencies.targets(), call.parameters)
                return Remarks()
            },
            quick("scrape_pools") { [self] _, writer in
                let targets = dependencies.targets()
                let pools = Set(targets.active.map(\.scrapePool) + targets.dropped.map(\.scrapePool))
                writer.beginObject()
                writer.key("scrapePools")
                writer.strings(pools.sorted(by: utf8Precedes))
                writer.endObject()
                return Remarks()
            },
            quick("status/config") { [self] _, writer in
                writer.beginObject()
                writer.member("yaml", dependencies.configuration())
                writer.endObject()
                return Remarks()
            },
            quick("status/flags") { [self] _, writer in
                writer.beginObject()
                for (name, value) in dependencies.flags() {
                    writer.key(name)
                    writer.string(value)
                }
                writer.endObject()
                return Remarks()
            },
            quick("status/runtimeinfo") { [self] _, writer in
                writer.runtime(dependencies.runtime(), now: dependencies.clock.now())
                return Remarks()
            },
            quick("status/buildinfo", whenReady: false) { [self] _, writer in
                writer.build(dependencies.build)
                return Remarks()
            },
            quick("status/walreplay", whenReady: false) { [self] _, writer in
                writer.replay(dependencies.replay())
                return Remarks()
            },
            reading([.get], "status/tsdb") { [self] call, writer in try storage(call, &writer) },
            // Rules come with a room of their own; until then there are none, and clients that look for them find that.
            quick("rules") { _, writer in
                writer.emptyLists(["groups"])
                return Remarks()
            },
            quick("alerts") { _, writer in
                writer.emptyLists(["alerts"])
                return Remarks()
            },
            quick("alertmanagers") { _, writer in
                writer.emptyLists(["activeAlertmanagers", "droppedAlertmanagers"])
                return Remarks()
            },
        ]
    }

    private static let storageLimitMax = 10_000

    private func storage(_ call: QueryCall, _ writer: inout JSONWriter) throws -> Remarks {
        let text = call.parameters.text("limit")
        let limit = text.isEmpty ? 10 : (try? GoInteger.parse(text)) ?? 0
        guard limit >= 1 else { throw APIError.badData("limit must be a positive number") }
        guard limit <= Self.storageLimitMax else {
            throw APIError.badData("limit must not exceed \(Self.storageLimitMax)")
        }
        let status =
            if let given = dependencies.storage {
                try given(limit)
            } else {
                try StorageSurvey.count(dependencies.source, tenant: call.tenant, limit: limit, call.cancellation)
            }
        writer.storage(status)
        return Remarks()
    }
}

extension JSONWriter {
    fileprivate mutating func emptyLists(_ names: [StaticString]) {
        beginObject()
        for name in names {
            key(name)
            beginArray()
            endArray()
        }
        endObject()
    }

    fileprivate mutating func targets(_ targets: TargetsStatus, _ parameters: Parameters) {
        let state = parameters.text("state").lowercased()
        let pool = parameters.text("scrapePool")
        let isAny = state.isEmpty || state == "any"
        beginObject()
        key("activeTargets")
        beginArray()
        if isAny || state == "active" {
            for target in targets.active where pool.isEmpty || target.scrapePool == pool { self.target(target) }
        }
        endArray()
        key("droppedTargets")
        beginArray()
        if isAny || state == "dropped" {
            for target in targets.dropped where pool.isEmpty || target.scrapePool == pool {
                beginObject()
                key("discoveredLabels")
                labels(target.discoveredLabels)
                member("scrapePool", target.scrapePool)
                endObject()
            }
        }
        endArray()
        key("droppedTargetCounts")
        if isAny || state == "dropped" {
            beginObject()
            for (pool, count) in targets.droppedCounts.sorted(by: { utf8Precedes($0.key, $1.key) }) {
                key(pool)
                integer(count)
            }
            endObject()
        } else {
            null()
        }
        endObject()
    }

    private mutating func target(_ target: TargetsStatus.Active) {
        beginObject()
        key("discoveredLabels")
        labels(target.discoveredLabels)
        key("labels")
        labels(target.labels)
        member("scrapePool", target.scrapePool)
        member("scrapeUrl", target.scrapeURL)
        member("globalUrl", target.globalURL)
        member("lastError", target.lastError)
        member("lastScrape", target.lastScrape.map { UTCTime(milliseconds: $0).iso8601 } ?? RFC3339.never)
        member("lastScrapeDuration", target.lastScrapeSeconds)
        member("health", target.health)
        member("scrapeInterval", PrometheusDuration.format(milliseconds: target.scrapeInterval))
        member("scrapeTimeout", PrometheusDuration.format(milliseconds: target.scrapeTimeout))
        endObject()
    }

    fileprivate mutating func runtime(_ status: RuntimeStatus, now: Int64) {
        beginObject()
        member("startTime", UTCTime(milliseconds: status.startTime).iso8601)
        member("CWD", status.workingDirectory)
        member("hostname", status.hostname)
        member("serverTime", UTCTime(milliseconds: now).iso8601)
        key("reloadConfigSuccess")
        bool(status.isConfigurationLoaded)
        member("lastConfigTime", UTCTime(milliseconds: status.configurationTime).iso8601)
        member("corruptionCount", status.corruptionCount)
        // Prometheus' names, whose clients want them: threads and cores are what comes nearest.
        member("goroutineCount", status.threadCount)
        member("GOMAXPROCS", status.coreCount)
        member("GOMEMLIMIT", 0)
        member("GOGC", "")
        member("GODEBUG", "")
        member("storageRetention", status.retention)
        endObject()
    }

    fileprivate mutating func build(_ status: BuildStatus) {
        beginObject()
        member("version", status.version)
        member("revision", status.revision)
        member("branch", status.branch)
        member("buildUser", status.buildUser)
        member("buildDate", status.buildDate)
        member("goVersion", status.runtime)
        endObject()
    }

    fileprivate mutating func replay(_ status: ReplayStatus) {
        beginObject()
        key("min")
        integer(status.first)
        key("max")
        integer(status.last)
        key("current")
        integer(status.current)
        member("state", status.state.rawValue)
        endObject()
    }

    fileprivate mutating func storage(_ status: StorageStatus) {
        beginObject()
        key("headStats")
        beginObject()
        member("numSeries", status.seriesCount)
        member("numLabelPairs", status.labelPairCount)
        member("chunkCount", status.chunkCount)
        key("minTime")
        integer(status.timeMin)
        key("maxTime")
        integer(status.timeMax)
        endObject()
        counts("seriesCountByMetricName", status.seriesByMetric)
        counts("labelValueCountByLabelName", status.valuesByLabel)
        counts("memoryInBytesByLabelName", status.bytesByLabel)
        counts("seriesCountByLabelValuePair", status.seriesByPair)
        endObject()
    }

    private mutating func counts(_ name: StaticString, _ counts: [StorageStatus.Count]) {
        key(name)
        beginArray()
        for count in counts {
            beginObject()
            member("name", count.name)
            member("value", count.value)
            endObject()
        }
        endArray()
    }
}
