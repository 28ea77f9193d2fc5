import Bedrock
import Model
import Synchronization

/// The streams that each tenant has written lately, so that their number can be bounded. Thread-safe.
///
/// Two generations of an hour each: a stream that wrote nothing for one to two hours is forgotten.
final class StreamCensus: Sendable {
    private struct Streams {
        var current: Set<Hash128> = []
        var before: Set<Hash128> = []
    }

    private struct State {
        var tenants: [Tenant: Streams] = [:]
        var count = 0
        var generationStart: Int64 = .min
    }

    static let generationMilliseconds: Int64 = 3_600_000
    /// Of all tenants together, which bounds the memory of this table.
    static let streamsMax = 2_000_000

    private let state = Mutex(State())

    /// Notes which of these streams the tenant writes.
    /// - Returns: positions in `streams` that are new and beyond `limit`.
    func admit(_ streams: [Hash128], tenant: Tenant, limit: Int, now: Int64) -> [Int] {
        state.withLock { state in
            turn(&state, now)
            var refused: [Int] = []
            // Taken out while it changes: a second owner would make the first insertion copy the whole set.
            var known = state.tenants.removeValue(forKey: tenant) ?? Streams()
            for (index, stream) in streams.enumerated() where !known.current.contains(stream) {
                let isOld = known.before.remove(stream) != nil
                if !isOld {
                    if known.current.count + known.before.count >= limit || state.count >= Self.streamsMax {
                        refused.append(index)
                        continue
                    }
                    state.count += 1
                }
                known.current.insert(stream)
            }
            state.tenants[tenant] = known
            return refused
        }
    }

    /// Streams of a tenant that count as active.
    func count(_ tenant: Tenant) -> Int {
        state.withLock { state in state.tenants[tenant].map { $0.current.count + $0.before.count } ?? 0 }
    }

    private func turn(_ state: inout State, _ now: Int64) {
        if state.generationStart == .min { state.generationStart = now }
        guard now &- state.generationStart >= Self.generationMilliseconds else { return }
        state.generationStart = now
        for (tenant, streams) in state.tenants {
            state.count -= streams.before.count
            state.tenants[tenant] = streams.current.isEmpty ? nil : Streams(before: streams.current)
        }
    }
}
