import Bedrock
import Synchronization

/// Something about the telemetry itself that its owner should know; the program goes on in any case.
public struct TelemetryProblem: Sendable, Hashable, CustomStringConvertible {
    public enum Kind: String, Sendable {
        /// A setting that cannot be used, with what is used instead.
        case configuration
        /// An instrument asked for twice with different meanings, or with a name that isn't one.
        case instrument
        /// An export that failed for good.
        case export
    }

    public var kind: Kind
    public var description: String

    public init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}

/// Hands each different problem on once. Thread-safe.
final class ProblemReporter: Sendable {
    private static let keptMax = 200

    private let seen = Mutex<Set<TelemetryProblem>>([])
    private let total = Atomic<Int>(0)
    private let handler: @Sendable (TelemetryProblem) -> Void

    init(_ handler: @escaping @Sendable (TelemetryProblem) -> Void) { self.handler = handler }

    /// Reported so far, repeated ones included.
    var count: Int { total.load(ordering: .relaxed) }

    func report(_ kind: TelemetryProblem.Kind, _ text: String) {
        let problem = TelemetryProblem(kind, text)
        total.wrappingAdd(1, ordering: .relaxed)
        let isNew = seen.withLock { $0.count < Self.keptMax && $0.insert(problem).inserted }
        if isNew { handler(problem) }
    }
}
