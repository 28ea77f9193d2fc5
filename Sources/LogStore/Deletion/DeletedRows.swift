import LSM
import Model

extension DeleteReceipt {
    /// What a delete of logs asks of a row beyond stream and time.
    /// - Throws: when a newer program wrote it.
    public func rowConditions() throws -> (filters: [LineFilter], metadata: [Matcher]) {
        let decoded = try PredicateCoding.decode(predicate)
        return (decoded.filters, decoded.metadata)
    }
}
