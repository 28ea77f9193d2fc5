import Bedrock
import LSM
import Model

extension SignalEngine<LogFormat> {
    /// Hides the rows written before that pass everything given, from when `done` is called; compaction drops them for good, soon.
    ///
    /// - Parameters:
    ///   - range: nanoseconds; widened to whole milliseconds.
    ///   - filters: on lines. Regexes as `LogRequest` has them.
    ///   - metadataMatchers: on structured metadata, or labels of that name.
    /// - Returns: the id under which `deleteState` tells how far it is.
    @discardableResult
    public func delete(
        tenant: Tenant, matchers: [Matcher], range: LogTimeRange, filters: [LineFilter],
        metadataMatchers: [Matcher] = [], done: @escaping Done
    ) -> String {
        guard !range.isEmpty else {
            done(.failure(.invalid("the time range of the delete is empty")))
            return ""
        }
        return delete(
            tenant: tenant, matchers: matchers,
            range: TimeRange(NanosecondTime.milliseconds(range.start), NanosecondTime.milliseconds(range.end - 1)),
            predicate: PredicateCoding.encode(filters: filters, metadata: metadataMatchers), done: done)
    }
}
