import Bedrock
import Model

/// Finds out which deletes have left no byte behind, and forgets old receipts. Used by the retention worker.
struct ReceiptKeeper<Format: SegmentFormat> {
    let environment: EngineEnvironment
    let options: EngineOptions

    func tend(_ shard: Shard<Format>) throws {
        let records = shard.deletes.all
        if records.isEmpty { return }
        let now = environment.clock.now()
        let gone = try records.filter { try $0.goneAt == nil && isGone($0, shard) }.map(\.tombstone.offset)
        let old = records.filter { record in
            record.goneAt.map { $0 < now - options.receiptMilliseconds } ?? false
        }.map(\.tombstone.offset)
        if gone.isEmpty && old.isEmpty { return }
        var edit = CatalogEdit(shard: shard.key, epoch: shard.epoch)
        edit.deletesGone = Dictionary(uniqueKeysWithValues: gone.map { ($0, now) })
        edit.deletesForgotten = old
        try environment.catalog.commit(edit)
        shard.deletes.noteGone(gone, at: now)
        shard.deletes.forget(old)
    }

    /// Whether nothing holds the rows any more. What can't be ruled out counts as holding them.
    private func isGone(_ record: DeleteRecord, _ shard: Shard<Format>) throws -> Bool {
        let delete = record.tombstone
        guard record.isApplied, shard.committedOffset.load(ordering: .acquiring) >= delete.offset,
            shard.logFirstOffset.load(ordering: .acquiring) > delete.offset,
            // Objects of merges and flushes that came to nothing may hold anything.
            !shard.hasAbandoned, !shard.removedObjects.contains(where: { $0.mayHold(delete) })
        else { return false }
        return try headsAreGone(through: delete.offset, shard)
    }

    /// Checkpoints go with their flush; where that failed, here.
    private func headsAreGone(through offset: UInt64, _ shard: Shard<Format>) throws -> Bool {
        let directory = Path.join(environment.directory, "head/\(shard.key)")
        let left = try HeadFile.list(directory, environment.fileSystem).filter { $0.firstOffset < offset }
        let committed = shard.committedOffset.load(ordering: .acquiring)
        for file in left where file.firstOffset <= committed { try environment.fileSystem.remove(file.path) }
        return left.isEmpty
    }
}

extension RemovedObject {
    /// Whether rows that a delete hides may be in it.
    func mayHold(_ delete: Tombstone) -> Bool {
        guard let content else { return true }
        return content.tenant == delete.tenant && content.firstOffset < delete.offset
            && content.tombstonesThrough < delete.offset && content.timeRange.overlaps(delete.range)
    }
}
