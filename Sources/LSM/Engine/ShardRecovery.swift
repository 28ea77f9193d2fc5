import Bedrock
import Model
import Synchronization

/// Opening a shard: lease, segments, checkpoints, log.
extension ShardWorker {
    /// The shard as it was when its last process ended, with every acknowledged record in a segment or a memtable.
    static func open(
        _ key: ShardKey, format: Format, options: EngineOptions, environment: EngineEnvironment,
        counters: EngineCounters, flushWaker: Waker
    ) throws -> ShardWorker {
        let state = try environment.catalog.acquire(key, holder: environment.holder)
        let headDirectory = Path.join(environment.directory, "head/\(key)")
        try environment.fileSystem.createDirectoryDurably(headDirectory)
        // What is read from here on must not vanish with names that nobody has synced.
        try environment.fileSystem.syncDirectory(headDirectory)
        let heads = try readHeads(headDirectory, committed: state.offset, environment.fileSystem)
        let through = max(state.offset, heads.last?.through ?? 0)
        let queue = try environment.openQueue(key, through + 1)
        let root = ShardRoot<Format>(
            segments: openSegments(state.segments, format: format, environment: environment), sealed: [],
            active: format.makeMemtable(after: nil), tombstones: state.tombstones)
        let memory = environment.budget.account("memtables \(key)")
        let shard = Shard<Format>(key: key, state: state, root: root, options: options, memory: memory)
        let worker = ShardWorker(
            shard: shard, format: format, options: options, environment: environment, counters: counters,
            flushWaker: flushWaker, queue: queue, lanes: state.lanes)
        try worker.recover(heads)
        return worker
    }

    /// Opens what can be opened; the rest is reported and left where it is.
    private static func openSegments(
        _ records: [SegmentRecord], format: Format, environment: EngineEnvironment
    ) -> [SegmentHandle<Format>] {
        var handles: [SegmentHandle<Format>] = []
        for record in records {
            do {
                let segment = try format.open(try environment.objects.open(record.name))
                handles.append(SegmentHandle(record: record, segment: segment))
            } catch let damage as SegmentDamage {
                environment.damage.report(damage)
            } catch {
                let summary = record.summary
                environment.damage.report(
                    .segment, place: record.name, reason: "\(error)",
                    lost:
                        "\(summary.seriesCount) series, \(summary.rowCount) rows from \(summary.timeRange.start) to \(summary.timeRange.end) ms"
                )
            }
        }
        return ShardRoot<Format>.ordered(handles)
    }

    /// The checkpoints of every memtable that is not committed; older ones are removed.
    private static func readHeads(
        _ directory: String, committed: UInt64, _ fileSystem: any FileSystem
    ) throws -> [HeadReader] {
        for file in try HeadFile.list(directory, fileSystem) where file.firstOffset <= committed {
            try fileSystem.remove(file.path)
        }
        return try HeadFile.groups(directory, after: committed, fileSystem).map { first, files in
            try HeadReader(files, firstOffset: first, fileSystem: fileSystem)
        }
    }

    /// Restores checkpoints and replays the log behind them, memtable by memtable.
    private func recover(_ heads: [HeadReader]) throws {
        isRecovering = true
        defer { isRecovering = false }
        let marker = ReplayMarker(
            path: Path.join(headDirectory, "replaying"), deathsMax: options.recoveryDeathsMax,
            fileSystem: environment.fileSystem)
        defer { marker.finish() }
        var rest = heads[...]
        while true {
            if let next = rest.first, next.firstOffset == activeFirst {
                rest.removeFirst()
                restore(next)
            }
            let end = rest.first.map { $0.firstOffset - 1 } ?? .max
            try replay(through: end, marker)
            guard let next = rest.first else { break }
            if applied < end && queue.nextOffset <= applied + 1 {
                environment.damage.report(
                    QueueDamage(
                        offsets: (applied + 1)...end, place: next.paths.first ?? headDirectory,
                        reason: "records before it are missing"))
            }
            skip(to: end)
            seal()
        }
    }

    private func restore(_ recovered: HeadReader) {
        var reader = recovered
        for (index, frame) in recovered.frames.enumerated() {
            do {
                // The rows first: lanes of rows that could not be restored would make the log's records look like retries.
                if !frame.block.isEmpty { try active.restore(frame.block, owner: recovered.owners[index]) }
                var restored = lanes
                try restored.restore(frame.lanes)
                lanes = restored
            } catch {
                reader.truncate(to: index)
                environment.damage.report(
                    .checkpoint, place: recovered.paths.last ?? headDirectory, reason: "\(error)",
                    lost: "records after \(frame.after), unless the log has them")
                // The block may have come in by half: begin anew with what is sound.
                active = format.makeMemtable(after: shard.root.load().sealed.last?.table)
                shard.root.update { $0.with(active: active) }
                for (index, frame) in reader.frames.enumerated() where !frame.block.isEmpty {
                    try? active.restore(frame.block, owner: reader.owners[index])
                }
                break
            }
        }
        if let lost = reader.lostThrough, lost >= queue.nextOffset {
            environment.damage.report(
                .checkpoint, place: recovered.paths.last ?? headDirectory, reason: "a checkpoint is not readable",
                lost: "records \(reader.through + 1) to \(lost)")
        }
        head = HeadWriter(
            directory: headDirectory, firstOffset: activeFirst, formatVersion: format.version, recovered: reader,
            fileSystem: environment.fileSystem)
        shard.appliedOffset.store(reader.through, ordering: .releasing)
    }

    private struct RangeIsOver: Error {}

    /// Applies the log's records behind what is applied, through `end`.
    private func replay(through end: UInt64, _ marker: ReplayMarker) throws {
        guard applied < end, queue.nextOffset > applied + 1 else { return }
        do {
            try queue.replay(from: applied + 1, damage: { environment.damage.report($0) }) { offset, bytes in
                if offset > end { throw RangeIsOver() }
                if offset > applied + 1 { skip(to: offset - 1) }
                if marker.isDeadly(offset) {
                    setAside(bytes, offset: offset, reason: "recovery died at it \(options.recoveryDeathsMax) times")
                } else {
                    marker.begin(offset)
                    _ = apply(bytes, offset: offset)
                }
                counters.recordsReplayed.wrappingAdd(1, ordering: .relaxed)
                shard.appliedOffset.store(offset, ordering: .releasing)
            }
        } catch is RangeIsOver {
            // The next memtable's records begin.
        }
    }

    /// Records through `offset` are lost; the log has said so where it knew them.
    private func skip(to offset: UInt64) {
        guard offset > applied else { return }
        shard.appliedOffset.store(offset, ordering: .releasing)
    }
}
