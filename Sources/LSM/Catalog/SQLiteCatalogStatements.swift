import Bedrock
import Model

/// The catalog's reads and edits in SQL, run inside a transaction.
extension SQLiteDatabase {
    func requireEpoch(_ epoch: UInt64, _ shard: ShardKey) throws(CatalogError) {
        var found: UInt64?
        try statement("SELECT epoch FROM shards WHERE signal = ? AND shard = ?")
            .bind(.text(shard.signal), .integer(Int64(shard.index)))
            .rows { found = UInt64(bitPattern: $0.integer(0)) }
        if found != epoch {
            throw .fenced("epoch \(epoch) of \(shard) is over, \(found.map(String.init) ?? "none") is on")
        }
    }

    func apply(_ edit: CatalogEdit) throws(CatalogError) {
        let signal = SQLiteStatement.Value.text(edit.shard.signal)
        let shard = SQLiteStatement.Value.integer(Int64(edit.shard.index))
        if let advance = edit.advance { try apply(advance, edit.shard) }
        for record in edit.added { try add(record, edit) }
        for object in edit.removed {
            try statement("DELETE FROM segments WHERE name = ? AND signal = ? AND shard = ?")
                .bind(.text(object.name), signal, shard).run()
            if changes != 1 { throw .conflict("\(object.name) is not live") }
            try statement(
                """
                INSERT INTO removed (name, signal, shard, delete_after, tenant, time_min, time_max, first_position,
                    tombstones_through) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
            ).bind(
                .text(object.name), signal, shard, .integer(object.deleteAfter),
                object.content.map { .text($0.tenant.name) } ?? .null,
                object.content.map { .integer($0.timeRange.start) } ?? .null,
                object.content.map { .integer($0.timeRange.end) } ?? .null,
                object.content.map { .bits($0.firstOffset) } ?? .null,
                object.content.map { .bits($0.tombstonesThrough) } ?? .null
            ).run()
        }
        for (name, through) in edit.settled {
            try statement("UPDATE segments SET tombstones_through = ? WHERE name = ? AND signal = ? AND shard = ?")
                .bind(.bits(through), .text(name), signal, shard).run()
            if changes != 1 { throw .conflict("\(name) is not live") }
        }
        for name in edit.forgotten {
            for table in ["reservations", "removed"] {
                try statement("DELETE FROM \(table) WHERE name = ? AND signal = ? AND shard = ?")
                    .bind(.text(name), signal, shard).run()
            }
        }
        try applyDeletes(edit, signal, shard)
    }

    private func applyDeletes(
        _ edit: CatalogEdit, _ signal: SQLiteStatement.Value, _ shard: SQLiteStatement.Value
    ) throws(CatalogError) {
        for tombstone in edit.tombstonesAdded {
            var matchers = ByteBuffer()
            MatcherCoding.append(tombstone.matchers, to: &matchers)
            try statement(
                """
                INSERT OR IGNORE INTO tombstones (signal, shard, position, tenant, matchers, time_min, time_max,
                    predicate, id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
            ).bind(
                signal, shard, .bits(tombstone.offset), .text(tombstone.tenant.name), .blob(matchers.array()),
                .integer(tombstone.range.start), .integer(tombstone.range.end), .text(tombstone.predicate),
                .text(tombstone.id), .integer(tombstone.createdAt)
            ).run()
        }
        let place = "WHERE signal = ? AND shard = ? AND position = ?"
        for offset in edit.tombstonesDropped {
            try statement("DELETE FROM tombstones \(place) AND id = ''").bind(signal, shard, .bits(offset)).run()
            try statement("UPDATE tombstones SET is_applied = 1 \(place)").bind(signal, shard, .bits(offset)).run()
        }
        for (offset, time) in edit.deletesGone {
            try statement("UPDATE tombstones SET gone_at = ? \(place)")
                .bind(.integer(time), signal, shard, .bits(offset)).run()
        }
        for offset in edit.deletesForgotten {
            try statement("DELETE FROM tombstones \(place)").bind(signal, shard, .bits(offset)).run()
        }
    }

    private func apply(_ advance: CatalogEdit.Advance, _ key: ShardKey) throws(CatalogError) {
        let signal = SQLiteStatement.Value.text(key.signal)
        let shard = SQLiteStatement.Value.integer(Int64(key.index))
        try statement("UPDATE shards SET position = ? WHERE signal = ? AND shard = ? AND position = ?")
            .bind(.bits(advance.to), signal, shard, .bits(advance.from)).run()
        if changes != 1 || advance.to < advance.from { throw .conflict("offset of \(key) is not \(advance.from)") }
        for (lane, state) in advance.lanes {
            try statement(
                """
                INSERT INTO lanes (signal, shard, producer, lane, sequence, position) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (signal, shard, producer, lane)
                DO UPDATE SET sequence = excluded.sequence, position = excluded.position
                """
            ).bind(
                signal, shard, .text(lane.producer), .integer(Int64(lane.number)), .bits(state.sequence),
                .bits(state.offset)
            ).run()
        }
        for lane in advance.lanesForgotten {
            try statement("DELETE FROM lanes WHERE signal = ? AND shard = ? AND producer = ? AND lane = ?")
                .bind(signal, shard, .text(lane.producer), .integer(Int64(lane.number))).run()
        }
    }

    private func add(_ record: SegmentRecord, _ edit: CatalogEdit) throws(CatalogError) {
        let signal = SQLiteStatement.Value.text(edit.shard.signal)
        let shard = SQLiteStatement.Value.integer(Int64(edit.shard.index))
        try statement("DELETE FROM reservations WHERE name = ? AND signal = ? AND shard = ? AND epoch = ?")
            .bind(.text(record.name), signal, shard, .bits(edit.epoch)).run()
        if changes != 1 { throw .conflict("\(record.name) is not reserved") }
        let summary = record.summary
        try statement(
            """
            INSERT INTO segments (name, signal, shard, tenant, tier, window_start, window_end, time_min, time_max,
                series_count, row_count, byte_count, format_version, first_position, last_position, epoch,
                tombstones_through) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """
        ).bind(
            .text(record.name), signal, shard, .text(record.tenant.name), .integer(Int64(record.tier)),
            record.window.map { .integer($0.start) } ?? .null, record.window.map { .integer($0.end) } ?? .null,
            .integer(summary.timeRange.start), .integer(summary.timeRange.end), .integer(Int64(summary.seriesCount)),
            .integer(Int64(summary.rowCount)), .integer(Int64(summary.byteCount)),
            .integer(Int64(summary.formatVersion)), .bits(record.firstOffset), .bits(record.lastOffset),
            .bits(record.epoch), .bits(record.tombstonesThrough)
        ).run()
    }

    /// All of one shard.
    func state(_ key: ShardKey) throws(CatalogError) -> ShardState? {
        let signal = SQLiteStatement.Value.text(key.signal)
        let shard = SQLiteStatement.Value.integer(Int64(key.index))
        var found: ShardState?
        try statement("SELECT epoch, position FROM shards WHERE signal = ? AND shard = ?").bind(signal, shard).rows {
            found = ShardState(epoch: UInt64(bitPattern: $0.integer(0)))
            found?.offset = UInt64(bitPattern: $0.integer(1))
        }
        guard var state = found else { return nil }
        try statement("SELECT producer, lane, sequence, position FROM lanes WHERE signal = ? AND shard = ?")
            .bind(signal, shard).rows {
                let lane = Lane(producer: $0.text(0), number: UInt32(truncatingIfNeeded: $0.integer(1)))
                state.lanes[lane] = LaneState(
                    sequence: UInt64(bitPattern: $0.integer(2)), offset: UInt64(bitPattern: $0.integer(3)))
            }
        try statement(
            """
            SELECT name, tenant, tier, window_start, window_end, time_min, time_max, series_count, row_count,
                byte_count, format_version, first_position, last_position, epoch, tombstones_through
            FROM segments WHERE signal = ? AND shard = ? ORDER BY last_position, time_min, name
            """
        ).bind(signal, shard).rows { state.segments.append($0.segmentRecord()) }
        try statement("SELECT name, epoch FROM reservations WHERE signal = ? AND shard = ?").bind(signal, shard).rows {
            state.reservations[$0.text(0)] = UInt64(bitPattern: $0.integer(1))
        }
        try readDeletes(key, into: &state)
        return state
    }

    /// Removed objects and deletes; of a file of version 1 without what it lacks.
    private func readDeletes(_ key: ShardKey, into state: inout ShardState) throws(CatalogError) {
        let signal = SQLiteStatement.Value.text(key.signal)
        let shard = SQLiteStatement.Value.integer(Int64(key.index))
        let isOld = schemaVersion < 2
        let content = isOld ? "NULL" : "tenant, time_min, time_max, first_position, tombstones_through"
        try statement("SELECT name, delete_after, \(content) FROM removed WHERE signal = ? AND shard = ? ORDER BY name")
            .bind(signal, shard).rows { state.removed.append($0.removedObject()) }
        let receipt = isOld ? "'', '', 0, 0, NULL" : "predicate, id, created_at, is_applied, gone_at"
        try statement(
            """
            SELECT position, tenant, matchers, time_min, time_max, \(receipt) FROM tombstones
            WHERE signal = ? AND shard = ? ORDER BY position
            """
        ).bind(signal, shard).rows { (row) throws(CatalogError) in
            let delete = DeleteRecord(
                tombstone: try row.tombstone(key), isApplied: row.integer(8) != 0,
                goneAt: row.isNull(9) ? nil : row.integer(9))
            if !delete.isApplied { state.tombstones.append(delete.tombstone) }
            if !delete.tombstone.id.isEmpty { state.deletes.append(delete) }
        }
    }
}

extension SQLiteStatement {
    fileprivate func segmentRecord() -> SegmentRecord {
        SegmentRecord(
            name: text(0), tenant: Tenant(text(1)), tier: Int(integer(2)),
            window: isNull(3) ? nil : TimeRange(integer(3), integer(4)),
            summary: SegmentSummary(
                timeRange: TimeRange(integer(5), integer(6)), seriesCount: Int(integer(7)), rowCount: Int(integer(8)),
                byteCount: Int(integer(9)), formatVersion: Int(integer(10))),
            firstOffset: UInt64(bitPattern: integer(11)), lastOffset: UInt64(bitPattern: integer(12)),
            epoch: UInt64(bitPattern: integer(13)), tombstonesThrough: UInt64(bitPattern: integer(14)))
    }

    fileprivate func removedObject() -> RemovedObject {
        let content =
            isNull(2)
            ? nil
            : RemovedObject.Content(
                tenant: Tenant(text(2)), timeRange: TimeRange(integer(3), integer(4)),
                firstOffset: UInt64(bitPattern: integer(5)), tombstonesThrough: UInt64(bitPattern: integer(6)))
        return RemovedObject(name: text(0), deleteAfter: integer(1), content: content)
    }

    fileprivate func tombstone(_ shard: ShardKey) throws(CatalogError) -> Tombstone {
        let bytes = blob(2)
        do {
            let matchers = try bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws -> [Matcher] in
                var reader = ByteReader(bytes)
                return try MatcherCoding.read(&reader)
            }
            return Tombstone(
                tenant: Tenant(text(1)), matchers: matchers, range: TimeRange(integer(3), integer(4)),
                predicate: text(5), offset: UInt64(bitPattern: integer(0)), id: text(6), createdAt: integer(7))
        } catch { throw .failed("tombstone \(integer(0)) of \(shard) is not readable: \(error)") }
    }
}
