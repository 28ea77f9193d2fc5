import Bedrock
import Formats
import Model

/// How many samples a scrape brought.
struct ScrapeCounts: Equatable {
    /// `scrape_samples_scraped`.
    var scraped = 0
    /// `scrape_samples_post_metric_relabeling`.
    var kept = 0
    /// `scrape_series_added`.
    var added = 0
    /// Second samples of one series at one time, left out.
    var repeated = 0
}

/// Turns what a source answered into samples and exemplars of the target, through the target's cache.
struct ScrapeAppender: ~Copyable {
    private let target: ScrapeTarget
    private let timestamp: Int64
    private let samplesMax: Int
    private(set) var counts = ScrapeCounts()
    private var exemplarLabels = ByteBuffer(capacity: 256)

    init(_ target: ScrapeTarget, timestamp: Int64) {
        self.target = target
        self.timestamp = timestamp
        samplesMax = target.job.limits.samplesMax > 0 ? target.job.limits.samplesMax : .max
    }

    /// Appends to `batch`. After an error the batch holds a part, and the cache's scrape must not be committed.
    mutating func append(
        _ body: ScrapeBody, cache: inout SeriesCache, metadata: inout MetadataTracker, into batch: MetricBatch
    ) throws(ScrapeError) {
        switch body {
        case .text(let bytes, let format):
            try bytes.withUnsafeBufferPointer { (buffer) throws(ScrapeError) in
                var parser = ExpositionParser(UnsafeRawBufferPointer(buffer), format: format)
                try append(&parser, &cache, &metadata, batch)
            }
        case .samples(let samples): try append(samples, &cache, &metadata, batch)
        }
        // Only now, so that the counts tell by how much.
        if counts.kept > samplesMax { throw .sampleLimit(samplesMax) }
    }

    private mutating func append(
        _ parser: inout ExpositionParser, _ cache: inout SeriesCache, _ metadata: inout MetadataTracker,
        _ batch: MetricBatch
    ) throws(ScrapeError) {
        while true {
            switch try Self.next(&parser) {
            case .sample:
                let key = parser.series
                var found = cache.find(key)
                if found == .unknown {
                    let labels = try Self.labels(&parser)
                    found = cache.insert(
                        key,
                        try SampleLabels.stored(labels, explicitlyEmpty: Self.emptyLabels(parser.rawLabels), target))
                }
                let own = target.job.honorTimestamps ? parser.timestamp : nil
                if add(found, own, parser.value, &cache, batch), parser.hasExemplar {
                    addExemplar(&parser, found, own, &cache, batch)
                }
            case .type: if metadata.isListening { metadata.note(parser.family) { $0.kind = parser.kind } }
            case .help: if metadata.isListening { metadata.note(parser.family) { $0.help = parser.help } }
            case .unit: if metadata.isListening { metadata.note(parser.family) { $0.unit = parser.text } }
            case .comment: break
            case .end: return
            }
        }
    }

    private mutating func append(
        _ samples: MetricBatch, _ cache: inout SeriesCache, _ metadata: inout MetadataTracker, _ batch: MetricBatch
    ) throws(ScrapeError) {
        for (index, entry) in samples.entries.enumerated() {
            var found = samples.withLabels(index) { cache.find($0) }
            if found == .unknown {
                let labels = samples.labels(index)
                let stored = try SampleLabels.stored(labels, target)
                found = labels.storage.withUnsafeBytes { cache.insert($0, stored) }
            }
            for row in entry.firstRow..<entry.firstRow + entry.rowCount {
                guard add(found, nil, samples.values[row], &cache, batch) else { continue }
                for item in samples.exemplars[samples.exemplars(of: index)] {
                    samples.withLabels(item) {
                        addExemplar($0, item.value, item.timestamp, own: item.timestamp, found, &cache, batch)
                    }
                }
            }
        }
        if metadata.isListening {
            for item in samples.metadata { metadata.note(item.family) { $0 = item } }
        }
    }

    /// Targets show an exemplar until there is a newer one; it is sent once. One with labels that are none is left out.
    private mutating func addExemplar(
        _ parser: inout ExpositionParser, _ found: SeriesCache.Lookup, _ sampleTime: Int64?,
        _ cache: inout SeriesCache, _ batch: MetricBatch
    ) {
        exemplarLabels.clear()
        do throws(ExpositionError) { try parser.appendExemplarLabels(to: &exemplarLabels) } catch { return }
        let time = parser.exemplarTimestamp ?? sampleTime ?? timestamp
        addExemplar(
            exemplarLabels.bytes, parser.exemplarValue, time, own: parser.exemplarTimestamp, found, &cache, batch)
    }

    private func addExemplar(
        _ labels: UnsafeRawBufferPointer, _ value: Double, _ time: Int64, own: Int64?, _ found: SeriesCache.Lookup,
        _ cache: inout SeriesCache, _ batch: MetricBatch
    ) {
        guard case .series(let number) = found else { return }
        let seed = value.bitPattern ^ UInt64(bitPattern: own ?? 0) &* 0x9e37_79b9_7f4a_7c15
        guard cache.noteExemplar(number, hash: max(1, Hash128(of: labels, seed: seed).low)) else { return }
        batch.appendExemplar(canonical: labels, value: value, timestamp: time)
    }

    /// Whether the sample went into the batch.
    @inline(__always)
    private mutating func add(
        _ found: SeriesCache.Lookup, _ own: Int64?, _ value: Double, _ cache: inout SeriesCache, _ batch: MetricBatch
    ) -> Bool {
        counts.scraped += 1
        guard case .series(let number) = found else { return false }
        switch cache.touch(number, isSelfTimed: own != nil) {
        case .repeated where own == nil:
            counts.repeated += 1
            return false
        case .added: counts.added += 1
        case .known, .repeated: break
        }
        counts.kept += 1
        // Beyond the limit it is only counted.
        guard counts.kept <= samplesMax else { return false }
        batch.beginSeries(cache.labels(number))
        batch.append(timestamp: own ?? timestamp, value: value)
        return true
    }

    private static func next(_ parser: inout ExpositionParser) throws(ScrapeError) -> ExpositionParser.Entry {
        do throws(ExpositionError) { return try parser.next() } catch { throw .malformed(error) }
    }

    private static func labels(_ parser: inout ExpositionParser) throws(ScrapeError) -> Labels {
        do throws(ExpositionError) { return try parser.labels() } catch { throw .malformed(error) }
    }

    /// Names that stand in the text with an empty value, which a canonical label set doesn't show.
    private static func emptyLabels(_ labels: ContiguousArray<ExpositionParser.RawLabel>) -> Set<String> {
        var result: Set<String> = []
        for label in labels where label.value.isEmpty { result.insert(String(decoding: label.name, as: UTF8.self)) }
        return result
    }
}
