import Bedrock
import Synchronization

/// The catalog's transactional double for simulations: what is committed survives, whatever happens to the machine.
public final class MemoryCatalog: Catalog {
    private let states = Mutex<[ShardKey: ShardState]>([:])
    private let transact: @Sendable (_ name: String, _ body: () -> Void) throws(FileError) -> Void

    /// - Parameter transact: runs a transaction's body, or not, and may throw before or after: the simulation's hook.
    public init(
        transact: @escaping @Sendable (_ name: String, _ body: () -> Void) throws(FileError) -> Void = {
            (_, body) throws(FileError) in body()
        }
    ) {
        self.transact = transact
    }

    public func acquire(_ shard: ShardKey, holder: String) throws(CatalogError) -> ShardState {
        try change(shard, "acquire") { state throws(CatalogError) in state.epoch += 1 }
    }

    public func state(_ shard: ShardKey) throws(CatalogError) -> ShardState? { states.withLock { $0[shard] } }

    public func shards() throws(CatalogError) -> [ShardKey] { states.withLock { $0.keys.sorted() } }

    public func reserve(_ object: String, shard: ShardKey, epoch: UInt64) throws(CatalogError) {
        _ = try change(shard, "reserve") { state throws(CatalogError) in
            guard state.epoch == epoch else { throw .fenced("epoch \(epoch) of \(shard) is over") }
            guard !state.knows(object) else { throw .conflict("\(object) is taken") }
            state.reservations[object] = epoch
        }
    }

    public func commit(_ edit: CatalogEdit) throws(CatalogError) {
        _ = try change(edit.shard, "commit") { state throws(CatalogError) in try state.apply(edit) }
    }

    private func change(
        _ shard: ShardKey, _ name: String, _ body: (inout ShardState) throws(CatalogError) -> Void
    ) throws(CatalogError) -> ShardState {
        let result = states.withLock { states -> Result<ShardState, CatalogError> in
            do throws(CatalogError) {
                var state = states[shard] ?? ShardState(epoch: 0)
                try body(&state)
                do throws(FileError) {
                    try transact(name) { states[shard] = state }
                } catch {
                    throw error.reason == .full ? .full("\(error)") : .failed("\(error)")
                }
                return .success(state)
            } catch { return .failure(error) }
        }
        return try result.get()
    }
}

extension ShardState {
    fileprivate func knows(_ object: String) -> Bool {
        reservations[object] != nil || segments.contains { $0.name == object } || removed.contains { $0.name == object }
    }

    /// The meaning of an edit; the SQL says the same.
    mutating func apply(_ edit: CatalogEdit) throws(CatalogError) {
        guard epoch == edit.epoch else { throw .fenced("epoch \(edit.epoch) of \(edit.shard) is over, \(epoch) is on") }
        if let advance = edit.advance {
            guard offset == advance.from, advance.to >= advance.from else {
                throw .conflict("offset of \(edit.shard) is \(offset), not \(advance.from)")
            }
            offset = advance.to
            lanes.merge(advance.lanes) { $1 }
            for lane in advance.lanesForgotten { lanes[lane] = nil }
        }
        for record in edit.added {
            guard reservations.removeValue(forKey: record.name) == edit.epoch else {
                throw .conflict("\(record.name) is not reserved")
            }
            segments.append(record)
        }
        for object in edit.removed {
            guard let index = segments.firstIndex(where: { $0.name == object.name }) else {
                throw .conflict("\(object.name) is not live")
            }
            segments.remove(at: index)
            removed.append(object)
        }
        for (name, through) in edit.settled {
            guard let index = segments.firstIndex(where: { $0.name == name }) else {
                throw .conflict("\(name) is not live")
            }
            segments[index].tombstonesThrough = through
        }
        for name in edit.forgotten {
            reservations[name] = nil
            removed.removeAll { $0.name == name }
        }
        for tombstone in edit.tombstonesAdded where !tombstones.contains(where: { $0.offset == tombstone.offset }) {
            if deletes.contains(where: { $0.tombstone.offset == tombstone.offset }) { continue }
            tombstones.append(tombstone)
            if !tombstone.id.isEmpty { deletes.append(DeleteRecord(tombstone: tombstone)) }
        }
        tombstones.removeAll { edit.tombstonesDropped.contains($0.offset) }
        for at in deletes.indices {
            let offset = deletes[at].tombstone.offset
            if edit.tombstonesDropped.contains(offset) { deletes[at].isApplied = true }
            if let time = edit.deletesGone[offset] { deletes[at].goneAt = time }
        }
        deletes.removeAll { edit.deletesForgotten.contains($0.tombstone.offset) }
    }
}
