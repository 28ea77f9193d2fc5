import Bedrock
import Formats
import Kernels
import LogQL
import Model
import Transport

extension QueryAPI {
    func lokiQueryRoutes(_ logs: any LogSource) -> [HTTPRoute] {
        let both: [HTTPMethod] = [.get, .post]
        return [
            loki(both, "query", logs) { [self] call, writer in try lokiInstant(call, &writer) },
            lokiPlain(both, "query_range", logs) { [self] call in try lokiRange(call) },
            loki(both, "format_query", logs) { call, writer in
                let query = try call.parameters.logQL()
                writer.success { $0.string(query.pretty()) }
            },
        ]
    }

    static func logEngineOptions(_ dependencies: QueryDependencies, _ pool: QueryPool) -> LogQLEngineOptions {
        var options = LogQLEngineOptions()
        options.seriesMax = dependencies.logOptions.seriesMax
        // Both ends of so many intervals are steps.
        options.stepsMax = dependencies.logOptions.pointsMax + 1
        options.samplesMax = dependencies.engine.samplesMax
        options.linesMax = max(dependencies.logOptions.exportPageRows, dependencies.logOptions.detectionLinesMax)
        options.pool = pool
        return options
    }

    private func lokiInstant(_ call: LokiCall, _ writer: inout JSONWriter) throws {
        let parameters = call.parameters
        let time = try parameters.time("time") ?? parameters.now
        _ = try parameters.count("limit", otherwise: 1)
        _ = try parameters.direction()
        guard case .metric(let query) = try parameters.logQL() else {
            throw LokiError.badRequest(
                "log queries are not supported as an instant query type, please change your query to a range query type"
            )
        }
        let result = try logEngine.instant(
            query, at: time, source: call.logs, tenant: call.tenant, cancellation: call.cancellation)
        write(result, at: time, call, &writer)
    }

    private func lokiRange(_ call: LokiCall) throws -> HTTPResponse {
        let parameters = call.parameters
        let range = try parameters.range()
        guard range.end >= range.start else {
            throw LokiError.badRequest("end timestamp must not be before or equal to start time")
        }
        let step = try parameters.step(range)
        let interval = try parameters.interval()
        let direction = try parameters.direction()
        _ = try parameters.count("limit", otherwise: 1)
        call.call.note { $0.span = (range.start / 1_000_000, range.end / 1_000_000, step / 1_000_000) }
        switch try parameters.logQL() {
        case .log(let query):
            return try streams(
                query, call, range, limit: try parameters.entriesLimit(), direction: direction, interval: interval)
        case .metric(let query):
            let result = try logEngine.range(
                query, start: range.start, end: range.end, step: step, source: call.logs, tenant: call.tenant,
                cancellation: call.cancellation)
            var writer = JSONWriter(capacity: 4096)
            write(result, at: range.end, call, &writer)
            return Self.json(&writer)
        }
    }

    // MARK: Streams

    private func streams(
        _ query: LogQuery, _ call: LokiCall, _ range: LogTimeRange, limit: Int, direction: LogDirection, interval: Int64
    ) throws -> HTTPResponse {
        let text = call.parameters.text("cursor")
        let cursor = text.isEmpty ? nil : LogCursor(text)
        guard cursor != nil || text.isEmpty else {
            throw LokiError.badRequest("invalid cursor: take it from an answer, unchanged")
        }
        var pages = LogPages(interval: interval, direction: direction, limit: limit)
        var next = cursor
        repeat {
            let page = try logEngine.streams(
                query, range: range, limit: limit, direction: direction, after: next, source: call.logs,
                tenant: call.tenant, cancellation: call.cancellation)
            pages.add(page)
            next = page.next
        } while interval > 0 && next != nil && pages.count < limit
        var writer = JSONWriter(capacity: pages.byteEstimate)
        let encoding = call.parameters.encoding
        var grouping = LogGrouping(encoding: encoding, keepsAddresses: true)
        for index in 0..<pages.count { pages.withView(index) { grouping.add(index, $0) } }
        let statistics = note(call, pages.statistics, returned: pages.count)
        // Entries that were left out for their distance lie behind no cursor.
        let shown = interval > 0 ? nil : next
        writer.success(warnings: statistics.warnings) { writer in
            writer.beginObject()
            writer.member("resultType", "streams")
            writer.key("result")
            writer.streams(grouping) { pages.withView($0, $1) }
            if encoding.isCategorized {
                writer.key("encodingFlags")
                writer.strings(encoding.flags)
            }
            if let shown { writer.member("cursor", shown.description) }
            writer.key("stats")
            writer.lokiStatistics(statistics)
            writer.endObject()
        }
        var response = Self.json(&writer)
        if let shown { response.headers["X-Obs-Next-Cursor"] = shown.description }
        return response
    }

    // MARK: Numbers

    private func write(_ result: LogQLResult, at time: Int64, _ call: LokiCall, _ writer: inout JSONWriter) {
        let statistics = note(call, result.statistics, returned: 0)
        writer.success(warnings: statistics.warnings) { writer in
            writer.beginObject()
            writer.numbers(result.value, at: time)
            writer.key("stats")
            writer.lokiStatistics(statistics)
            writer.endObject()
        }
    }

    private func note(_ call: LokiCall, _ scan: LogScanStatistics, returned: Int) -> LokiStatistics {
        call.call.note { $0.samplesRead = scan.rowsScanned }
        let waited = call.call.waitedSeconds
        return LokiStatistics(
            scan: scan, entriesReturned: returned, queueSeconds: waited, executionSeconds: call.call.ageSeconds - waited
        )
    }
}

extension JSONWriter {
    /// `resultType` and `result` of a metric query.
    fileprivate mutating func numbers(_ value: LogQLResult.Value, at time: Int64) {
        switch value {
        case .scalar(let number):
            member("resultType", "scalar")
            key("result")
            point(time, number)
        case .vector(let series):
            member("resultType", "vector")
            key("result")
            beginArray()
            for (labels, number) in series {
                beginObject()
                key("metric")
                self.labels(labels)
                key("value")
                point(time, number)
                endObject()
            }
            endArray()
        case .matrix(let series):
            member("resultType", "matrix")
            key("result")
            beginArray()
            for one in series {
                beginObject()
                key("metric")
                labels(one.labels)
                key("values")
                beginArray()
                for (time, number) in zip(one.timestamps, one.values) { point(time, number) }
                endArray()
                endObject()
            }
            endArray()
        }
    }

    /// - Parameter time: nanoseconds; shown to the millisecond.
    private mutating func point(_ time: Int64, _ value: Double) {
        beginArray()
        seconds(milliseconds: time / 1_000_000)
        quotedFloat(value)
        endArray()
    }
}
