import Bedrock
import LSM
import Model

/// Goes through several segments trace by trace, by the start of their first span, then id. A trace that lies in several blocks or inputs is put
/// together where it is met first; all others are carried over as they are.
final class TraceMerge {
    private let cursors: [Cursor]
    /// Of ids that are met more than once.
    private let shared: Set<UInt32>
    private var joined: Set<TraceID> = []
    private let hides: [SpanHide]
    private let first: Int64
    private let last: Int64
    private let damage: DamageFilter
    /// Traces between two calls of `yield`.
    private static let tracesPerYield = 4096

    init(
        _ inputs: [TraceSegment], clip: TimeRange, tombstones: [Tombstone], damage: @escaping (SegmentDamage) -> Void
    ) throws {
        hides = tombstones.map { SpanHide($0) }
        (first, last) = NanosecondTime.nanoseconds(clip)
        self.damage = DamageFilter(damage)
        cursors = try inputs.map { try Cursor($0) }
        shared = try Self.shared(cursors, self.damage)
    }

    /// Fingerprints that occur more than once among all inputs.
    private static func shared(_ cursors: [Cursor], _ damage: DamageFilter) throws -> Set<UInt32> {
        var all: ContiguousArray<UInt32> = []
        all.reserveCapacity(cursors.reduce(0) { $0 + $1.segment.footer.traceCount })
        for cursor in cursors {
            do {
                for number in cursor.index.idPages.indices {
                    all.append(contentsOf: try cursor.segment.page(number, cursor.index).fingerprints)
                }
            } catch let error as SegmentDamage {
                damage.report(error)
                // Without its index, what the blocks say.
                try cursor.forEachBlock(damage) {
                    for id in try $0.traceIDs() { all.append(TraceHash.fingerprint(id)) }
                }
            }
        }
        all.sort()
        var shared: Set<UInt32> = []
        for at in all.indices.dropFirst() where all[at] == all[at - 1] { shared.insert(all[at]) }
        return shared
    }

    func run(into output: TraceSegmentWriter, yield: () throws -> Void) throws {
        for cursor in cursors {
            for number in 0..<cursor.index.keys.count { output.block.noted.note(cursor.index.keys[number]) }
            if cursor.index.isKeysCut { output.block.noted.cut() }
            try cursor.open(damage)
        }
        var sinceYield = 0
        while let cursor = smallest() {
            let before = cursor.trace
            if isShared(cursor.id) {
                if joined.insert(cursor.id).inserted { try appendShared(cursor.id, to: output) }
                try cursor.advance(1, damage)
                sinceYield += 1
            } else if needsRows(cursor) {
                try appendRows(cursor, to: output)
                try cursor.advance(1, damage)
                sinceYield += 1
            } else {
                let end = runEnd(cursor)
                let taken = try cursor.transfer.map { try output.append($0, traces: before..<end) } ?? 0
                if taken == 0 { try appendRows(cursor, to: output) }
                try cursor.advance(max(taken, 1), damage)
                sinceYield += max(taken, 1)
            }
            if sinceYield >= Self.tracesPerYield {
                sinceYield = 0
                try yield()
            }
        }
    }

    private func isShared(_ id: TraceID) -> Bool { !shared.isEmpty && shared.contains(TraceHash.fingerprint(id)) }

    private func smallest() -> Cursor? {
        var best: Cursor?
        for cursor in cursors where cursor.block != nil {
            if best.map({ cursor.precedes($0) }) ?? true { best = cursor }
        }
        return best
    }

    /// Behind the last of the cursor's traces that come before all other inputs' and can be carried over.
    private func runEnd(_ cursor: Cursor) -> Int {
        var end = cursor.trace + 1
        let other = cursors.filter { $0 !== cursor && $0.block != nil }.min { $0.precedes($1) }
        while end < cursor.ids.count, !isShared(cursor.ids[end]) {
            if let other, !isBefore(cursor.times[end], cursor.ids[end], other.time, other.id) { break }
            end += 1
        }
        return end
    }

    /// Whether rows of the cursor's block may have to go.
    private func needsRows(_ cursor: Cursor) -> Bool {
        guard let entry = cursor.block?.entry else { return false }
        return entry.firstStart < first || entry.lastStart > last
            || hides.contains { $0.overlaps(entry.firstStart, through: entry.lastStart) }
    }

    // MARK: Span by span

    private func appendRows(_ cursor: Cursor, to output: TraceSegmentWriter) throws {
        guard let block = cursor.block else { return }
        let batch = SpanBatch()
        try gather(block, cursor.trace, cursor, output.block, into: batch)
        try append(cursor.id, batch, Array(0..<batch.rowCount), to: output)
    }

    /// Puts a trace together from everywhere; of the same span the later input counts.
    private func appendShared(_ id: TraceID, to output: TraceSegmentWriter) throws {
        let batch = SpanBatch()
        for cursor in cursors {
            do {
                try cursor.segment.forEachCandidate(id, cursor.index) { number, trace in
                    let block = cursor.borrow(number)
                    guard try block.traceIDs()[trace] == id else { return }
                    try gather(block, trace, cursor, output.block, into: batch)
                }
            } catch let error as SegmentDamage { damage.report(error) }
        }
        let rows = batch.rows
        let keys = rows.map { SpanKey(start: $0.start, spanID: $0.spanID.value, kind: $0.kind.rawValue) }
        var order = Array(rows.indices)
        order.sort { keys[$0] != keys[$1] ? keys[$0] < keys[$1] : $0 > $1 }
        let kept = order.indices.filter { $0 == 0 || keys[order[$0 - 1]] != keys[order[$0]] }.map { order[$0] }
        try append(id, batch, kept, to: output)
    }

    /// Adds what stays of a trace in a block; `resource` and `scope` of rows are the output's numbers, as are those of the batch's dummies.
    private func gather(
        _ block: StoredBlock, _ trace: Int, _ cursor: Cursor, _ target: SpanBlockBuilder, into batch: SpanBatch
    ) throws {
        let starts = try block.traceStarts()
        let id = try block.traceIDs()[trace]
        let active = hides.filter {
            $0.overlaps(block.entry.firstStart, through: block.entry.lastStart) && $0.matches(id)
        }
        try block.forEachSpan(Int(starts[trace])..<Int(starts[trace + 1])) { _, span in
            guard span.start >= first, span.start <= last else { return }
            let isHidden = active.contains {
                $0.contains(span.start) && $0.matches(resource: block.index.resources[Int(span.resource)])
            }
            if isHidden { return }
            let resource = cursor.maps.resource(Int(span.resource), block.index, target)
            let scope = cursor.maps.scope(Int(span.scope), block.index, target)
            while batch.resources.count <= Int(resource) { batch.append(SpanBatch.Resource()) }
            while batch.scopes.count <= Int(scope) { batch.append(SpanBatch.Scope()) }
            span.append(to: batch, resource: resource, scope: scope)
        }
    }

    private func append(_ id: TraceID, _ batch: SpanBatch, _ rows: [Int], to output: TraceSegmentWriter) throws {
        guard !rows.isEmpty else { return }
        try output.beginTrace(id)
        try batch.withArena { arena in
            for row in rows {
                let row = batch.rows[row]
                try output.append(SpanBytes(row, arena), resource: row.resource, scope: row.scope)
            }
        }
        output.endTrace()
    }

    /// Where the merge stands in one input.
    private final class Cursor {
        let segment: TraceSegment
        let index: TraceIndex
        let maps: SegmentMaps
        private(set) var block: StoredBlock?
        private(set) var transfer: BlockTransfer?
        private(set) var ids: ContiguousArray<TraceID> = []
        private(set) var times: ContiguousArray<Int64> = []
        private(set) var starts: ContiguousArray<Int32> = []
        private(set) var trace = 0
        private var nextBlock = 0
        /// Blocks that were asked for out of order.
        private var borrowed: [StoredBlock] = []

        init(_ segment: TraceSegment) throws {
            self.segment = segment
            index = try segment.index()
            maps = SegmentMaps(index)
        }

        var id: TraceID { ids[trace] }
        var time: Int64 { times[trace] }

        func precedes(_ other: Cursor) -> Bool { isBefore(time, id, other.time, other.id) }

        /// Opens the next block that can be read.
        func open(_ damage: DamageFilter) throws {
            block = nil
            transfer = nil
            while nextBlock < index.blocks.count {
                let candidate = StoredBlock(segment, index, nextBlock)
                nextBlock += 1
                do {
                    let transfer = BlockTransfer(candidate, maps)
                    try transfer.check()
                    ids = try candidate.traceIDs()
                    times = try candidate.traceTimes()
                    starts = try candidate.traceStarts()
                    trace = 0
                    self.transfer = transfer
                    block = candidate
                    return
                } catch let error as SegmentDamage { damage.report(error) }
            }
        }

        func advance(_ count: Int, _ damage: DamageFilter) throws {
            trace += count
            if trace >= ids.count { try open(damage) }
        }

        func borrow(_ number: Int) -> StoredBlock {
            if let block, block.number == number { return block }
            if let known = borrowed.first(where: { $0.number == number }) { return known }
            let made = StoredBlock(segment, index, number)
            if borrowed.count >= 3 { borrowed.removeFirst() }
            borrowed.append(made)
            return made
        }

        func forEachBlock(_ damage: DamageFilter, _ body: (StoredBlock) throws -> Void) throws {
            for number in index.blocks.indices {
                do { try body(StoredBlock(segment, index, number)) } catch let error as SegmentDamage {
                    damage.report(error)
                }
            }
        }
    }
}

/// The order of traces in a segment.
private func isBefore(_ timeA: Int64, _ a: TraceID, _ timeB: Int64, _ b: TraceID) -> Bool {
    timeA != timeB ? timeA < timeB : a < b
}
