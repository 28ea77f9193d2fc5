import Formats
import Model
import PromQL

extension QueryAPI {
    /// Exemplars in one answer; what is more can't be looked at anyway.
    private static let exemplarsMax = 100_000

    /// `query_exemplars`: of the series that any selector of the expression names, in the time asked for.
    func exemplars(_ call: QueryCall, _ writer: inout JSONWriter) throws -> Remarks {
        let range = try call.parameters.range()
        guard !range.isEmpty else { throw APIError.badData("end timestamp must not be before start timestamp") }
        let sets: [[Matcher]]
        do throws(ParseError) { sets = try PromQLParser.parse(call.parameters.text("query")).selectors } catch {
            throw APIError.badData(error.description)
        }
        let snapshot = try dependencies.source.snapshot(tenant: call.tenant)
        let found: [SeriesExemplars]
        do {
            found = try snapshot.exemplars(
                ExemplarRequest(
                    sets: sets, range: range, budget: QueryBudget(samplesMax: Self.exemplarsMax),
                    cancellation: call.cancellation))
        } catch let error as QueryBudget.Exceeded {
            throw APIError(
                .execution, "there are more than \(error.samplesMax) exemplars; ask for fewer series or less time")
        }
        call.note { $0.seriesSelected += found.count }
        writer.beginArray()
        for one in found { writer.exemplars(one) }
        writer.endArray()
        return Remarks()
    }
}

extension Expr {
    /// The matchers of each selector in it.
    fileprivate var selectors: [[Matcher]] {
        var sets: [[Matcher]] = []
        walk { node in
            switch node {
            case .vectorSelector(let selector): sets.append(selector.matchers)
            case .matrixSelector(let matrix): sets.append(matrix.selector.matchers)
            default: return true
            }
            return false
        }
        return sets
    }
}

extension JSONWriter {
    fileprivate mutating func exemplars(_ series: SeriesExemplars) {
        beginObject()
        key("seriesLabels")
        labels(series.series)
        key("exemplars")
        beginArray()
        for exemplar in series.exemplars {
            beginObject()
            key("labels")
            labels(exemplar.labels)
            key("value")
            quotedFloat(exemplar.value)
            key("timestamp")
            seconds(milliseconds: exemplar.timestamp)
            endObject()
        }
        endArray()
        endObject()
    }
}
