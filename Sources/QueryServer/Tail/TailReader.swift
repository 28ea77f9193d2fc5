import Bedrock
import LogQL
import Model
import Synchronization

/// One filter over what is being written, shared by all clients that follow the same query of the same tenant. Thread-safe.
///
/// On the writers' threads only labels are matched and rows copied; lines are looked at on the hub's thread.
final class TailReader: Sendable {
    struct Key: Hashable {
        let tenant: Tenant
        /// The query's normal form.
        let query: String
        let encoding: LogValueEncoding
    }

    private struct Backlog {
        var batch = LogBatch()
        var spare: LogBatch? = LogBatch()
        var arrivedAt: UInt64 = 0
        var dropped = 0
        /// Whether streams pass the matchers, by the hash of their labels.
        var verdicts: [Hash128: Bool] = [:]
    }

    private static let verdictsMax = 10_000

    let key: Key
    private let matchers: [Matcher]
    private let backlogBytesMax: Int
    private let clock: any ClockSource
    private let backlog = Mutex(Backlog())
    /// Of the hub's thread.
    private let filter: TailFilter
    private let subscription = Mutex<(any LogSubscription)?>(nil)

    init(_ key: Key, _ query: LogQuery, backlogBytesMax: Int, clock: any ClockSource) throws {
        self.key = key
        matchers = query.matchers
        self.backlogBytesMax = backlogBytesMax
        self.clock = clock
        filter = try TailFilter(query)
    }

    /// Begins to listen; `wake` is called when there is something to filter.
    func begin(_ feed: any LogFeed, wake: @escaping @Sendable () -> Void) {
        let followed = feed.follow(tenant: key.tenant) { [weak self] batch in
            if self?.receive(batch) ?? false { wake() }
        }
        subscription.withLock { $0 = followed }
    }

    /// Stops to listen.
    func end() { subscription.withLock { $0 = nil } }

    /// On a writer's thread: keeps what may matter. True when the hub has to be woken.
    private func receive(_ batch: LogBatch) -> Bool {
        backlog.withLock { backlog in
            let wasEmpty = backlog.batch.isEmpty
            for index in batch.streams.indices where passes(batch, index, &backlog.verdicts) {
                let stream = batch.streams[index]
                guard backlog.batch.byteCount < backlogBytesMax else {
                    backlog.dropped += stream.rowCount
                    continue
                }
                if backlog.batch.isEmpty { backlog.arrivedAt = clock.monotonicNanoseconds() }
                batch.withLabels(index) { backlog.batch.beginStream(canonical: $0) }
                batch.withArena { arena in
                    for row in batch.rows[stream.firstRow..<stream.firstRow + stream.rowCount] {
                        backlog.batch.append(
                            timestamp: row.timestamp,
                            line: UnsafeRawBufferPointer(
                                rebasing: arena[row.lineOffset..<row.lineOffset + row.lineLength]),
                            metadata: UnsafeRawBufferPointer(
                                rebasing: arena[row.metadataOffset..<row.metadataOffset + row.metadataLength]))
                    }
                }
            }
            return wasEmpty && (!backlog.batch.isEmpty || backlog.dropped > 0)
        }
    }

    private func passes(_ batch: LogBatch, _ index: Int, _ verdicts: inout [Hash128: Bool]) -> Bool {
        batch.withLabels(index) { labels in
            let hash = Hash128(of: labels)
            if let known = verdicts[hash] { return known }
            let passes = Labels(canonical: labels).match(matchers)
            if verdicts.count >= Self.verdictsMax { verdicts.removeAll(keepingCapacity: true) }
            verdicts[hash] = passes
            return passes
        }
    }

    /// On the hub's thread: filters what has come.
    /// - Returns: chunks, and how many entries were lost for want of room.
    func drain() -> (chunks: [TailChunk], dropped: Int) {
        let taken = backlog.withLock { backlog -> (LogBatch, UInt64, Int) in
            let batch = backlog.batch
            let dropped = backlog.dropped
            guard !batch.isEmpty else {
                backlog.dropped = 0
                return (batch, 0, dropped)
            }
            backlog.batch = backlog.spare ?? LogBatch()
            backlog.spare = nil
            backlog.dropped = 0
            return (batch, backlog.arrivedAt, dropped)
        }
        let (batch, arrivedAt, dropped) = taken
        guard !batch.isEmpty else { return ([], dropped) }
        var chunks: [TailChunk] = []
        var builder = TailChunkBuilder(encoding: key.encoding)
        filter.run(batch) { entry in
            builder.add(entry)
            if builder.isFull, let chunk = builder.finish(arrivedAt: arrivedAt) { chunks.append(chunk) }
        }
        if let chunk = builder.finish(arrivedAt: arrivedAt) { chunks.append(chunk) }
        batch.clear()
        backlog.withLock { $0.spare = batch }
        return (chunks, dropped)
    }
}
