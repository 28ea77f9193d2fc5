import Bedrock
import Model

/// One target's life: when it is due, what is in flight, its cache and its status. Owned by a `ScrapeWorker`; not thread-safe.
final class TargetLoop {
    /// A scrape that starts so close to its time is stamped with that time, milliseconds: regular timestamps cost next to nothing to store.
    private static let alignmentMax: Int64 = 10
    /// Milliseconds within which a new target is scraped for the first time.
    private static let firstWaitMax: Int64 = 2_000

    private(set) var target: ScrapeTarget
    private(set) var source: any ScrapeSource
    private var cache = SeriesCache()
    private var metadata = MetadataTracker()
    private var report: ReportSeries
    private(set) var health = TargetStatus.Health.unknown
    private(set) var lastError = ""
    private(set) var lastScrape: Int64?
    private(set) var lastSeconds = 0.0
    private var hasSucceeded = false

    /// When the next scrape begins: monotonic nanoseconds, and the wall clock's time that stands for.
    private(set) var due: UInt64 = 0
    private var dueTimestamp: Int64 = 0
    private var isOnGrid = false
    private(set) var flight: Flight?

    /// A scrape under way.
    struct Flight {
        let number: UInt64
        let timestamp: Int64
        let began: UInt64
    }

    init(_ target: ScrapeTarget, _ source: any ScrapeSource, clock: any ClockSource) {
        self.target = target
        self.source = source
        report = ReportSeries(target.labels)
        scheduleFirst(clock)
    }

    /// Takes over a changed configuration of the same target; what is known of its series stays, unless they would look different.
    func update(_ next: ScrapeTarget, _ source: any ScrapeSource, clock: any ClockSource) {
        let before = target
        target = next
        self.source = source
        if before.interval != next.interval { scheduleOnGrid(clock) }
        let looksSame =
            before.job.honorLabels == next.job.honorLabels
            && before.job.metricRelabelRules == next.job.metricRelabelRules
            && before.job.limits == next.job.limits
        if !looksSame { cache.forgetRules() }
    }

    /// The first scrape comes soon, so that a newcomer sees something; the spread keeps many targets from coming at once.
    private func scheduleFirst(_ clock: any ClockSource) {
        let wait = target.offset % min(target.interval, Self.firstWaitMax)
        due = clock.monotonicNanoseconds() + UInt64(wait) * 1_000_000
        dueTimestamp = clock.now() + wait
        isOnGrid = false
    }

    /// The next time at which the target's offset in the interval falls.
    private func scheduleOnGrid(_ clock: any ClockSource) {
        let now = clock.now()
        let sinceTick = (now - target.offset) % target.interval
        let wait = sinceTick < 0 ? -sinceTick : target.interval - sinceTick
        due = clock.monotonicNanoseconds() + UInt64(wait) * 1_000_000
        dueTimestamp = now + wait
        isOnGrid = true
    }

    /// Starts a scrape that is due.
    func begin(number: UInt64, clock: any ClockSource) -> Flight {
        let now = clock.now()
        let monotonic = clock.monotonicNanoseconds()
        let late = monotonic - min(due, monotonic)
        let lag = now - dueTimestamp
        let isAligned = isOnGrid && lag >= 0 && lag <= min(Self.alignmentMax, target.interval / 100)
        let flight = Flight(number: number, timestamp: isAligned ? dueTimestamp : now, began: monotonic)
        self.flight = flight
        // Where the two clocks disagree, the wall clock was set.
        if !isOnGrid || abs(lag - Int64(late / 1_000_000)) > Self.alignmentMax {
            scheduleOnGrid(clock)
        } else {
            // Ticks that were missed are left out.
            let ticks = 1 + late / (UInt64(target.interval) * 1_000_000)
            due += ticks * UInt64(target.interval) * 1_000_000
            dueTimestamp += Int64(ticks) * target.interval
        }
        return flight
    }

    /// Ends the scrape in flight: fills `batch` (empty so far) with everything that follows from it.
    func finish(
        _ result: Result<ScrapeBody, ScrapeError>, clock: any ClockSource, into batch: MetricBatch
    ) -> ScrapeCounts {
        var counts = ScrapeCounts()
        guard let flight else { return counts }
        self.flight = nil
        var failure: ScrapeError?
        cache.begin()
        metadata.begin()
        switch result {
        case .failure(let error): failure = error
        case .success(let body):
            var appender = ScrapeAppender(target, timestamp: flight.timestamp)
            do throws(ScrapeError) {
                try appender.append(body, cache: &cache, metadata: &metadata, into: batch)
            } catch {
                failure = error
                batch.clear()
                cache.forgetExemplars()
            }
            counts = appender.counts
        }
        if failure == nil {
            cache.commit(tracksSelfTimed: target.job.tracksTimestampsStaleness) {
                Self.appendEnd($0, flight.timestamp, batch)
            }
        } else {
            cache.endAll { Self.appendEnd($0, flight.timestamp, batch) }
        }
        if failure != nil || counts.added > 0 { metadata.invalidate() }
        lastError = failure?.description ?? ""
        health = failure == nil ? .up : .down
        lastScrape = flight.timestamp
        lastSeconds = Double(clock.monotonicNanoseconds() - flight.began) / 1e9
        report.append(isUp: failure == nil, seconds: lastSeconds, counts, at: flight.timestamp, into: batch)
        metadata.flush(into: batch, now: flight.timestamp)
        if failure == nil { hasSucceeded = true }
        if target.job.isOptional && !hasSucceeded { batch.clear() }
        return counts
    }

    func status(hostName: String) -> TargetStatus {
        TargetStatus(
            discoveredLabels: target.discovered, labels: target.labels, scrapePool: target.job.name,
            scrapeURL: target.url, globalURL: GlobalURL.of(target.url, hostName: hostName), lastError: lastError,
            lastScrape: lastScrape, lastScrapeSeconds: lastSeconds, health: health, scrapeInterval: target.interval,
            scrapeTimeout: target.timeout)
    }

    /// Ends the target: staleness markers for everything it had.
    func end(at timestamp: Int64, into batch: MetricBatch) {
        flight = nil
        guard let lastScrape, hasSucceeded || !target.job.isOptional else { return }
        let timestamp = max(timestamp, lastScrape + 1)
        cache.endAll { Self.appendEnd($0, timestamp, batch) }
        report.appendEnd(at: timestamp, into: batch)
    }

    private static func appendEnd(_ labels: Labels, _ timestamp: Int64, _ batch: MetricBatch) {
        batch.beginSeries(labels)
        batch.append(timestamp: timestamp, value: StaleMarker.value)
    }
}
