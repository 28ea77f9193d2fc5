import Bedrock
import Synchronization

/// How tailing goes, for other threads. Thread-safe.
final class TailBoard: Sendable {
    struct Row: Equatable, Sendable {
        var job: String
        var path: String
        /// Bytes there and not read.
        var lag: UInt64
    }

    private let rows = Mutex<[Row]>([])

    func show(_ groups: some Sequence<TailGroup>) {
        let next = groups.map { group in
            Row(job: group.job.name, path: group.path, lag: group.members.reduce(0) { $0 + $1.lag })
        }
        rows.withLock { $0 = next }
    }

    var current: [Row] { rows.withLock { $0 } }
}
