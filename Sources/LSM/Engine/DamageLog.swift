import Bedrock
import Synchronization

/// One piece of stored data that can't be used: reported, set aside, never served.
public struct DamageReport: Hashable, Sendable, CustomStringConvertible {
    public enum Kind: String, Sendable {
        case segment
        case log
        case checkpoint
        /// A queue record that can't be applied.
        case record
    }

    public var kind: Kind
    /// When it was found, milliseconds since the Unix epoch.
    public var time: Int64
    /// Object or file, and the place in it.
    public var place: String
    public var reason: String
    /// In an operator's words: series and minutes, or records.
    public var lost: String

    public var description: String { "\(kind.rawValue) \(place): \(reason); lost: \(lost)" }
}

/// What is damaged, kept for status pages and metrics. Bounded; the same damage counts once. Thread-safe.
public final class DamageLog: Sendable {
    private struct Key: Hashable {
        var kind: DamageReport.Kind
        var place: String
    }

    private struct State {
        var reports: [DamageReport] = []
        var known: Set<Key> = []
        var count = 0
    }

    public static let reportCountMax = 1000
    private let state = Mutex(State())
    private let clock: any ClockSource

    public init(clock: any ClockSource) { self.clock = clock }

    /// The newest, oldest first.
    public var reports: [DamageReport] { state.withLock { $0.reports } }

    /// All since the start.
    public var count: Int { state.withLock { $0.count } }

    public func report(_ damage: SegmentDamage) {
        report(
            .segment, place: "\(damage.object), \(damage.block) at byte \(damage.offset)", reason: damage.reason,
            lost: damage.lost)
    }

    func report(_ damage: QueueDamage) {
        report(
            .log, place: damage.place, reason: damage.reason,
            lost: "records \(damage.offsets.lowerBound) to \(damage.offsets.upperBound)")
    }

    func report(_ kind: DamageReport.Kind, place: String, reason: String, lost: String) {
        let report = DamageReport(kind: kind, time: clock.now(), place: place, reason: reason, lost: lost)
        state.withLock { state in
            guard state.known.insert(Key(kind: kind, place: place)).inserted else { return }
            state.count += 1
            state.reports.append(report)
            if state.reports.count > Self.reportCountMax {
                let oldest = state.reports.removeFirst()
                state.known.remove(Key(kind: oldest.kind, place: oldest.place))
            }
        }
    }
}
