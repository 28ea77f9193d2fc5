import LSM
import LogStore
import Model
import Synchronization

/// Where requests for the deletion of logs go: the store, in the product. Thread-safe.
public protocol LogDeletions: Sendable {
    /// Begins to delete the rows written before that pass everything given; `done` gets the request's id once no query sees them any more.
    func request(
        tenant: Tenant, matchers: [Matcher], range: LogTimeRange, filters: [LineFilter], metadataMatchers: [Matcher],
        done: @escaping @Sendable (Result<String, WriteError>) -> Void)
    /// All requests of the tenant that are known, newest first.
    func requests(tenant: Tenant) -> [LogDeletion]
    /// Withdraws a request that has not begun; nil when there is none of that id, false when it is too late.
    func cancel(tenant: Tenant, id: String) -> Bool?
}

/// A request for the deletion of logs, as far as it has come.
public struct LogDeletion: Sendable, Equatable {
    /// Raw values are Loki's words.
    public enum State: String, Sendable {
        /// Accepted, not begun.
        case received
        /// Queries don't see the rows any more; segments, the log or caches may still hold their bytes.
        case hidden = "processing"
        /// Nothing holds the bytes any more.
        case gone = "processed"
    }

    public var id: String
    /// In LogQL.
    public var query: String
    public var range: LogTimeRange
    /// Milliseconds since the epoch.
    public var createdAt: Int64
    public var state: State

    public init(id: String, query: String, range: LogTimeRange, createdAt: Int64, state: State) {
        self.id = id
        self.query = query
        self.range = range
        self.createdAt = createdAt
        self.state = state
    }
}

/// Deletions by the engine that stores the logs. They begin at once, so there is nothing to withdraw.
public struct EngineLogDeletions: LogDeletions {
    private let engine: SignalEngine<LogFormat>

    public init(_ engine: SignalEngine<LogFormat>) { self.engine = engine }

    public func request(
        tenant: Tenant, matchers: [Matcher], range: LogTimeRange, filters: [LineFilter], metadataMatchers: [Matcher],
        done: @escaping @Sendable (Result<String, WriteError>) -> Void
    ) {
        let join = DeletionAnswer(done)
        let id = engine.delete(
            tenant: tenant, matchers: matchers, range: range, filters: filters, metadataMatchers: metadataMatchers
        ) { join.finished($0) }
        join.named(id)
    }

    public func requests(tenant: Tenant) -> [LogDeletion] { engine.deletes(tenant).map(Self.deletion) }

    public func cancel(tenant: Tenant, id: String) -> Bool? {
        engine.deleteState(id).flatMap { $0.tenant == tenant ? false : nil }
    }

    private static func deletion(_ receipt: DeleteReceipt) -> LogDeletion {
        let state: LogDeletion.State =
            switch receipt.state {
            case .accepted: .received
            case .hidden, .rewritten: .hidden
            case .gone: .gone
            }
        let (start, startOverflows) = receipt.range.start.multipliedReportingOverflow(by: 1_000_000)
        let (end, endOverflows) = receipt.range.end.multipliedReportingOverflow(by: 1_000_000)
        return LogDeletion(
            id: receipt.id, query: query(receipt),
            range: LogTimeRange(startOverflows ? .min : start, endOverflows ? .max : end + 1),
            createdAt: receipt.createdAt, state: state)
    }

    /// What was asked for, in LogQL.
    private static func query(_ receipt: DeleteReceipt) -> String {
        var text =
            "{" + receipt.matchers.map { $0.name + $0.operation.rawValue + quoted($0.value) }.joined(separator: ", ")
            + "}"
        guard let conditions = try? receipt.rowConditions() else { return text + " # and more" }
        for filter in conditions.filters {
            let isRegex = if case .regex = filter.alternatives.first { true } else { false }
            let texts = filter.alternatives.map { alternative in
                switch alternative {
                case .literal(let bytes): quoted(String(decoding: bytes, as: UTF8.self))
                case .regex(let regex): quoted(regex.pattern)
                }
            }
            let operation = isRegex ? (filter.isNegated ? "!~" : "|~") : (filter.isNegated ? "!=" : "|=")
            text += " \(operation) " + texts.joined(separator: " or ")
        }
        for matcher in conditions.metadata {
            text += " | " + matcher.name + matcher.operation.rawValue + quoted(matcher.value)
        }
        return text
    }
}

/// Brings the id of a deletion and its end together, whichever comes first.
private final class DeletionAnswer: Sendable {
    private struct State {
        var id: String?
        var result: Result<Void, WriteError>?
    }

    private let done: @Sendable (Result<String, WriteError>) -> Void
    private let state = Mutex(State())

    init(_ done: @escaping @Sendable (Result<String, WriteError>) -> Void) { self.done = done }

    func named(_ id: String) { meet { $0.id = id } }

    func finished(_ result: Result<Void, WriteError>) { meet { $0.result = result } }

    private func meet(_ change: (inout State) -> Void) {
        let (id, result) = state.withLock { state in
            change(&state)
            return (state.id, state.result)
        }
        if let id, let result { done(result.map { id }) }
    }
}
