import Bedrock
import Formats
import Kernels
import Model
import TraceQL
import Transport

extension QueryAPI {
    static func traceEngineOptions(_ dependencies: QueryDependencies, _ pool: QueryPool) -> TraceQLEngineOptions {
        var options = TraceQLEngineOptions()
        options.tracesMax = dependencies.traceOptions.tracesMax
        options.spansMax = dependencies.traceOptions.spansMax
        options.pool = pool
        return options
    }

    func tempoSearchRoutes(_ prefix: String, _ spans: any SpanSource) -> [HTTPRoute] {
        [
            tempo(prefix + "search", spans) { [self] call, writer in try search(call, &writer) },
            tempo(prefix + "metrics/query_range", spans) { [self] call, writer in try metricsRange(call, &writer) },
            tempo(prefix + "metrics/query", spans) { [self] call, writer in try metricsInstant(call, &writer) },
        ]
    }

    // MARK: Search

    private func search(_ call: TempoCall, _ writer: inout JSONWriter) throws {
        let parameters = call.parameters
        let query = try parameters.query()
        let limit = try parameters.count("limit", otherwise: 20, most: dependencies.traceOptions.tracesMax)
        let spans = try parameters.count("spss", otherwise: 3, least: 0, most: traceEngine.options.spansPerSetMax)
        let range = try parameters.range()
        call.call.note { $0.span = (range.start / 1_000_000, range.end / 1_000_000, 0) }
        let result = try traceEngine.search(
            query, range: range, limit: limit, spansPerSet: spans, source: call.spans, tenant: call.tenant,
            cancellation: call.cancellation)
        call.call.note {
            $0.samplesRead = result.statistics.spansScanned
            $0.seriesSelected = result.traces.count
        }
        writer.beginObject()
        writer.key("traces")
        writer.beginArray()
        for trace in result.traces { writer.found(trace) }
        writer.endArray()
        writer.inspected(result.inspectedTraces, result.statistics)
        writer.endObject()
    }

    // MARK: Numbers

    private func metricsRange(_ call: TempoCall, _ writer: inout JSONWriter) throws {
        let parameters = call.parameters
        let query = try parameters.query()
        let range = try parameters.range()
        let length = range.end.subtractingReportingOverflow(range.start)
        guard !length.overflow else { throw TempoError.badRequest("the range is too long") }
        // About a hundred points, in whole seconds.
        let standard = max(length.partialValue / 100 / TempoParameters.second, 1) * TempoParameters.second
        let step = try parameters.duration("step") ?? standard
        guard step > 0 else { throw TempoError.badRequest("step must be over 0") }
        let exemplars = try parameters.count(
            "exemplars", otherwise: 0, least: 0, most: traceEngine.options.exemplarsMax)
        call.call.note { $0.span = (range.start / 1_000_000, range.end / 1_000_000, step / 1_000_000) }
        let result = try traceEngine.metrics(
            query, start: range.start, end: range.end, step: step, exemplars: exemplars, source: call.spans,
            tenant: call.tenant, cancellation: call.cancellation)
        call.call.note { $0.samplesRead = result.statistics.spansScanned }
        writer.beginObject()
        writer.key("series")
        writer.beginArray()
        for series in result.series {
            writer.beginObject()
            writer.labels(of: series)
            writer.key("samples")
            writer.beginArray()
            for (time, value) in zip(series.timestamps, series.values) {
                writer.beginObject()
                writer.key("timestampMs")
                writer.quotedInteger(time / 1_000_000)
                writer.member("value", value)
                writer.endObject()
            }
            writer.endArray()
            if !series.exemplars.isEmpty { writer.exemplars(series.exemplars) }
            writer.endObject()
        }
        writer.endArray()
        writer.inspected(result.inspectedTraces, result.statistics)
        writer.endObject()
    }

    private func metricsInstant(_ call: TempoCall, _ writer: inout JSONWriter) throws {
        let query = try call.parameters.query()
        let range = try call.parameters.range()
        let result = try traceEngine.instant(
            query, start: range.start, end: range.end, source: call.spans, tenant: call.tenant,
            cancellation: call.cancellation)
        call.call.note { $0.samplesRead = result.statistics.spansScanned }
        writer.beginObject()
        writer.key("series")
        writer.beginArray()
        for series in result.series {
            guard let value = series.values.last else { continue }
            writer.beginObject()
            writer.labels(of: series)
            writer.member("value", value)
            writer.endObject()
        }
        writer.endArray()
        writer.inspected(result.inspectedTraces, result.statistics)
        writer.endObject()
    }
}

extension TempoParameters {
    /// `q`, or what older requests said instead: `tags` (logfmt), `minDuration`, `maxDuration`.
    func query() throws -> TraceQLQuery {
        let text = text("q").isEmpty ? text("query") : text("q")
        if !text.isEmpty { return try TraceQLParser.parse(text) }
        var conditions: [String] = []
        for (name, value) in try TagList.parse(self.text("tags")) {
            // As in Tempo's tag search: any part of the value, in any case.
            let pattern = "(?i).*" + Self.literalPattern(value) + ".*"
            let field = TraceScopes.intrinsics.contains { $0.name == name } ? name : "." + TagList.fieldName(name)
            conditions.append("\(field) =~ \(quoted(pattern))")
        }
        for (name, comparison) in [("minDuration", ">="), ("maxDuration", "<=")] {
            if let duration = try duration(name) {
                conditions.append("traceDuration \(comparison) \(GoDuration.text(duration))")
            }
        }
        return try TraceQLParser.parse(
            "{ " + (conditions.isEmpty ? "true" : conditions.joined(separator: " && ")) + " }")
    }

    /// A pattern that matches just this text.
    private static func literalPattern(_ text: String) -> String {
        String(text.flatMap { #"\.+*?()|[]{}^$"#.contains($0) ? ["\\", $0] : [$0] })
    }
}

/// Tags of older search requests: `service.name=shop http.method="GET"`.
enum TagList {
    static func parse(_ text: String) throws(TempoError) -> [(String, String)] {
        var found: [(String, String)] = []
        var rest = text[...]
        while true {
            rest = rest.drop { $0 == " " }
            if rest.isEmpty { return found }
            guard let equals = rest.firstIndex(of: "="), equals > rest.startIndex else {
                throw .badRequest("invalid tags: expected name=value at \(quoted(String(rest.prefix(40))))")
            }
            let name = String(rest[..<equals])
            rest = rest[rest.index(after: equals)...]
            if rest.first == "\"" {
                rest = rest.dropFirst()
                guard let end = rest.firstIndex(of: "\"") else {
                    throw .badRequest("invalid tags: the value of \(quoted(name)) has no closing quote")
                }
                found.append((name, String(rest[..<end])))
                rest = rest[rest.index(after: end)...]
            } else {
                let value = rest.prefix { $0 != " " }
                found.append((name, String(value)))
                rest = rest.dropFirst(value.count)
            }
        }
    }

    /// A name as a query can hold it.
    static func fieldName(_ name: String) -> String {
        let isPlain = name.utf8.allSatisfy { $0 > 32 && !"{}()=~!<>&|^,\"`".utf8.contains($0) }
        return isPlain ? name : quoted(name)
    }
}

extension JSONWriter {
    fileprivate mutating func found(_ trace: TraceMatch) {
        let summary = trace.summary
        beginObject()
        member("traceID", summary.id.description)
        member("rootServiceName", summary.rootServiceName ?? "<root span not yet received>")
        member("rootTraceName", summary.rootName ?? "")
        key("startTimeUnixNano")
        quotedInteger(summary.start)
        key("durationMs")
        integer(max(0, summary.end &- summary.start) / 1_000_000)
        member("spanCount", summary.spanCount)
        member("errorCount", summary.errorCount)
        key("spanSets")
        beginArray()
        for set in trace.spanSets { spanSet(set) }
        endArray()
        if let first = trace.spanSets.first {
            key("spanSet")
            spanSet(first)
        }
        endObject()
    }

    private mutating func spanSet(_ set: MatchedSpanSet) {
        beginObject()
        key("spans")
        beginArray()
        for span in set.spans {
            beginObject()
            member("spanID", span.spanID.description)
            member("name", span.name)
            key("startTimeUnixNano")
            quotedInteger(span.start)
            key("durationNanos")
            quotedInteger(span.duration)
            attributes(span.attributes.map { ($0.field.bareName, $0.value) })
            endObject()
        }
        endArray()
        member("matched", set.matched)
        attributes(set.attributes)
        endObject()
    }

    private mutating func attributes(_ attributes: [(name: String, value: SpanValue)]) {
        guard !attributes.isEmpty else { return }
        key("attributes")
        beginArray()
        for attribute in attributes {
            beginObject()
            member("key", attribute.name)
            key("value")
            anyValue(attribute.value)
            endObject()
        }
        endArray()
    }

    /// OTLP's `AnyValue`.
    private mutating func anyValue(_ value: SpanValue) {
        beginObject()
        switch value {
        case .nil: member("stringValue", "nil")
        case .bool(let flag):
            key("boolValue")
            bool(flag)
        case .int(let number):
            key("intValue")
            quotedInteger(number)
        case .float(let number):
            key("doubleValue")
            self.number(number)
        case .duration, .string, .status, .kind: member("stringValue", value.tempoText)
        }
        endObject()
    }

    fileprivate mutating func labels(of series: TraceQLSeries) {
        key("labels")
        beginArray()
        for label in series.labels {
            beginObject()
            member("key", label.name)
            key("value")
            anyValue(label.value)
            endObject()
        }
        endArray()
        let pairs = series.labels.map { "\($0.name)=\(quoted($0.value.tempoText))" }
        member("promLabels", "{" + pairs.joined(separator: ", ") + "}")
    }

    fileprivate mutating func exemplars(_ exemplars: [TraceQLExemplar]) {
        key("exemplars")
        beginArray()
        for exemplar in exemplars {
            beginObject()
            key("labels")
            beginArray()
            beginObject()
            member("key", "trace:id")
            key("value")
            anyValue(.string(exemplar.traceID.description))
            endObject()
            endArray()
            member("value", exemplar.value)
            key("timestampMs")
            quotedInteger(exemplar.timestamp / 1_000_000)
            endObject()
        }
        endArray()
    }

    /// What the query looked at.
    fileprivate mutating func inspected(_ traces: Int, _ statistics: SpanScanStatistics) {
        key("metrics")
        beginObject()
        member("inspectedTraces", traces)
        key("inspectedBytes")
        quotedInteger(statistics.bytesDecoded)
        key("inspectedSpans")
        quotedInteger(statistics.spansScanned)
        member("totalBlocks", statistics.blocks)
        member("prunedBlocks", statistics.blocksPruned)
        if statistics.damagedBlocks > 0 { member("damagedBlocks", statistics.damagedBlocks) }
        endObject()
    }
}

extension SpanField {
    /// As Tempo names it in answers to searches: attributes without their scope.
    fileprivate var bareName: String {
        if case .attribute(_, let name) = self { return name }
        return text
    }
}
