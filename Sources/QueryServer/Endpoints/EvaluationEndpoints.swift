import Bedrock
import Formats
import Model
import PromQL
import Transport

/// The limits of range queries that clients know.
enum EvaluationLimits {
    /// A minute's resolution for a week, an hour's for a year.
    static let intervalsMax = 11_000
}

extension QueryAPI {
    func evaluationRoutes() -> [HTTPRoute] {
        let both: [HTTPMethod] = [.get, .post]
        return [
            reading(both, "query") { [self] call, writer in try instant(call, &writer) },
            reading(both, "query_range") { [self] call, writer in try range(call, &writer) },
            reading(both, "query_exemplars") { [self] call, writer in try exemplars(call, &writer) },
            reading(both, "format_query") { call, writer in
                writer.string(try call.parameters.expression().pretty())
                return Remarks()
            },
        ]
    }

    private func instant(_ call: QueryCall, _ writer: inout JSONWriter) throws -> Remarks {
        let parameters = call.parameters
        let limit = try parameters.limit()
        let time = try parameters.time("time", otherwise: dependencies.clock.now())
        let cancellation = try call.cancellationWithTimeout()
        let engine = engine(lookback: try lookback(parameters))
        let expression = try parameters.expression()
        let result = try engine.instant(
            expression, at: time, source: dependencies.source, tenant: call.tenant, cancellation: cancellation)
        return write(result, call, limit: limit, &writer)
    }

    private func range(_ call: QueryCall, _ writer: inout JSONWriter) throws -> Remarks {
        let parameters = call.parameters
        let limit = try parameters.limit()
        let start = try parameters.requiredTime("start")
        let end = try parameters.requiredTime("end")
        guard end >= start else { throw APIError.parameter("end", "end timestamp must not be before start time") }
        let step = try parameters.requiredDuration("step") / 1_000_000
        guard step > 0 else {
            throw APIError.parameter(
                "step", "zero or negative query resolution step widths are not accepted. Try a positive integer")
        }
        let (length, overflows) = end.subtractingReportingOverflow(start)
        guard !overflows, length / step <= EvaluationLimits.intervalsMax else {
            throw APIError.badData(
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"
            )
        }
        let cancellation = try call.cancellationWithTimeout()
        let engine = engine(lookback: try lookback(parameters))
        let expression = try parameters.expression()
        guard expression.type == .scalar || expression.type == .vector else {
            throw APIError.parameter(
                "query",
                "invalid expression type \"\(expression.type.documentedName)\" for range query, must be Scalar or instant Vector"
            )
        }
        call.note { $0.span = (start, end, step) }
        let result = try engine.range(
            expression, start: start, end: end, step: step, source: dependencies.source, tenant: call.tenant,
            cancellation: cancellation)
        return write(result, call, limit: limit, &writer)
    }

    private func write(
        _ result: QueryResult, _ call: QueryCall, limit: Int, _ writer: inout JSONWriter
    ) -> Remarks {
        call.note {
            $0.samplesRead = result.statistics.samplesRead
            $0.seriesSelected = result.statistics.seriesSelected
        }
        var remarks = Remarks(result, query: call.parameters.text("query"))
        var value = result.value
        switch value {
        case .matrix(var series):
            remarks.truncate(&series, to: limit)
            value = .matrix(series)
        case .vector(var vector):
            // Its count is that of its labels.
            remarks.truncate(&vector.labels, to: limit)
            value = .vector(vector)
        case .scalar, .string: break
        }
        let wanted = call.parameters.text("stats")
        if !["", "true", "all"].contains(wanted) {
            remarks.warnings.append(
                "value \(quoted(wanted)) for parameter \"stats\" is deprecated and will be rejected in the next major release, use \"true\" or \"all\""
            )
        }
        writer.beginObject()
        writer.member("resultType", value.typeName)
        writer.key("result")
        writer.value(value)
        if !wanted.isEmpty {
            writer.key("stats")
            writer.statistics(result.statistics, waited: call.waitedSeconds, total: call.ageSeconds)
        }
        writer.endObject()
        return remarks
    }

    /// Milliseconds.
    private func lookback(_ parameters: Parameters) throws(APIError) -> Int64? {
        let text = parameters.text("lookback_delta")
        if text.isEmpty { return nil }
        switch APITime.parseDuration(text) {
        case .success(let nanoseconds): return nanoseconds / 1_000_000
        case .failure(let why): throw .badData("error parsing lookback delta duration: \(why)")
        }
    }
}

extension QueryValue {
    /// The API's name of the type.
    var typeName: String {
        switch self {
        case .scalar: "scalar"
        case .string: "string"
        case .vector: "vector"
        case .matrix: "matrix"
        }
    }
}

extension JSONWriter {
    mutating func statistics(_ statistics: QueryStatistics, waited: Double, total: Double) {
        let evaluation = Double(statistics.evaluateNanoseconds) * 1e-9
        beginObject()
        key("timings")
        beginObject()
        member("evalTotalTime", evaluation)
        member("resultSortTime", 0.0)
        member("queryPreparationTime", Double(statistics.prepareNanoseconds) * 1e-9)
        member("innerEvalTime", evaluation)
        member("execQueueTime", waited)
        member("execTotalTime", total)
        endObject()
        key("samples")
        beginObject()
        member("totalQueryableSamples", statistics.samplesRead)
        member("samplesRead", statistics.samplesRead)
        member("peakSamples", statistics.samplesPeak)
        endObject()
        endObject()
    }
}
