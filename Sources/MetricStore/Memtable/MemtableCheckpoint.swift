import Bedrock
import LSM
import Model

/// What a memtable has told its checkpoints so far; for the writer.
struct CheckpointState {
    /// The last record that a checkpoint holds.
    var tick: UInt32 = 0
    /// Series with a number, per tenant, in the order of their numbers: number `i` is `series[i - 1]`.
    var series: [Tenant: ContiguousArray<UInt32>] = [:]
}

/// Checkpoint blocks: what came into a memtable since the block before, in the form in which it is held.
///
/// ```
/// ┌────────────┬─ per tenant ─────────────────────────────────────────────────────────────────┐
/// │ version u8 │ 1 u8, name; then per series: number (varint), flags u8 and what they announce │
/// │   1 or 2   │   1 new: canonical labels                                                     │
/// │            │   2 chunks, which take the place of the raw rows before: count; each first and│
/// │            │     last time, rows, timestamp column, value column                           │
/// │            │   4 rows: count; each time - previous time (svarint), value (8 bytes)         │
/// │            │   8 histograms: count; each time (svarint), `HistogramRecord`                 │
/// │            │   16 exemplars: count; each time (svarint), value (8 bytes), canonical labels;│
/// │            │      version 2, which is written where there is any, or an empty histogram    │
/// │            │ 0; metadata count, families                                                   │
/// ├────────────┴───────────────────────────────────────────────────────────────────────────────┤
/// │ 0 u8                                                                                       │
/// └────────────────────────────────────────────────────────────────────────────────────────────┘
/// ```
/// A series' raw rows are written once. When they have been sealed meanwhile, the chunks are written and the rows behind them again:
/// then a chunk holds all rows since the chunk before, and restoring drops what earlier blocks had of them.
enum MemtableCheckpoint {
    /// The newest version; older ones are read, too.
    private static let version: UInt8 = 2

    private enum Flag {
        static let new: UInt8 = 1
        static let chunks: UInt8 = 2
        static let rows: UInt8 = 4
        static let histograms: UInt8 = 8
        static let exemplars: UInt8 = 16
    }

    // MARK: Writing

    static func write(
        _ tables: [Tenant: TenantTable], state: inout CheckpointState, through tick: UInt32,
        into block: inout ByteBuffer
    ) {
        let start = block.count
        block.append(1 as UInt8)
        var isEmpty = true
        var needed: UInt8 = 1
        for table in tables.values.sorted(by: { $0.tenant < $1.tenant }) {
            let before = block.count
            block.append(1 as UInt8)
            block.append(prefixed: table.tenant.name)
            let head = block.count
            for id in 0..<table.heads.count {
                needed = max(needed, writeSeries(id, table, &state, into: &block))
            }
            if block.count == head && table.changedFamilies.isEmpty {
                block.truncate(to: before)
                continue
            }
            block.append(varint: 0 as Int)
            block.append(varint: table.changedFamilies.count)
            for item in table.changedFamilies { MetricRecord.encode(item, into: &block) }
            table.changedFamilies.removeAll()
            isEmpty = false
        }
        state.tick = tick
        if isEmpty { return block.truncate(to: start) }
        block.append(0 as UInt8)
        block.mutableBytes[start] = needed
    }

    /// Returns the version that knows what was written.
    private static func writeSeries(
        _ id: Int, _ table: TenantTable, _ state: inout CheckpointState, into block: inout ByteBuffer
    ) -> UInt8 {
        let head = table.heads.pointer(id)
        let page = head.pointee.page
        var chunks: [UnsafePointer<MemoryChunk>] = []
        var next = page?.chunks
        while let chunk = next, chunk.pointee.sealTick > state.tick {
            chunks.append(chunk)
            next = chunk.pointee.previous
        }
        var firstRow = 0
        let rows = page?.count ?? 0
        if let page, chunks.isEmpty { firstRow = page.visibleCount(state.tick) }
        var histograms: [UnsafePointer<HistogramNode>] = []
        var older = head.pointee.newestHistogram
        while let node = older, node.pointee.tick > state.tick {
            histograms.append(node)
            older = node.pointee.previous
        }
        var exemplars: [UnsafePointer<ExemplarNode>] = []
        var earlier = head.pointee.newestExemplar
        while let node = earlier, node.pointee.tick > state.tick {
            exemplars.append(node)
            earlier = node.pointee.previous
        }
        var flags = (chunks.isEmpty ? 0 : Flag.chunks) | (firstRow < rows ? Flag.rows : 0)
        flags |= (histograms.isEmpty ? 0 : Flag.histograms) | (exemplars.isEmpty ? 0 : Flag.exemplars)
        guard flags != 0 else { return 1 }
        let isNew = head.pointee.checkpointId == 0
        if isNew {
            state.series[table.tenant, default: []].append(UInt32(id))
            head.pointee.checkpointId = UInt32(state.series[table.tenant]?.count ?? 0)
        }
        if isNew { flags |= Flag.new }
        block.append(varint: UInt64(head.pointee.checkpointId))
        block.append(flags)
        if isNew { block.append(prefixed: table.index.series.pointer(id).pointee.labels) }
        if !chunks.isEmpty { write(chunks, into: &block) }
        if let page, firstRow < rows { write(page, firstRow..<rows, into: &block) }
        if !histograms.isEmpty { write(histograms, into: &block) }
        if !exemplars.isEmpty { write(exemplars, into: &block) }
        return exemplars.isEmpty && histograms.allSatisfy { !$0.pointee.bytes.isEmpty } ? 1 : version
    }

    private static func write(_ newestFirst: [UnsafePointer<MemoryChunk>], into block: inout ByteBuffer) {
        block.append(varint: newestFirst.count)
        for chunk in newestFirst.reversed() {
            block.append(signedVarint: chunk.pointee.minTime)
            block.append(signedVarint: chunk.pointee.maxTime)
            block.append(varint: UInt64(chunk.pointee.count))
            block.append(prefixed: chunk.pointee.timestamps)
            block.append(prefixed: chunk.pointee.values)
        }
    }

    private static func write(_ page: RowPage, _ rows: Range<Int>, into block: inout ByteBuffer) {
        block.append(varint: rows.count)
        var previous: Int64 = 0
        for row in rows {
            block.append(signedVarint: page.timestamps[row] &- previous)
            block.append(page.values[row])
            previous = page.timestamps[row]
        }
    }

    private static func write(_ newestFirst: [UnsafePointer<HistogramNode>], into block: inout ByteBuffer) {
        block.append(varint: newestFirst.count)
        for node in newestFirst.reversed() {
            block.append(signedVarint: node.pointee.timestamp)
            block.append(prefixed: node.pointee.bytes)
        }
    }

    private static func write(_ newestFirst: [UnsafePointer<ExemplarNode>], into block: inout ByteBuffer) {
        block.append(varint: newestFirst.count)
        for node in newestFirst.reversed() {
            block.append(signedVarint: node.pointee.timestamp)
            block.append(node.pointee.value)
            block.append(prefixed: node.pointee.labels)
        }
    }

    // MARK: Restoring

    /// Takes a block back in. Chunks stay where they are, in `block`.
    static func restore(_ block: UnsafeRawBufferPointer, into memtable: MetricMemtable) throws(DecodeError) {
        var reader = ByteReader(block)
        let found = try reader.u8()
        guard (1...version).contains(found) else { throw DecodeError("unknown checkpoint version \(found)", at: 0) }
        while try reader.u8() == 1 {
            let tenant = Tenant(String(decoding: try reader.prefixed(), as: UTF8.self))
            let table = memtable.table(tenant)
            while true {
                let number = try reader.varint()
                guard number > 0 else { break }
                try restoreSeries(number, &reader, table, memtable)
            }
            for _ in 0..<(try reader.length(limit: reader.remaining)) {
                table.set(try MetricRecord.decodeMetadata(&reader))
            }
            table.changedFamilies.removeAll()
        }
    }

    private static func restoreSeries(
        _ number: UInt64, _ reader: inout ByteReader, _ table: TenantTable, _ memtable: MetricMemtable
    ) throws(DecodeError) {
        let flags = try reader.u8()
        let numbered = memtable.checkpoints.series[table.tenant]?.count ?? 0
        let id: Int
        if flags & Flag.new != 0 {
            let labels = try reader.prefixed()
            guard isCanonical(labels), number == UInt64(numbered + 1) else {
                throw DecodeError("checkpoint series \(number) behind \(numbered) is new or damaged", at: reader.offset)
            }
            id = table.findOrAdd(labels, hash: Hash128(of: labels))
            memtable.checkpoints.series[table.tenant, default: []].append(UInt32(id))
            table.heads.pointer(id).pointee.checkpointId = UInt32(number)
        } else {
            guard let known = memtable.checkpoints.series[table.tenant], number <= UInt64(known.count) else {
                throw DecodeError("checkpoint series \(number) was never announced", at: reader.offset)
            }
            id = Int(known[Int(number) - 1])
        }
        let head = table.heads.pointer(id)
        if flags & Flag.chunks != 0 { try restoreChunks(&reader, head, memtable) }
        if flags & Flag.rows != 0 { try restoreRows(&reader, head, memtable) }
        if flags & Flag.histograms != 0 { try restoreHistograms(&reader, head, memtable) }
        if flags & Flag.exemplars != 0 { try restoreExemplars(&reader, head, memtable) }
    }

    private static func restoreExemplars(
        _ reader: inout ByteReader, _ head: UnsafeMutablePointer<SeriesHead>, _ memtable: MetricMemtable
    ) throws(DecodeError) {
        var added = 0
        for _ in 0..<(try reader.length(limit: reader.remaining)) {
            let time = try reader.signedVarint()
            let value = try reader.double()
            let labels = try reader.prefixed()
            guard isCanonical(labels) else {
                throw DecodeError("labels of an exemplar are not canonical", at: reader.offset)
            }
            if memtable.appendExemplar(time, value, labels, to: head) { added += 1 }
        }
        memtable.noteRestored(rows: added)
    }

    private static func restoreChunks(
        _ reader: inout ByteReader, _ head: UnsafeMutablePointer<SeriesHead>, _ memtable: MetricMemtable
    ) throws(DecodeError) {
        var newest = head.pointee.page?.chunks
        var rows = -(head.pointee.page?.count ?? 0)
        for _ in 0..<(try reader.length(limit: reader.remaining)) {
            let minTime = try reader.signedVarint()
            let maxTime = try reader.signedVarint()
            let count = try reader.length(limit: TimestampColumn.rowsMax)
            let timestamps = try reader.prefixed()
            let values = try reader.prefixed()
            let chunk = memtable.arena.allocate(MemoryLayout<MemoryChunk>.stride)
                .bindMemory(to: MemoryChunk.self, capacity: 1)
            chunk.initialize(
                to: MemoryChunk(
                    previous: newest, timestamps: timestamps, values: values, minTime: minTime, maxTime: maxTime,
                    count: UInt32(count), firstTick: 0, lastTick: 0, sealTick: 0))
            newest = UnsafePointer(chunk)
            rows += count
            memtable.note(minTime)
            memtable.note(maxTime)
        }
        memtable.replaceRows(of: head, by: newest)
        memtable.noteRestored(rows: rows)
    }

    private static func restoreRows(
        _ reader: inout ByteReader, _ head: UnsafeMutablePointer<SeriesHead>, _ memtable: MetricMemtable
    ) throws(DecodeError) {
        var time: Int64 = 0
        var added = 0
        for _ in 0..<(try reader.length(limit: reader.remaining)) {
            time = time &+ (try reader.signedVarint())
            if memtable.append(time, try reader.double(), to: head) { added += 1 }
        }
        memtable.noteRestored(rows: added)
    }

    private static func restoreHistograms(
        _ reader: inout ByteReader, _ head: UnsafeMutablePointer<SeriesHead>, _ memtable: MetricMemtable
    ) throws(DecodeError) {
        let count = try reader.length(limit: reader.remaining)
        for _ in 0..<count {
            let time = try reader.signedVarint()
            let bytes = try reader.prefixed()
            if !bytes.isEmpty {
                var check = ByteReader(bytes)
                try HistogramRecord.skip(&check)
            }
            memtable.append(time, bytes, to: head)
        }
        memtable.noteRestored(rows: count)
    }
}
