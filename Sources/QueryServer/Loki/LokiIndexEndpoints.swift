import Formats
import LogQL
import Model
import Transport

extension QueryAPI {
    func lokiIndexRoutes(_ logs: any LogSource) -> [HTTPRoute] {
        let both: [HTTPMethod] = [.get, .post]
        return [
            loki(both, "index/stats", logs) { call, writer in
                let range = try call.parameters.properRange()
                let selection = try Self.select(call, range)
                let counting = try LogCounting(selection, range: range, step: nil, call.cancellation)
                let totals = selection.streams.indices.map { counting.total($0) }
                writer.beginObject()
                writer.member("streams", totals.filter { $0.rows > 0 }.count)
                writer.member("chunks", counting.parts)
                writer.member("bytes", Int(totals.reduce(0) { $0 + $1.bytes }))
                writer.member("entries", totals.reduce(0) { $0 + $1.rows })
                writer.endObject()
            },
            loki(both, "index/volume", logs) { call, writer in
                let range = try call.parameters.properRange()
                let volumes = try Self.volumes(call, range, step: nil)
                writer.success { writer in
                    writer.beginObject()
                    writer.member("resultType", "vector")
                    writer.key("result")
                    writer.beginArray()
                    for volume in volumes {
                        writer.beginObject()
                        writer.metric(volume)
                        writer.key("value")
                        writer.beginArray()
                        writer.seconds(milliseconds: range.end / 1_000_000)
                        writer.quotedInteger(Int(volume.total))
                        writer.endArray()
                        writer.endObject()
                    }
                    writer.endArray()
                    writer.noStatistics()
                    writer.endObject()
                }
            },
            loki(both, "index/volume_range", logs) { call, writer in
                let range = try call.parameters.properRange()
                let step = try call.parameters.step(range)
                let volumes = try Self.volumes(call, range, step: step)
                writer.success { writer in
                    writer.beginObject()
                    writer.member("resultType", "matrix")
                    writer.key("result")
                    writer.beginArray()
                    for volume in volumes { writer.volume(volume, start: range.start, step: step) }
                    writer.endArray()
                    writer.noStatistics()
                    writer.endObject()
                }
            },
            loki(both, "patterns", logs) { call, writer in
                let range = try call.parameters.properRange()
                let step = try call.parameters.step(range)
                let limit = try call.parameters.count("limit", otherwise: 300)
                let matchers = try call.logQuery().matchers
                let patterns = try call.snapshot().patterns(
                    matching: matchers, range: range, stepNanoseconds: step, limit: limit,
                    cancellation: call.cancellation)
                writer.success { writer in
                    writer.beginArray()
                    for pattern in patterns { writer.pattern(pattern) }
                    writer.endArray()
                }
            },
        ]
    }

    static func select(_ call: LokiCall, _ range: LogTimeRange) throws -> any LogSelection {
        try call.snapshot().select(
            LogRequest(
                matchers: try call.matcherSets().first ?? [], range: range, cancellation: call.cancellation))
    }

    // MARK: Volumes

    struct Volume {
        let labels: Labels
        /// `labels` is one name, which is shown without a value.
        let isName: Bool
        /// Bytes per step.
        var bytes: [Double]

        var total: Double { bytes.reduce(0, +) }
    }

    /// Bytes by the labels asked for, most first.
    private static func volumes(_ call: LokiCall, _ range: LogTimeRange, step: Int64?) throws -> [Volume] {
        let parameters = call.parameters
        let limit = try parameters.count("limit", otherwise: 100)
        let seriesMax = parameters.options.volumeSeriesMax
        guard limit <= seriesMax else {
            throw LokiError.badRequest("limit is over the maximum of \(seriesMax) volumes")
        }
        let byLabels: Bool
        switch parameters.text("aggregateBy") {
        case "", "series": byLabels = false
        case "labels": byLabels = true
        default: throw LokiError.badRequest("invalid aggregateBy: it is series or labels")
        }
        let targets = parameters.text("targetLabels").split(separator: ",").map { $0.filter { $0 != " " } }
        let wanted = targets.isEmpty ? try call.matcherSets().first?.map(\.name) ?? [] : targets
        let selection = try select(call, range)
        let counting = try LogCounting(selection, range: range, step: step, call.cancellation)
        var volumes: [Labels: [Double]] = [:]
        for (stream, labels) in selection.streams.enumerated() {
            let bytes = counting.counts[stream].map(\.bytes)
            guard counting.total(stream).rows > 0 else { continue }
            for key in keys(labels, wanted, byLabels: byLabels, all: byLabels && targets.isEmpty) {
                var sum = volumes[key] ?? Array(repeating: 0, count: bytes.count)
                for i in bytes.indices { sum[i] += bytes[i] }
                volumes[key] = sum
            }
        }
        let sorted = volumes.map { Volume(labels: $0.key, isName: byLabels, bytes: $0.value) }
            .sorted { ($0.total, $1.labels) > ($1.total, $0.labels) }
        return Array(sorted.prefix(limit))
    }

    /// The sets that a stream counts for: its own, cut to the names wanted; or each of its names by itself.
    private static func keys(_ labels: Labels, _ wanted: [String], byLabels: Bool, all: Bool) -> [Labels] {
        let list = all ? labels.list : labels.list.filter { wanted.contains($0.name) }
        guard byLabels else { return [Labels(list)] }
        // A name by itself has no value, which canonical sets can't say: its own text stands in for it.
        return list.map { Labels([Label($0.name, $0.name)]) }
    }
}

extension JSONWriter {
    fileprivate mutating func metric(_ volume: QueryAPI.Volume) {
        key("metric")
        guard volume.isName else { return labels(volume.labels) }
        beginObject()
        for label in volume.labels.list { member(label.name, "") }
        endObject()
    }

    private mutating func member(_ name: String, _ value: String) {
        key(name)
        string(value)
    }

    fileprivate mutating func volume(_ volume: QueryAPI.Volume, start: Int64, step: Int64) {
        beginObject()
        metric(volume)
        key("values")
        beginArray()
        for (index, bytes) in volume.bytes.enumerated() where bytes > 0 {
            beginArray()
            seconds(milliseconds: (start + Int64(index) * step) / 1_000_000)
            quotedInteger(Int(bytes))
            endArray()
        }
        endArray()
        endObject()
    }

    fileprivate mutating func pattern(_ pattern: LogPattern) {
        beginObject()
        member("pattern", pattern.text)
        key("samples")
        beginArray()
        for (time, count) in pattern.counts {
            beginArray()
            integer(time / 1_000_000_000)
            integer(count)
            endArray()
        }
        endArray()
        endObject()
    }

    fileprivate mutating func noStatistics() {
        key("stats")
        beginObject()
        endObject()
    }
}
