import Bedrock
import Client

/// What was shown lately, to know it again where a query and a tail overlap.
struct ShownEntries {
    enum Repeat {
        /// Everything is new.
        case no
        /// What was shown before is not.
        case ifShown
        /// Only what the query since the last connection has shown is not.
        case onlyOverlap
    }

    /// Entries remembered.
    private static let countMax = 50_000

    /// Nanoseconds; of the newest entry, or where to begin.
    var newest: Int64 = .min
    private var order: [Hash128] = []
    private var oldest = 0
    private var counts: [Hash128: Int] = [:]
    /// Shown by the query while the tail was open already.
    private var overlap: [Hash128: Int] = [:]
    /// Shown before that query, and not found by it yet.
    private var before: [Hash128: Int] = [:]

    init() {}

    /// A tail was opened: what is shown by the query that follows will come by the tail, too, in part.
    mutating func beginOverlap() {
        overlap = [:]
        before = counts
    }

    /// The rows of `table` that are new.
    mutating func takeNew(_ table: LogTable, isRepeat: Repeat) -> LogTable {
        var keeps = [Bool](repeating: true, count: table.count)
        for row in table.rows.indices {
            let identity = table.identity(row)
            switch isRepeat {
            case .no: break
            case .ifShown: keeps[row] = !Self.take(identity, from: &before)
            case .onlyOverlap: keeps[row] = !Self.take(identity, from: &overlap)
            }
            guard keeps[row] else { continue }
            remember(identity)
            if isRepeat == .ifShown { overlap[identity, default: 0] += 1 }
            newest = max(newest, table.rows[row].timestamp)
        }
        return table.filter { keeps[$0] }
    }

    private static func take(_ identity: Hash128, from counts: inout [Hash128: Int]) -> Bool {
        guard let count = counts[identity] else { return false }
        counts[identity] = count > 1 ? count - 1 : nil
        return true
    }

    private mutating func remember(_ identity: Hash128) {
        counts[identity, default: 0] += 1
        if order.count < Self.countMax {
            order.append(identity)
            return
        }
        _ = Self.take(order[oldest], from: &counts)
        order[oldest] = identity
        oldest = (oldest + 1) % Self.countMax
    }
}
