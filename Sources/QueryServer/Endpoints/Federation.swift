import Bedrock
import Formats
import Model

/// The newest sample of each matching series, in Prometheus' text format, for another server to scrape.
struct Federation {
    private static let seriesAtOnce = 512

    private let api: QueryAPI

    init(_ api: QueryAPI) { self.api = api }

    func exposition(_ call: QueryCall) throws(APIError) -> [UInt8] {
        let sets = try call.parameters.matcherSets()
        var family = ""
        var output = ByteBuffer(capacity: 64 << 10)
        do {
            for sample in try newest(call, sets).sorted(by: Self.precedes) {
                // A nameless series can't be written.
                guard let name = sample.labels[Labels.metricName] else { continue }
                if name != family {
                    output.append(utf8: "# TYPE \(Self.shown(name)) untyped\n")
                    family = name
                }
                write(sample, name, to: &output)
            }
        } catch {
            throw APIError(error)
        }
        return output.array()
    }

    private struct Newest {
        let labels: Labels
        let timestamp: Int64
        let value: Double
    }

    /// By name, then by all labels.
    private static func precedes(_ a: Newest, _ b: Newest) -> Bool {
        let x = a.labels[Labels.metricName] ?? ""
        let y = b.labels[Labels.metricName] ?? ""
        return x != y ? utf8Precedes(x, y) : a.labels < b.labels
    }

    private func newest(_ call: QueryCall, _ sets: [[Matcher]]) throws -> [Newest] {
        let now = api.dependencies.clock.now()
        let range = TimeRange(now - api.dependencies.engine.lookbackMilliseconds, now)
        let budget = QueryBudget(samplesMax: api.dependencies.engine.samplesMax)
        let snapshot = try api.dependencies.source.snapshot(tenant: call.tenant)
        let batch = SeriesBatch()
        var found: [Labels: Newest] = [:]
        for matchers in sets {
            let selection = try snapshot.select(
                SeriesRequest(matchers: matchers, range: range, budget: budget, cancellation: call.cancellation))
            call.note { $0.seriesSelected += selection.count }
            var next = 0
            while next < selection.count {
                let some = next..<min(next + Self.seriesAtOnce, selection.count)
                try selection.read(some, into: batch)
                let samples = batch.rowCount + batch.histograms.count
                budget.release(samples)
                call.note { $0.samplesRead += samples }
                for (offset, index) in some.enumerated() {
                    guard let last = batch.times(offset).last, let value = batch.floats(offset).last else { continue }
                    // A series that goes on as a native histogram has no text form; one that has ended is left out.
                    if let histogram = batch.histogramRows(offset).last, histogram.timestamp > last { continue }
                    if StaleMarker.matches(value) { continue }
                    let labels = selection.labels(index)
                    found[labels] = Newest(labels: labels, timestamp: last, value: value)
                }
                next = some.upperBound
            }
        }
        return Array(found.values)
    }

    private func write(_ sample: Newest, _ name: String, to output: inout ByteBuffer) {
        var pairs: [String] = []
        let isLegacy = isLegacyMetricName(name)
        if !isLegacy { pairs.append(Self.quotedValue(name)) }
        for label in sample.labels.list where label.name != Labels.metricName {
            pairs.append(Self.pair(label.name, label.value))
        }
        for label in api.dependencies.externalLabels.list where sample.labels[label.name] == nil {
            pairs.append(Self.pair(label.name, label.value))
        }
        // An empty instance keeps the scraping server from putting this server's in its place.
        if sample.labels["instance"] == nil, api.dependencies.externalLabels["instance"] == nil {
            pairs.append(Self.pair("instance", ""))
        }
        if isLegacy { output.append(utf8: name) }
        output.append(utf8: "{" + pairs.joined(separator: ",") + "} ")
        output.append(float: sample.value, .general)
        output.append(UInt8(ascii: " "))
        output.append(decimal: sample.timestamp)
        output.append(UInt8(ascii: "\n"))
    }

    private static func shown(_ name: String) -> String { isLegacyMetricName(name) ? name : quotedValue(name) }

    private static func pair(_ name: String, _ value: String) -> String {
        (isLegacyLabelName(name) ? name : quotedValue(name)) + "=" + quotedValue(value)
    }

    /// The text format knows three escapes.
    private static func quotedValue(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": out += "\\\\"
            case "\"": out += "\\\""
            case "\n": out += "\\n"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
