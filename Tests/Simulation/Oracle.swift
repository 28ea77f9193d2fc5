import Bedrock
import LSMKit
import Model
import Synchronization

/// What the world outside knows: which batches were submitted, answered, or in the air when the machine died. It never looks inside.
final class Oracle: Sendable {
    enum Fate: Equatable {
        /// Submitted, not answered.
        case pending
        case acknowledged
        /// Answered with an error: not there, unless a crash brings it back.
        case refused
        /// Not answered before a crash: there or not, but whole.
        case unknown
        /// Was not there after a crash: must never appear.
        case gone
    }

    struct Batch {
        /// Each of its own value.
        var rows: [Row]
        /// Of a key and time that other batches have, too.
        var again: [Row] = []
        var tenant: Tenant
        var shard: Int
        var fate: Fate = .pending
        /// Retried until acknowledged.
        var isRetried: Bool
    }

    /// A delete of all rows of a key.
    struct Delete {
        var key: String
        /// Batches submitted before it.
        var batches: Int
        var fate: Fate = .pending
    }

    private struct State {
        var batches: [Batch] = []
        var deletes: [Delete] = []
    }

    private let state = Mutex(State())

    func submit(_ batch: Batch) -> Int {
        state.withLock { state in
            state.batches.append(batch)
            return state.batches.count - 1
        }
    }

    func retry(_ index: Int) { state.withLock { $0.batches[index].fate = .pending } }

    func answer(_ index: Int, isSuccess: Bool) {
        state.withLock { $0.batches[index].fate = isSuccess ? .acknowledged : .refused }
    }

    func delete(_ key: String) -> Int {
        state.withLock { state in
            state.deletes.append(Delete(key: key, batches: state.batches.count))
            return state.deletes.count - 1
        }
    }

    func answerDelete(_ index: Int, isSuccess: Bool) {
        // A delete that failed in one shard may have happened in another.
        state.withLock { $0.deletes[index].fate = isSuccess ? .acknowledged : .unknown }
    }

    func crash() {
        state.withLock { state in
            for i in state.batches.indices where [.pending, .refused].contains(state.batches[i].fate) {
                state.batches[i].fate = .unknown
            }
            for i in state.deletes.indices where state.deletes[i].fate == .pending { state.deletes[i].fate = .unknown }
        }
    }

    var acknowledgedCount: Int { state.withLock { $0.batches.count { $0.fate == .acknowledged } } }

    /// Compares what is served with what must, may and must not be.
    /// - Parameter settle: right after recovery: what is there now stays, what is not never comes.
    func check(_ served: [Place: [Row]], settle: Bool) -> [String] {
        var problems: [String] = []
        var counts: [Place: [UInt64: Int]] = [:]
        for (place, all) in served {
            problems += Self.order(all, place)
            problems += again(all.filter { $0.key.hasPrefix("again") }, place)
            for row in all where !row.key.hasPrefix("again") { counts[place, default: [:]][row.value, default: 0] += 1 }
        }
        state.withLock { state in
            for index in state.batches.indices {
                let batch = state.batches[index]
                let place = Place(shard: batch.shard, tenant: batch.tenant)
                let found = batch.rows.map { counts[place]?.removeValue(forKey: $0.value) ?? 0 }
                let deletes = state.deletes.filter { $0.batches > index && $0.key == batch.rows[0].key }
                problems += Self.judge(batch, found, deletes)
                if settle && batch.fate == .unknown {
                    state.batches[index].fate = found.contains(1) ? .acknowledged : batch.isRetried ? .unknown : .gone
                }
            }
        }
        for (place, rest) in counts where !rest.isEmpty {
            problems.append("\(place) serves rows nobody wrote: \(rest.keys.sorted().prefix(5))")
        }
        return problems
    }

    private static func judge(_ batch: Batch, _ found: [Int], _ deletes: [Delete]) -> [String] {
        let what =
            "batch of \(batch.rows[0].key) with \(batch.rows.map(\.value)) (\(batch.fate)) in shard \(batch.shard): found \(found)"
        if found.contains(where: { $0 > 1 }) { return ["doubled: " + what] }
        if Set(found).count > 1 { return ["half there: " + what] }
        let isThere = found[0] == 1
        if deletes.contains(where: { $0.fate == .acknowledged }) {
            return isThere ? ["deleted and there: " + what] : []
        }
        let mayBeDeleted = !deletes.isEmpty
        switch batch.fate {
        case .acknowledged: return isThere || mayBeDeleted ? [] : ["lost: " + what]
        case .pending, .unknown: return []
        case .refused: return isThere && !batch.isRetried ? ["refused and there: " + what] : []
        case .gone: return isThere ? ["came back: " + what] : []
        }
    }

    /// Of what is written again and again one value is there, the last acknowledged or a later one.
    private func again(_ rows: [Row], _ place: Place) -> [String] {
        state.withLock { state in
            let here = state.batches.filter { $0.shard == place.shard && $0.tenant == place.tenant }
            var problems: [String] = []
            for key in Set(here.flatMap(\.again).map(\.key)) {
                let values = rows.filter { $0.key == key }.map(\.value)
                let written = here.filter { $0.again.first?.key == key }
                let last = written.last { $0.fate == .acknowledged }?.again[0].value ?? 0
                // What was refused on a retry may be there since the time before the crash, as in `judge`.
                let possible = written.filter { $0.fate != .gone && ($0.fate != .refused || $0.isRetried) }
                    .map(\.again[0].value)
                if values.count > 1 { problems.append("\(key) in \(place) has \(values.count) values") }
                if last > 0 && (values.first ?? 0) < last {
                    problems.append("\(key) in \(place) is \(values), not \(last)")
                }
                if let value = values.first, !possible.contains(value) {
                    problems.append("\(key) in \(place) is \(value), which is not there")
                }
            }
            return problems
        }
    }

    /// Equal rows stand in the order they were written: values of a key only grow.
    private static func order(_ rows: [Row], _ place: Place) -> [String] {
        for (a, b) in zip(rows, rows.dropFirst()) where b < a || (!(a < b) && b.value < a.value) {
            return ["out of order in \(place): \(a) before \(b)"]
        }
        return []
    }
}

struct Place: Hashable, CustomStringConvertible {
    var shard: Int
    var tenant: Tenant
    var description: String { "shard \(shard) of \(tenant)" }
}
