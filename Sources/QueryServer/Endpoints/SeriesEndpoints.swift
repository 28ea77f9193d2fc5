import Formats
import Model
import PromQL
import Transport

extension QueryAPI {
    func seriesRoutes() -> [HTTPRoute] {
        let both: [HTTPMethod] = [.get, .post]
        return [
            reading(both, "series") { [self] call, writer in try series(call, &writer) },
            reading(both, "labels") { [self] call, writer in
                try names(call, &writer) { snapshot, sets, range in
                    try snapshot.labelNames(matching: sets, range: range, cancellation: call.cancellation)
                }
            },
            reading([.get], "label/*/values") { [self] call, writer in
                let name = EscapedName.decode(call.parameters.text("*"))
                guard !name.isEmpty else { throw APIError.badData("invalid label name: \(quoted(name))") }
                return try names(call, &writer) { snapshot, sets, range in
                    try snapshot.labelValues(name, matching: sets, range: range, cancellation: call.cancellation)
                }
            },
            reading([.get], "metadata") { [self] call, writer in try metadata(call, &writer) },
        ]
    }

    private func series(_ call: QueryCall, _ writer: inout JSONWriter) throws -> Remarks {
        let parameters = call.parameters
        guard parameters.request.parameter("match[]") != nil else {
            throw APIError.badData("no match[] parameter provided")
        }
        let limit = try parameters.limit()
        let range = try parameters.range()
        let sets: [[Matcher]]
        do throws(APIError) { sets = try parameters.matcherSets() } catch {
            throw APIError.parameter("match[]", error.text)
        }
        var found: [Labels] = []
        if !range.isEmpty {
            let snapshot = try dependencies.source.snapshot(tenant: call.tenant)
            for matchers in sets {
                let selection = try snapshot.select(
                    SeriesRequest(
                        matchers: matchers, range: range, columns: .labels, cancellation: call.cancellation))
                found = found.merged(with: selection)
                call.note { $0.seriesSelected += selection.count }
                try call.cancellation.check()
            }
        }
        var remarks = Remarks()
        remarks.truncate(&found, to: limit)
        writer.beginArray()
        for labels in found { writer.labels(labels) }
        writer.endArray()
        return remarks
    }

    /// A sorted list of texts that a snapshot gives.
    private func names(
        _ call: QueryCall, _ writer: inout JSONWriter,
        _ read: (any SeriesSnapshot, [[Matcher]], TimeRange) throws -> [String]
    ) throws -> Remarks {
        let parameters = call.parameters
        let limit = try parameters.limit()
        let range = try parameters.range()
        let sets = try parameters.matcherSets()
        var found =
            range.isEmpty ? [] : try read(try dependencies.source.snapshot(tenant: call.tenant), sets, range)
        var remarks = Remarks()
        remarks.truncate(&found, to: limit)
        writer.strings(found)
        return remarks
    }

    private func metadata(_ call: QueryCall, _ writer: inout JSONWriter) throws -> Remarks {
        let parameters = call.parameters
        let familiesMax = try parameters.integer("limit") ?? -1
        let perFamilyMax = try parameters.integer("limit_per_metric") ?? -1
        let metric = parameters.text("metric")
        let known = try dependencies.source.snapshot(tenant: call.tenant)
            .metadata(family: metric.isEmpty ? nil : metric)
        var families = 0
        var index = 0
        writer.beginObject()
        while index < known.count, familiesMax < 0 || families < familiesMax {
            let family = known[index].family
            writer.key(family)
            writer.beginArray()
            var written = 0
            while index < known.count, known[index].family == family {
                if perFamilyMax <= 0 || written < perFamilyMax {
                    writer.metadata(known[index])
                    written += 1
                }
                index += 1
            }
            writer.endArray()
            families += 1
        }
        writer.endObject()
        return Remarks()
    }
}

extension [Labels] {
    /// Both sorted sets as one, without repeats.
    func merged(with selection: any SeriesSelection) -> [Labels] {
        var result: [Labels] = []
        result.reserveCapacity(count + selection.count)
        var i = 0
        var j = 0
        while i < count || j < selection.count {
            if j == selection.count {
                result.append(self[i])
                i += 1
                continue
            }
            let other = selection.labels(j)
            if i < count, self[i] < other {
                result.append(self[i])
                i += 1
            } else {
                if i < count, self[i] == other { i += 1 }
                result.append(other)
                j += 1
            }
        }
        return result
    }
}

extension JSONWriter {
    fileprivate mutating func metadata(_ metadata: MetricMetadata) {
        beginObject()
        member("type", metadata.kind.rawValue)
        member("help", metadata.help)
        member("unit", metadata.unit)
        endObject()
    }
}
